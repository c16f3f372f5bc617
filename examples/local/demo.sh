#!/usr/bin/env bash
# The main job without a cluster: one pass between two reference directories, approval, and a pass that has nothing to do.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
galsync=$(realpath "${1:?the program}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/*.json "$here"/*.yaml "$work"
cd "$work"
pass() { # expected exit code, arguments
  local wanted=$1 got=0
  shift
  printf '\n$ galsync run -f galsync.yaml --owner-id example %s\n' "$*"
  "$galsync" run -f galsync.yaml --owner-id example "$@" 2>&1 | tee output || got=${PIPESTATUS[0]}
  [ "$got" = "$wanted" ] || {
    echo "the demo has failed: exit code $got, and $wanted was expected" >&2
    exit 1
  }
}

echo "== A first pass: it reads, simulates, and waits for a person"
pass 3
mapfile -t digests < <(grep -oE 'sha256:[0-9a-f]{64}' output | sort -u)
report=$(find galsync-store -name 'simulate-*.jsonl.zst' | sort | head -n 1)

echo
echo "== The report: what would be written, and why somebody is left out"
printf '$ galsync report %s\n' "$report"
"$galsync" report "$report" | head -n 20

echo
echo "== Approved by digest: exactly these plans are written"
approvals=()
for digest in "${digests[@]}"; do approvals+=(--approve "$digest"); done
pass 0 "${approvals[@]}"

echo
echo "== A second pass has nothing to do"
pass 0
