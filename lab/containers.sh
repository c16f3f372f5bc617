# shellcheck shell=bash
# Removes what containers leave behind, whether containerd still runs or not. Sourced after settings.sh and processes.sh.

# The shims of the lab's containerd, known by its socket in their command line.
shims() {
  local folder arguments
  for folder in /proc/[0-9]*; do
    mapfile -d '' -t arguments 2>/dev/null <"$folder/cmdline" || continue
    [[ "${arguments[0]:-}" == *containerd-shim-runc-v2 && " ${arguments[*]} " == *" -address $containerd_socket "* ]] || continue
    echo "${folder#/proc/}"
  done
}

# A container's first process is its shim's child; when it dies, everything in its process namespace dies with it.
kill_containers() {
  local shim children
  for shim in $(shims); do
    read -ra children < <(cat "/proc/$shim/task"/*/children 2>/dev/null) || true
    kill -KILL ${children[@]+"${children[@]}"} "$shim" 2>/dev/null || true
  done
}

# A control group can be removed once the last process in it is gone, which takes the kernel a moment.
remove_control_groups() {
  local attempt
  for ((attempt = 0; attempt < 20; attempt++)); do
    find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -maxdepth 2 -type d -name kubepods 2>/dev/null)" ] || return 0
    sleep 0.2
  done
  say "some control groups below kubepods are still in use"
}

remove_containers() {
  local address container
  kill_containers
  unmount_below "$cluster/containerd"
  unmount_below "$cluster/kubelet"
  # containerd keeps the shims' sockets and the results of network plugins in folders of its own choice, next to those of
  # other containerds; the bundles tell which ones are the lab's.
  for address in "$cluster"/containerd/state/io.containerd.runtime.v2.task/k8s.io/*/address; do
    [ -e "$address" ] || continue
    container=$(basename "$(dirname "$address")")
    rm -f "/var/lib/cni/results/cni-loopback-$container-lo"
    address=$(cat "$address")
    rm -f "${address#unix://}"
  done
  remove_control_groups
  rm -rf "$cluster/containerd/state" "$cluster/containerd/runc" "$cluster/cni"
  rm -f /var/lib/cni/results/galsync-lab-* "$containerd_socket" "$containerd_socket.ttrpc"
  find /var/log/containers -lname "$cluster/*" -delete 2>/dev/null || true
}

# The chains of kube-proxy and of the kubelet, all named KUBE-, and the jumps into them; one step per table.
remove_filter_rules() {
  local program table rules chains
  for program in iptables ip6tables; do
    for table in mangle nat filter; do
      rules=$("$program-save" -t "$table" 2>/dev/null) || continue
      chains=$(sed -n 's/^:\(KUBE-[^ ]*\) .*/\1/p' <<<"$rules")
      [ -n "$chains" ] || continue
      # shellcheck disable=SC2086 # the chains are words of their own
      {
        echo "*$table"
        sed -n '/^-A KUBE-/d; s/^-A \(.* -j KUBE-.*\)/-D \1/p' <<<"$rules"
        printf -- "-F %s\n" $chains
        printf -- "-X %s\n" $chains
        echo COMMIT
      } | "$program-restore" --wait 10 --noflush || say "cannot remove the $table rules of the cluster from $program"
    done
  done
}
