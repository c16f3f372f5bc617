#!/usr/bin/env bash
# build.sh BINARY IMAGE FILE.tar: makes a container image, as `docker save` writes it, without a container engine.
# The same binary on the same system gives the same bytes: files are sorted and dated SOURCE_DATE_EPOCH (or 1970).
# The entry point is the binary's name at the root, /galsync; it runs as user 65532.
set -euo pipefail
export LC_ALL=C
umask 022
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 3 ] || {
  echo "usage: build.sh BINARY IMAGE FILE.tar" >&2
  exit 2
}
binary=$1 image=$2 file=$3
date=${SOURCE_DATE_EPOCH:-0}
case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

archive() { # folder, file
  tar --create --file "$2" --directory "$1" --format=gnu --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner \
    --transform 's,^\./,,' .
}

"$here/rootfs.sh" "$binary" "$work/root"
mkdir "$work/image"
archive "$work/root" "$work/layer.tar"
layer=$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)
compressed=$(gzip -9 -n <"$work/layer.tar" | wc -c)
mv "$work/layer.tar" "$work/image/$layer.tar"

cat >"$work/config.json" <<J
{"architecture":"$architecture","os":"linux","created":"$(date -u -d "@$date" +%Y-%m-%dT%H:%M:%SZ)","config":{"User":"65532:65532","WorkingDir":"/","Env":["PATH=/","SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],"Entrypoint":["/$(basename "$binary")"],"Labels":{"org.opencontainers.image.title":"$(basename "$binary")"}},"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},"history":[{"created_by":"deploy/image/build.sh"}]}
J
config=$(sha256sum <"$work/config.json" | cut -d' ' -f1)
mv "$work/config.json" "$work/image/$config.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s.tar"]}]\n' "$config" "$image" "$layer" >"$work/image/manifest.json"

mkdir -p "$(dirname "$file")"
archive "$work/image" "$file.new"
mv -f "$file.new" "$file"
awk -v image="$image" -v bytes="$compressed" 'BEGIN { printf "image %s: %.1f MB compressed\n", image, bytes / 1e6 }' >&2
