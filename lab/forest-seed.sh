#!/usr/bin/env bash
# Fills forests with invented people: forest-seed.sh [corp|fabrikam|all] [--users N] [--seed S] (500 users, seed 1).
# A forest that was seeded before is made anew, with the same passwords and certificate. Counts: $GALSYNC_LAB/FOREST/seed.json
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

which=all
case ${1:-} in
'' | -*) ;;
*)
  which=$1
  shift
  ;;
esac
need_root
wanted=$(chosen "$which") || exit 1
for name in $wanted; do
  describe "$name"
  # A mark left by a seeding that did not end makes the forest as unfit as one that was seeded.
  if [ -e "$state/seed.json" ] || [ -e "$state/seed.json.new" ]; then rm -f "$state/samba/.complete" "$state/seed.json" "$state/seed.json.new"; fi
  "$here/forest-up.sh" "$forest"
  (
    lock_lab
    server_stop
    nice /usr/bin/python3 "$here/forests/seed.py" "$state/samba" "$forest" "$@" >"$state/seed.json.new"
    mv "$state/seed.json.new" "$state/seed.json"
  )
  "$here/forest-up.sh" "$forest"
done
