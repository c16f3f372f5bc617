#!/usr/bin/env bash
# All tests. Without the lab: everything that needs no server. With it (root, or CI): Active Directory and Kubernetes.
#   tests/run.sh         what `make test` runs
#   tests/run.sh soak    the long forms of the same scenarios
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
step() { printf '\n=== %s (after %d s)\n' "$*" $((SECONDS - started)); }

lab=yes
if [ "$(id -u)" != 0 ] || [ "${GALSYNC_SKIP_LAB:-}" = 1 ]; then
  if [ "${CI:-}" = true ]; then
    echo "tests: CI runs with the lab, which needs root" >&2
    exit 1
  fi
  echo "tests: SKIPPED: everything that needs the lab (Active Directory, Kubernetes); it needs root and no GALSYNC_SKIP_LAB"
  lab=no
fi

if [ $lab = yes ]; then
  step "packages"
  lab/packages.sh
  tests/tools.sh lab
  step "the lab's programs, in the background"
  mkdir -p target
  (lab/binaries.sh >target/lab-binaries.path 2>target/lab-binaries.log && echo done >>target/lab-binaries.log) &
  binaries=$!
else
  tests/tools.sh
fi

step "build"
cargo build --bins --tests
step "format and lints"
cargo fmt --check
cargo clippy --all-targets -- -D warnings

if [ $lab = yes ]; then # the tests of the chart want helm
  if ! wait "$binaries"; then
    tail -n 30 target/lab-binaries.log >&2
    exit 1
  fi
fi

step "tests that need no lab"
cargo test

if [ $lab = yes ]; then
  step "lab"
  cleanup() { [ "${GALSYNC_KEEP_LAB:-}" = 1 ] || lab/down.sh || true; }
  trap cleanup EXIT
  GALSYNC_LAB=${GALSYNC_LAB:-/var/tmp/galsync-lab}
  export GALSYNC_LAB
  lab/up.sh
  step "tests on the lab"
  GALSYNC_TEST_LAB=1 KUBECONFIG=$GALSYNC_LAB/kubeconfig cargo test --test lab --test cluster -- --include-ignored --test-threads=1
fi
step "all tests passed"
