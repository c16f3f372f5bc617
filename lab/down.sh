#!/usr/bin/env bash
# Takes the whole lab down and removes what it left, also after a crash: down.sh [--keep]. --keep leaves the data of the forests and
# of the cluster for the next start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"

[ $# -eq 0 ] || [ "$*" = --keep ] || fail "usage: down.sh [--keep]"
need_root
# One that fails does not keep the other up.
failed=0
"$here/forest-down.sh" "$@" || failed=1
"$here/kubernetes-down.sh" "$@" || failed=1
exit "$failed"
