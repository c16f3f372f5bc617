#!/usr/bin/env bash
# image.sh BINARY TAG: makes the container image of a program, without a container engine, and prints the file's name.
# TAG is a whole name (registry/name:tag) or only the tag, then of localhost/galsync.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"
[ $# -eq 2 ] || fail "usage: image.sh BINARY TAG"
case $2 in */* | *:*) image=$2 ;; *) image=localhost/galsync:$2 ;; esac
mkdir -p "$lab/images"
file=$lab/images/$(tr -c 'A-Za-z0-9.\n' - <<<"$image").tar
"$here/../deploy/image/build.sh" "$1" "$image" "$file" >&2
echo "$file"
