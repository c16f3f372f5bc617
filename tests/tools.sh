#!/usr/bin/env bash
# Says which tools are missing and where they come from. Installs nothing.
set -euo pipefail
missing=0
need() { # command, smallest version, how it says its version, where it comes from
  local found
  if ! found=$($3 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1) || [ -z "$found" ]; then
    echo "missing: $1 $2 or later. $4" >&2
    missing=1
  elif [ "$(printf '%s\n%s\n' "$2" "$found" | sort -V | head -n 1)" != "$2" ]; then
    echo "too old: $1 $found; $2 or later is needed. $4" >&2
    missing=1
  fi
}
need cargo 1.95 "cargo --version" "From rustup (https://rustup.rs): rustup toolchain install stable; Debian's own is too old."
need cc 8 "cc -dumpfullversion" "Debian: apt-get install gcc libc6-dev"
if [ "${1:-}" = lab ]; then
  need go 1.26 "go version" "From https://go.dev/dl, unpacked to /usr/local/go; Debian's own is too old. It builds the lab's Kubernetes."
fi
exit "$missing"
