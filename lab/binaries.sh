#!/usr/bin/env bash
# Builds the lab's Go programs (Kubernetes, etcd, CoreDNS, Helm) and prints the folder that holds them.
# They are kept outside the tree, keyed by the hash of each module's go.sum, so that a second call costs nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${GALSYNC_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/galsync-lab}
version=v1.34.4 # of Kubernetes, as in lab/kubernetes/go.mod; without the -X flags the server calls itself v0.0.0

command -v go >/dev/null || {
  echo "lab: Go 1.26 or later is missing; see 'What you need' in README.md" >&2
  exit 1
}

build() { # folder of a Go module -> folder of its binaries
  local name=$1 flags=${2:-} key out
  key=$(cat "$here/$name/go.mod" "$here/$name/go.sum" | sha256sum | cut -c1-16)
  out=$cache/$name-$key
  if [ ! -e "$out/.complete" ]; then
    echo "lab: building $name (once; kept in $out)" >&2
    mkdir -p "$out"
    (cd "$here/$name" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $flags" -o "$out/" tool) >&2
    touch "$out/.complete"
  fi
  ln -sf "$out"/* "$cache/bin/"
}

mkdir -p "$cache/bin"
build kubernetes "-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version"
build etcd
build coredns
build helm
# A module's only tool is named after its last path element, which for etcd is its major version.
[ -e "$cache/bin/v3" ] && ln -sf "$(readlink -f "$cache/bin/v3")" "$cache/bin/etcd"
[ -e "$cache/bin/server" ] && ln -sf "$(readlink -f "$cache/bin/server")" "$cache/bin/etcd"
echo "$cache/bin"
