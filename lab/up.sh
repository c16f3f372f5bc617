#!/usr/bin/env bash
# Brings the whole lab up: packages, programs, two seeded Active Directory forests, Kubernetes with its volumes. May be called
# again at any time: what is there is left alone, what is missing is made.
#   GALSYNC_LAB_USERS=500    people in each forest, when it is first seeded
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"
began=$SECONDS

need_root
"$here/packages.sh"
# The programs of Kubernetes take minutes the first time; the forests are made meanwhile.
mkdir -p "$lab"
"$here/binaries.sh" >/dev/null 2>"$lab/binaries.log" &
binaries_built=$!
"$here/forest-up.sh" all
for forest in corp fabrikam; do
  [ -s "$lab/$forest/seed.json" ] || "$here/forest-seed.sh" "$forest" --users "${GALSYNC_LAB_USERS:-500}"
done
if kill -0 "$binaries_built" 2>/dev/null; then say "waiting for the programs of Kubernetes ($lab/binaries.log tells)"; fi
wait "$binaries_built" || {
  tail -n 30 "$lab/binaries.log" >&2
  fail "the programs of Kubernetes could not be built; all of it is in $lab/binaries.log"
}
"$here/kubernetes-up.sh"
say "the lab is up after $((SECONDS - began)) s; export KUBECONFIG=$("$here/kubeconfig.sh")"
