#!/usr/bin/env bash
# Brings the forests up: forest-up.sh [corp|fabrikam|all]. What is missing is made (network, authority, certificate, domain,
# Exchange's schema and organization, accounts); what runs is left alone; what has died is started again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
# shellcheck source=processes.sh
. "$here/processes.sh"
# shellcheck source=forests/settings.sh
. "$here/forests/settings.sh"
# shellcheck source=forests/certificates.sh
. "$here/forests/certificates.sh"
# shellcheck source=forests/process.sh
. "$here/forests/process.sh"

write_configuration() {
  cat >"$configuration" <<C
[global]
  server role = active directory domain controller
  netbios name = DC1
  workgroup = $netbios
  realm = $realm
  interfaces = $address 127.0.0.1
  bind interfaces only = yes
  # Only LDAP is needed: 389 with StartTLS, 636, and the global catalog on 3268 and 3269.
  server services = ldap
  ldap server require strong auth = yes
  tls enabled = yes
  tls keyfile = $state/tls/server.key
  tls certfile = $state/tls/server.crt
  tls cafile = $state/tls/trusted.crt
  # A lab may lose its last seconds when the machine loses power; every write would else wait for the disk.
  ldb:nosync = true
  prefork children = 2
  private dir = $state/samba/private
  lock directory = $state/samba
  state directory = $state/samba/state
  cache directory = $state/samba/cache
  binddns dir = $state/samba/bind-dns
  pid directory = $state/samba/run
  ncalrpc dir = $state/samba/run/ncalrpc
  posix:eadb = $state/samba/private/eadb.tdb
C
}

new_password() { # file: made once; long, and of the kinds of characters that Active Directory asks for
  [ -s "$1" ] || (umask 077 && printf 'Lab-%s' "$(openssl rand -hex 16)" >"$1")
}

provision() {
  local log=$state/log/provision.log
  say "$forest: making the domain $domain"
  rm -rf "$state/samba" "$state/samba.kept" "$state/seed.json"
  mkdir -p "$state/log" "$state/run"
  : >"$state/empty.conf" # instead of the machine's own smb.conf
  {
    samba-tool domain provision --configfile="$state/empty.conf" --realm="$realm" --domain="$netbios" --server-role=dc \
      --dns-backend=NONE --adminpass="$(cat "$state/admin-password")" --targetdir="$state/samba" --host-name=dc1 --host-ip="$address" \
      --option="posix:eadb=$state/samba/private/eadb.tdb" &&
      write_configuration &&
      /usr/bin/python3 "$here/forests/schema.py" apply "$state/samba" &&
      printf '%s\n%s\n' "$(cat "$state/password")" "$(cat "$state/reader-password")" |
      /usr/bin/python3 "$here/forests/prepare.py" "$state/samba" "$organization"
  } >"$log" 2>&1 </dev/null || {
    tail -n 25 "$log" >&2
    fail "$forest could not be made; all of it is in $log"
  }
  touch "$state/samba/.complete"
}

# What a test or a person needs to know, in one place.
write_facts() {
  cat >"$state/forest.json.new" <<J
{
  "forest": "$forest", "domain": "$domain", "server": "$server", "address": "$address", "namespace": "$namespace",
  "ldaps": "ldaps://$server:636", "ldap": "ldap://$server:389", "globalCatalog": "ldaps://$server:3269",
  "caFile": "$ca/ca.crt", "base": "$base", "configurationBase": "CN=Configuration,$base",
  "organization": "CN=$organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,$base",
  "legacyAdminGroup": "/o=$organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)",
  "defaultGlobalAddressList": "CN=Default Global Address List,CN=All Global Address Lists,CN=Address Lists Container,CN=$organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,$base",
  "contactsContainer": "OU=Address Sync,$base",
  "writer": {"dn": "CN=svc-galsync,OU=Service Accounts,$base", "userPrincipalName": "svc-galsync@$domain", "passwordFile": "$state/password"},
  "reader": {"dn": "CN=svc-reader,OU=Service Accounts,$base", "userPrincipalName": "svc-reader@$domain", "passwordFile": "$state/reader-password"},
  "administrator": {"dn": "CN=Administrator,CN=Users,$base", "userPrincipalName": "administrator@$domain", "passwordFile": "$state/admin-password"}
}
J
  mv "$state/forest.json.new" "$state/forest.json"
}

forest_up() {
  describe "$1"
  mkdir -p "$state"
  new_password "$state/password"
  new_password "$state/reader-password"
  new_password "$state/admin-password"
  [ -n "${GALSYNC_LAB_KEEP_CERTIFICATE:-}" ] || server_certificate
  cp "$ca/ca.crt" "$state/tls/trusted.crt"
  if [ ! -e "$state/samba/.complete" ]; then
    server_stop
    provision
  fi
  write_configuration
  mkdir -p "$state/samba/run"
  server_start
  write_facts
}

need_root
if ! { [ -x "$samba" ] && [ -d /usr/share/samba/setup/ad-schema ] && command -v ldapsearch >/dev/null; }; then "$here/packages.sh"; fi
lock_lab
"$here/network.sh" up
wanted=$(chosen "${1:-all}") || exit 1
for name in $wanted; do forest_up "$name"; done
