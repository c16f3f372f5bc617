# shellcheck shell=bash disable=SC2034 # the scripts that source this file use the names
# The lab's names, folders and addresses, and the three ways its scripts speak. Sourced by them, never run.

lab=${GALSYNC_LAB:-/var/tmp/galsync-lab}
cache=${GALSYNC_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/galsync-lab}
binaries=$cache/bin

cluster=$lab/kubernetes         # state of the cluster's own programs
pki=$cluster/pki                # certificates and keys
config=$cluster/config          # written anew by every kubernetes-up.sh
volumes=$lab/volumes            # file systems behind the `local` persistent volumes
hosts=$lab/hosts                # names of the forests, written by network.sh, served by CoreDNS
kubeconfig=$lab/kubeconfig      # of the lab's administrator
containerd_socket=$cluster/containerd.sock

bridge=galsync0                 # pods and forests are neighbours on this bridge
gateway=10.244.0.1              # the machine's own address on it
pod_network=10.244.0.0/24
pod_first=10.244.0.100 pod_last=10.244.0.250
service_network=10.96.0.0/16
kubernetes_service=10.96.0.1 dns_service=10.96.0.10
api_server=https://$gateway:6443
node=galsync-lab
pause_image=localhost/galsync-lab/pause:1

say() { printf 'lab: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
need_root() { [ "$(id -u)" -eq 0 ] || fail "only root can do this (network namespaces, mounts and containers)"; }

# A cluster of the user's own, in KUBECONFIG, takes the place of the lab's, unless the lab's is asked for by name.
foreign_cluster() {
  [ -n "${KUBECONFIG:-}" ] && [ -z "${GALSYNC_LAB_OWN_CLUSTER:-}" ] &&
    [ "$(realpath -m "$KUBECONFIG")" != "$(realpath -m "$kubeconfig")" ]
}

# Only one script changes the lab at a time; the lock goes when the script ends, however it ends.
lock_lab() {
  mkdir -p "$lab"
  exec 9>"$lab/.lock"
  flock -n 9 || {
    say "waiting for another lab script to end"
    flock 9
  }
}

# The bridge may be here already, or come at this moment: network.sh of the forests makes the same one.
ensure_bridge() {
  ip link add "$bridge" type bridge 2>/dev/null || ip link show "$bridge" >/dev/null
  # Setting it, if only to what it is, keeps the address from following that of the ports as they come and go.
  ip link set "$bridge" address "$(cat "/sys/class/net/$bridge/address")"
  ip address replace "$gateway/24" dev "$bridge"
  ip link set "$bridge" up
}
