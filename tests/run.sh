#!/usr/bin/env bash
# All tests. Without the lab: everything that needs no server. With it (root): Active Directory, Kubernetes, and the whole system.
#   GALSYNC_SKIP_LAB=1   leaves out what needs the lab, and says so; CI may not
#   GALSYNC_KEEP_LAB=1   leaves the lab up at the end, and takes one that is up as it is
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
  echo "tests: SKIPPED: all that needs the lab (Active Directory, Kubernetes): it needs root, and GALSYNC_SKIP_LAB not set"
  lab=no
fi

export GALSYNC_LAB=${GALSYNC_LAB:-/var/tmp/galsync-lab}
unset KUBECONFIG
if [ $lab = yes ]; then
  step "packages and tools"
  lab/packages.sh tests
  tests/tools.sh lab
  mkdir -p target
  # Built while the compiler works on ours; a machine that has them already does nothing here.
  nice lab/binaries.sh >/dev/null 2>target/lab-binaries.log &
  binaries=$!
else
  tests/tools.sh
fi

step "build"
cargo build --bins --tests
step "format and lints"
cargo fmt --check
cargo clippy --all-targets -- -D warnings
if cargo deny --version >/dev/null 2>&1; then
  cargo deny check bans licenses sources
else
  echo "tests: cargo-deny is not installed; tests/architecture/ holds its most important rules"
fi

if [ $lab = yes ] && ! wait "$binaries"; then
  tail -n 30 target/lab-binaries.log >&2
  exit 1
fi

step "tests that need no server"
targets=(--lib --bins)
for file in tests/*/main.rs; do
  name=$(basename "$(dirname "$file")")
  [[ $name == lab || $name == cluster ]] || targets+=(--test "$name")
done
cargo test "${targets[@]}"
step "Microsoft's own clients as judges of the sandbox"
cargo test --test sandbox vendor:: -- --include-ignored
step "Flux' kstatus and Argo CD's Lua as judges of every state"
cargo test --test manifests gitops:: -- --include-ignored
step "the store on what stands in for S3, Azure and Google"
tests/store/run.sh

if [ $lab = yes ]; then
  step "the lab"
  if [ "${GALSYNC_KEEP_LAB:-}" != 1 ]; then
    lab/down.sh
    trap 'lab/down.sh || true' EXIT
  fi
  lab/up.sh
  lab/image-load.sh "$(lab/image.sh target/debug/galsync lab)"
  step "tests on Active Directory and Kubernetes"
  cargo test --test lab -- --test-threads=1
  KUBECONFIG=$(lab/kubeconfig.sh) cargo test --test cluster -- --include-ignored --test-threads=3
  step "helm upgrade, uninstall, install again"
  lab/volumes.sh reset
  KUBECONFIG=$(lab/kubeconfig.sh) PATH=$PATH:${GALSYNC_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/galsync-lab}/bin tests/cluster/upgrade.sh
  step "network policies"
  KUBECONFIG=$(lab/kubeconfig.sh) PATH=$PATH:${GALSYNC_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/galsync-lab}/bin tests/cluster/network-policies.sh
  step "the whole system"
  lab/demo.sh
fi
step "all tests passed"
