#!/usr/bin/env bash
# binaries.sh [kubernetes|etcd|coredns|helm]...: builds the lab's Go programs (all without arguments) and prints the folder that holds them.
# They are kept outside the tree, keyed by the hash of each module's go.mod and go.sum, so that a second call costs nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"

need_go() {
  local found
  command -v go >/dev/null || fail "Go 1.26 or later is missing; see \"What you need\" in README.md"
  found=$(cd / && GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
  [ "$(printf '%s\n' 1.26 "$found" | sort -V | head -n 1)" = 1.26 ] ||
    fail "Go 1.26 or later is needed, this is $found; see \"What you need\" in README.md"
}

build() { # folder of a Go module, linker flags, programs it must give: links them into the folder of all programs
  local name=$1 flags=$2 key out program began=$SECONDS
  shift 2
  key=$(cat "$here/$name/go.mod" "$here/$name/go.sum" | sha256sum | cut -c1-16)
  out=$cache/$name-$key
  if [ ! -e "$out/.complete" ]; then
    need_go
    say "building $name (once; kept in $out)"
    rm -rf "$out"
    mkdir -p "$out"
    (cd "$here/$name" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $flags" -o "$out/" tool) >&2
    touch "$out/.complete"
    say "built $name in $((SECONDS - began)) s"
  fi
  # Go names a program after its import path's last element that is no version, which for etcd is "server".
  if [ "$name" = etcd ] && [ -e "$out/server" ]; then mv "$out/server" "$out/etcd"; fi
  for program in "$@"; do
    [ -x "$out/$program" ] || fail "the build of $name gave no $program in $out; remove that folder and build again"
    ln -sfn "$out/$program" "$binaries/$program"
  done
}

mkdir -p "$binaries"
exec 8>"$cache/.lock"
flock -n 8 || {
  say "waiting for another build of the lab's programs"
  flock 8
}
version=$(awk '$1 == "k8s.io/kubernetes" { print $2 } $1 == "require" && $2 == "k8s.io/kubernetes" { print $3 }' "$here/kubernetes/go.mod")
[ $# -gt 0 ] || set -- kubernetes etcd coredns helm
for module in "$@"; do
  # Without the -X flags the server calls itself v0.0.0 and clients complain.
  case $module in
    kubernetes)
      build kubernetes "-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version" \
        kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl
      ;;
    etcd | coredns | helm) build "$module" "" "$module" ;;
    *) fail "there is no module $module; known are kubernetes, etcd, coredns and helm" ;;
  esac
done
echo "$binaries"
