#!/usr/bin/env bash
# The forests' network: `network.sh up` makes the bridge, a network namespace for each forest with a veth to it, and the
# names; `network.sh down` removes them. Both may be repeated, and `up` mends what is only half there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
# shellcheck source=forests/settings.sh
. "$here/forests/settings.sh"

begin='# begin of the GalSync lab (lab/network.sh writes and removes this block)'
end='# end of the GalSync lab'

namespace_up() { # forest
  local space port
  describe "$1"
  space=$namespace port=gs-$forest
  [ -e "/run/netns/$space" ] || ip netns add "$space"
  if [ ! -e "/sys/class/net/$port" ]; then
    ip -n "$space" link delete eth0 2>/dev/null || true # half of a pair whose other half is lost
    ip link add "$port" type veth peer name eth0 netns "$space"
  fi
  ip link set "$port" master "$bridge" up
  ip -n "$space" link set lo up
  ip -n "$space" link set eth0 up
  ip -n "$space" address replace "$address/24" dev eth0
  ip -n "$space" route replace default via "$gateway"
}

# What /etc/hosts says without our block, and our block alone.
other_names() { awk -v b="$begin" -v e="$end" '$0 == b { ours = 1 } !ours { print } $0 == e { ours = 0 }' /etc/hosts; }
our_names() { awk -v b="$begin" -v e="$end" '$0 == e { ours = 0 } ours { print } $0 == b { ours = 1 }' /etc/hosts; }

# Written in place: in a container /etc/hosts is a mount that cannot be replaced.
write_names() { # file, or nothing to take the block out
  local rest
  rest=$(other_names)
  {
    printf '%s\n' "$rest"
    if [ $# -gt 0 ]; then echo "$begin" && cat "$1" && echo "$end"; fi
  } >/etc/hosts
}

up() {
  local name
  ensure_bridge
  for name in "${forests[@]}"; do namespace_up "$name"; done
  for name in "${forests[@]}"; do
    describe "$name"
    echo "$address $server $domain"
  done >"$hosts.new"
  # CoreDNS reads the file again when it changed; a name that is asked for at this moment must not be missing.
  if cmp -s "$hosts.new" "$hosts"; then rm "$hosts.new"; else mv "$hosts.new" "$hosts"; fi
  if [ "$(our_names)" != "$(cat "$hosts")" ]; then write_names "$hosts"; fi
}

down() {
  local name
  for name in "${forests[@]}"; do
    describe "$name"
    [ -z "$(ip netns pids "$namespace" 2>/dev/null)" ] || fail "processes still run in the namespace $namespace; lab/forest-down.sh stops the forests"
    ip link delete "gs-$forest" 2>/dev/null || true
    [ ! -e "/run/netns/$namespace" ] || ip netns delete "$namespace"
  done
  if grep -qxF "$begin" /etc/hosts; then write_names; fi
  [ ! -e "$hosts" ] || : >"$hosts"
  # The bridge goes with its last user; the cluster may still be on it.
  if [ -d "/sys/class/net/$bridge/brif" ] && [ -z "$(ls "/sys/class/net/$bridge/brif")" ] &&
    [ ! -e "$cluster/run/kube-apiserver.pid" ]; then ip link delete "$bridge"; fi
}

need_root
mkdir -p "$lab"
case ${1:-} in
up) up ;;
down) down ;;
*) fail "usage: network.sh up|down" ;;
esac
