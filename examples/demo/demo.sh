#!/usr/bin/env bash
# The main job without a cluster: two tenants of the sandbox, one pass between them, approval, a pass that has nothing
# to do, and what a day's changes become. Nothing leaves this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
galsync=$(realpath "${1:?the program}")
work=$(mktemp -d)
sandbox=
end() {
  [ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT
fail() {
  echo "the demo has failed: $*" >&2
  exit 1
}

cp "$here"/*.yaml "$work"
cd "$work"
for company in contoso fabrikam; do
  mkdir -p "secrets/$company"
  printf '%s' "$company-demo-secret" >"secrets/$company/client-secret"
done

"$galsync" sandbox --config sandbox.yaml --listen 127.0.0.1:0 >sandbox.out 2>sandbox.err &
sandbox=$!
for _ in $(seq 200); do
  url=$(grep -oE 'http://127\.0\.0\.1:[0-9]+' sandbox.out || true)
  [ -z "$url" ] || break
  kill -0 "$sandbox" 2>/dev/null || fail "the sandbox ended: $(cat sandbox.err)"
  sleep 0.05
done
[ -n "$url" ] || fail 'the sandbox does not listen'
sed -i "s|http://127.0.0.1:8365|$url|" galsync.yaml
echo "== Two tenants of Microsoft 365 in a sandbox, at $url"

pass() { # expected exit code, arguments
  local wanted=$1 got=0
  shift
  printf '\n$ galsync run -f galsync.yaml --secrets secrets --owner-id demo %s\n' "$*"
  "$galsync" run -f galsync.yaml --secrets secrets --owner-id demo "$@" 2>&1 | tee output || got=${PIPESTATUS[0]}
  [ "$got" = "$wanted" ] || fail "exit code $got, and $wanted was expected"
}
approvals() {
  grep -oE 'sha256:[0-9a-f]{64}' output | sort -u | sed 's/^/--approve /' | tr '\n' ' '
}
change() {
  curl -fsS --noproxy '*' -o /dev/null -X POST "$url/sandbox/tenants/contoso.onmicrosoft.com/changes" -d "$1"
}

echo
echo "== A first pass: it reads both, simulates, and waits for a person"
pass 3
report=$(find galsync-store -name 'simulate-fabrikam*.jsonl.zst' | sort | head -n 1)

echo
echo "== The report: what would be written, and why somebody is left out"
printf '$ galsync report %s\n' "$report"
"$galsync" report "$report" >report.txt
head -n 12 report.txt

echo
echo "== Approved by digest: exactly these plans are written"
# shellcheck disable=SC2046
pass 0 $(approvals)

echo
echo "== A second pass has nothing to do"
pass 0

command -v curl >/dev/null || {
  echo
  echo "(with curl installed, the demo would now change some people and show what becomes of it)"
  exit 0
}
echo
echo "== A day at Contoso: somebody joins, somebody is promoted, somebody leaves"
mapfile -t people < <(curl -fsS --noproxy '*' "$url/sandbox/tenants/contoso.onmicrosoft.com?kind=UserMailbox" |
  grep -oE 'SMTP:[a-z0-9.-]+@contoso\.example' | sed 's/^SMTP://')
[ "${#people[@]}" -ge 2 ] || fail 'there is nobody to change'
change '[{"add": {"kind": "UserMailbox", "displayName": "Noor Visser", "mail": "noor.visser@contoso.example",
  "attributes": {"Title": "Trainee"}}}]'
change "[{\"set\": {\"object\": \"${people[0]}\", \"attributes\": {\"Title\": \"Managing Director\"}}},
  {\"delete\": {\"object\": \"${people[1]}\"}}]"
pass 0
