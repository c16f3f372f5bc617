#!/usr/bin/env bash
# What of the forests runs, and how many objects it was seeded with.
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

for name in "${forests[@]}"; do
  describe "$name"
  seeded="not seeded"
  if [ -s "$state/seed.json" ]; then seeded="seeded with $(jq -r '"\(.users) users, seed \(.seed)"' "$state/seed.json")"; fi
  if pid=$(running samba); then
    if server_answers >/dev/null 2>&1; then answers="answers"; else answers="does not answer"; fi
    printf '%-9s %s %s, pid %s, %s; %s\n' "$forest" "$server" "$address" "$pid" "$answers" "$seeded"
  elif [ -e "$state/samba/.complete" ]; then
    printf '%-9s stopped; %s\n' "$forest" "$seeded"
  else
    printf '%-9s not made\n' "$forest"
  fi
done
