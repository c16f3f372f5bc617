#!/usr/bin/env bash
# Puts forests back to where they were: forest-rewind.sh keep|back|forget [corp|fabrikam|all]. keep copies a forest's data,
# back returns to the copy, forget removes it. Benchmarks write into the same forest again and again with it: a server
# slows down with all that was ever deleted.
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

copy() { # from to: whole, or not at all
  rm -rf "$2" "$2.new"
  cp -a "$1" "$2.new"
  mv "$2.new" "$2"
}

action=${1:-}
case $action in keep | back | forget) ;; *) fail "forest-rewind.sh keep|back|forget [corp|fabrikam|all]" ;; esac
need_root
lock_lab
wanted=$(chosen "${2:-all}") || exit 1
for name in $wanted; do
  describe "$name"
  kept=$state/samba.kept
  case $action in
  keep)
    [ -e "$state/samba/.complete" ] || fail "$forest is not there; lab/forest-up.sh makes it"
    server_stop
    copy "$state/samba" "$kept"
    server_start
    ;;
  back)
    [ -e "$kept" ] || fail "$forest was not kept"
    server_stop
    copy "$kept" "$state/samba"
    server_start
    ;;
  forget) rm -rf "$kept" ;;
  esac
done
