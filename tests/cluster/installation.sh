# shellcheck shell=bash
# What the tests of the chart have in common: the names of an installation of their own, how they speak, and that nothing of
# it is left. Sourced with $release set; `tell` shows what went wrong, `remove` takes away what the namespaces do not hold.
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
image=${GALSYNC_TEST_IMAGE:-localhost/galsync:lab}
system=${release:?the name of the installation}
lists=$release-lists
folder=$(mktemp -d)
: "${KUBECONFIG:?names the cluster to test on}"

step() { printf '\n=== %s\n' "$*"; }
wrong() {
  printf '%s: %s\n' "$release" "$*" >&2
  exit 1
}
lists() { kubectl --namespace "$lists" "$@"; }

cleanup() {
  local code=$?
  [ $code = 0 ] || tell >&2 || true
  remove || true
  kubectl delete namespace "$lists" "$system" --ignore-not-found --timeout=2m >/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
