#!/usr/bin/env bash
# rootfs.sh BINARY FOLDER: puts together the image's whole root file system: the program, the shared objects it loads,
# the certificate authorities, a user without rights. The Dockerfile and build.sh both call it, so they hold the same.
set -euo pipefail
binary=${1:?binary} root=${2:?folder}
user=65532 # "nonroot", as in the distroless images

install -D -m 0755 "$binary" "$root/$(basename "$binary")"

copy() { # a library, under the name the loader looks for, whatever it links to
  install -D -m 0755 "$(readlink -f "$1")" "$root$1"
}
# `ldd` names the loader and every library by its path; it fails for a static program, which needs none.
if libraries=$(ldd "$binary" 2>/dev/null | grep -oE '/[^ ]+ \(0x' | cut -d' ' -f1) && [ -n "$libraries" ]; then
  for library in $libraries; do copy "$library"; done
  # glibc opens these by name when a host is looked up.
  directory=$(dirname "$(grep -m 1 '/libc\.so\.6$' <<<"$libraries")")
  for library in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2; do
    if [ -e "$directory/$library" ]; then copy "$directory/$library"; fi
  done
fi

install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:%s:%s:nonroot:/:/sbin/nologin\n' $user $user >"$root/etc/passwd"
printf 'root:x:0:\nnonroot:x:%s:\n' $user >"$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 0644 "$root/etc/passwd" "$root/etc/group" "$root/etc/nsswitch.conf"
mkdir -p "$root/tmp"
find "$root" -type d -exec chmod 0755 {} +
chmod 1777 "$root/tmp"
