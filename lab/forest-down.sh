#!/usr/bin/env bash
# Stops the forests and removes what they left: forest-down.sh [--keep] [corp|fabrikam|all]. --keep leaves their data.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
# shellcheck source=processes.sh
. "$here/processes.sh"
# shellcheck source=forests/settings.sh
. "$here/forests/settings.sh"
# shellcheck source=forests/process.sh
. "$here/forests/process.sh"

keep=
if [ "${1:-}" = --keep ]; then
  keep=1
  shift
fi
need_root
lock_lab
wanted=$(chosen "${1:-all}") || exit 1
for name in $wanted; do
  describe "$name"
  server_stop
  [ -n "$keep" ] || rm -rf "$state"
done
# The network is the forests' together; it goes with the last of them.
for name in "${forests[@]}"; do
  describe "$name"
  [ -z "$(servers)" ] || exit 0
done
"$here/network.sh" down
[ -n "$keep" ] || [ -e "$lab/corp" ] || [ -e "$lab/fabrikam" ] || rm -rf "$ca"
