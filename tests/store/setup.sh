#!/usr/bin/env bash
# Makes the stand-ins for S3, Azure and Google in the lab's cache. Does nothing for those that are there already; says which
# it cannot make, and succeeds all the same.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Outside the tree, as the lab's programs are: a fresh clone need not make them again.
base=${GALSYNC_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/galsync-lab}/store
mkdir -p "$base"

made() { # name, what it is made from, how: once for each content of the sources
  local name=$1 sources=$2 wanted
  shift 2
  wanted=$(cat $sources | sha256sum)
  [ "$(cat "$base/$name.complete" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "${base:?}/$name" "$base/$name.complete"
  if "$@" >"$base/$name.log" 2>&1; then
    echo "$wanted" >"$base/$name.complete"
  else
    echo "store: no stand-in $name: $(tail -n 1 "$base/$name.log")" >&2
  fi
}

python() { python3 -m venv "$base/python" && "$base/python/bin/pip" install --quiet --disable-pip-version-check -r tests/store/requirements.txt; }
azurite() { mkdir -p "$base/azurite" && npm install --prefix "$base/azurite" --no-audit --no-fund --no-package-lock azurite@3.37.0; }
gcs() { (cd tests/store/gcs && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -trimpath -ldflags "-s -w" -o "$base/gcs" .); }

made python tests/store/requirements.txt python
made azurite tests/store/setup.sh azurite
made gcs "tests/store/gcs/main.go tests/store/gcs/go.mod tests/store/gcs/go.sum" gcs
