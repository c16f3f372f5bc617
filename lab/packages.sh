#!/usr/bin/env bash
# Installs the Debian packages the lab needs, only those that are missing, and keeps their services from starting:
# the lab runs containerd and Samba itself, with files and sockets of its own. Quick when all are there.
#   packages.sh tests    also what the tests need beside the lab
set -euo pipefail

kubernetes=(containerd runc containernetworking-plugins iptables conntrack socat iproute2 kmod mount e2fsprogs util-linux)
forests=(samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind python3-samba ldb-tools ldap-utils)
common=(openssl ca-certificates curl jq zstd procps psmisc gcc libc6-dev)
judges=(prometheus) # its promtool and its server judge the rules and the dashboards
if [ "${1:-}" = tests ]; then
  # For clients of the vendors and stand-ins of the stores; those that a machine has from elsewhere serve as well.
  python3 -c 'import venv, ensurepip' 2>/dev/null || judges+=(python3-venv)
  command -v npm >/dev/null || judges+=(nodejs npm)
fi

missing_packages() {
  local package
  for package in "${kubernetes[@]}" "${forests[@]}" "${common[@]}" "${judges[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}
mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "lab: these packages are missing and only root can install them: ${missing[*]}" >&2
  exit 1
fi

# One at a time, or the second would keep the first one's policy for good.
exec 9>/run/lock/galsync-lab-packages
flock 9
mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -gt 0 ] || exit 0

# invoke-rc.d asks this program before it starts a service; 101 means "forbidden by policy".
policy=/usr/sbin/policy-rc.d
saved=$(mktemp -d)
restore() {
  if [ -e "$saved/policy-rc.d" ]; then mv -f "$saved/policy-rc.d" "$policy"; else rm -f "$policy"; fi
  rmdir "$saved"
}
if [ -e "$policy" ]; then mv "$policy" "$saved/policy-rc.d"; fi
trap restore EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

echo "lab: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# Another package manager may hold the lock: wait for it instead of failing.
options=(-o DPkg::Lock::Timeout=600 -y -qq --no-install-recommends)
if ! apt-get "${options[@]}" install "${missing[@]}" >&2; then
  apt-get -o DPkg::Lock::Timeout=600 -qq update >&2
  apt-get "${options[@]}" install "${missing[@]}" >&2
fi
