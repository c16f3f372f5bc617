#!/usr/bin/env bash
# Sees that a forest is what docs/lab-forests.md says: forest-check.sh [--read-only] [corp|fabrikam|all].
# Samba's own judgement of the database, ways in that are open and closed, counts beside those of the seeding, and (unless
# --read-only) what svc-galsync may and may not write, with an object of its own that is removed again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
# shellcheck source=forests/settings.sh
. "$here/forests/settings.sh"

read_only=
if [ "${1:-}" = --read-only ]; then
  read_only=1
  shift
fi
need_root
failures=0
result() { # what, 0 or not
  if [ "$2" -eq 0 ]; then echo "ok    $forest: $1"; else
    echo "FAIL  $forest: $1"
    [ ! -s "$output" ] || sed 's/^/      /' "$output" | tail -n 5
    failures=$((failures + 1))
  fi
}
output=$(mktemp) judgement=$(mktemp)
trap 'rm -f "$output" "$judgement"' EXIT

allowed() { # what, command...
  local what=$1 code=0
  shift
  "$@" >"$output" 2>&1 || code=$?
  result "$what" "$code"
}
refused() { # what, the result code that LDAP must give, command...
  local what=$1 expected=$2 code=0
  shift 2
  "$@" >"$output" 2>&1 || code=$?
  if [ "$code" -eq "$expected" ]; then code=0; else code=1; fi
  result "$what" "$code"
}

as() { # account's password file, account, program, arguments...
  local file=$1 who=$2 program=$3
  shift 3
  "$program" -x -H "${url:-ldaps://$server}" -D "$who@$domain" -y "$file" "$@"
}
writer() { as "$state/password" svc-galsync "$@"; }
reader() { as "$state/reader-password" svc-reader "$@"; }
root_entry() { writer ldapsearch -LLL "$@" -b "$base" -s base dn; }
over() { url=$1 root_entry "${@:2}"; }
entry() { printf '%s\n' "$@"; }
adds() { # account function, lines of an entry...
  local account=$1
  shift
  entry "$@" | "$account" ldapadd
}
count() { writer ldapsearch -LLL -o ldif-wrap=no -E pr=1000/noprompt -b "$base" "$1" 1.1 2>/dev/null | grep -c '^dn:' || true; }

check_ways_in() {
  allowed "LDAPS on 636, certificate and name verified" over "ldaps://$server"
  allowed "StartTLS on 389" over "ldap://$server" -ZZ
  refused "a simple bind without TLS on 389 gets strongerAuthRequired" 8 over "ldap://$server"
  allowed "global catalog on 3269" over "ldaps://$server:3269"
  allowed "global catalog on 3268 with StartTLS" over "ldap://$server:3268" -ZZ
  refused "another password gets invalidCredentials" 49 ldapsearch -x -H "ldaps://$server" -D "svc-galsync@$domain" -w wrong -b "$base" -s base dn
  refused "without the lab's authority nothing is trusted" 255 env LDAPTLS_CACERT=/dev/null ldapsearch -x -H "ldaps://$server" -b '' -s base dn
}

check_reading() {
  local kind filter
  allowed "the organization can be read" writer ldapsearch -LLL -b "CN=$organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,$base" -s base legacyExchangeDN
  allowed "svc-galsync sees deleted objects" test -n "$(deleted_by writer)"
  allowed "svc-reader sees deleted objects" test -n "$(deleted_by reader)"
  [ -s "$state/seed.json" ] || return 0
  printf '      %s: in all %s objects with an alias; shown: ' "$forest" "$(count '(mailNickname=*)')"
  for kind in user contact group msExchDynamicDistributionList; do
    case $kind in
    user | contact) filter="(objectCategory=person)(objectClass=$kind)" ;;
    *) filter="(objectCategory=$kind)" ;;
    esac
    printf '%s %s; ' "$kind" "$(count "(&(mailNickname=*)(!(msExchHideFromAddressLists=TRUE))$filter)")"
  done
  printf '\n      as seeded: %s\n' "$(jq -c .visible "$state/seed.json")"
}
deleted_by() { "$1" ldapsearch -LLL -E '!1.2.840.113556.1.4.417' -b "$base" '(isDeleted=TRUE)' dn 2>/dev/null | grep '^dn:'; }

check_writing() {
  local unit="OU=Check $$,OU=Address Sync,$base" contact before
  contact="CN=gs-check,$unit"
  allowed "svc-galsync makes a unit below OU=Address Sync" adds writer "dn: $unit" "objectClass: organizationalUnit"
  before=$(ldapsearch -LLL -x -H "ldaps://$server" -b '' -s base highestCommittedUSN | sed -n 's/^highestCommittedUSN: //p')
  allowed "svc-galsync makes a contact with every attribute" adds writer "dn: $contact" "objectClass: contact" "displayName: Ada Lovelace" \
    "givenName: Ada" "sn: Lovelace" "initials: AL" "title: Countess" "company: Analytical" "department: Engines" "physicalDeliveryOfficeName: A1" \
    "telephoneNumber: +44 1" "mobile: +44 2" "facsimileTelephoneNumber: +44 3" "homePhone: +44 4" "pager: 5" "streetAddress: St James" "l: London" \
    "st: Middlesex" "postalCode: SW1" "postOfficeBox: 7" "co: United Kingdom" "c: GB" "countryCode: 826" "wWWHomePage: https://ada.example" \
    "info: notes" "manager: CN=svc-galsync,OU=Service Accounts,$base" "mail: ada-$$@check.example" "mailNickname: gs-check" \
    "targetAddress: SMTP:ada-$$@check.example" "proxyAddresses: SMTP:ada-$$@check.example" "proxyAddresses: smtp:countess-$$@check.example" \
    "proxyAddresses: x500:/o=Other/ou=x/cn=Recipients/cn=ada" \
    "legacyExchangeDN: /o=$organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=gs-check-$$" \
    "showInAddressBook: CN=Default Global Address List,CN=All Global Address Lists,CN=Address Lists Container,CN=$organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,$base" \
    "msExchHideFromAddressLists: FALSE" "msExchRecipientDisplayType: 6" "msExchRecipientTypeDetails: 34359738368" "msExchVersion: 88218628259840" \
    "msExchPoliciesExcluded: {26491cfc-9e50-4857-861b-0cb8df22b5d7}" "msExchRequireAuthToSendTo: FALSE" "internetEncoding: 1310720" \
    "extensionAttribute1: one" "extensionAttribute15: gs1;check;$$" "thumbnailPhoto:: /9j/2Q=="
  allowed "svc-galsync changes it" ldif_modify writer "$contact" "replace: msExchHideFromAddressLists" "msExchHideFromAddressLists: TRUE" "-" \
    "delete: showInAddressBook" "-" "delete: proxyAddresses" "proxyAddresses: smtp:countess-$$@check.example"
  allowed "it is found by uSNChanged" test "$(count "(&(objectClass=contact)(uSNChanged>=$((before + 1))))")" = 1
  allowed "it is found by the prefix of its mark" test "$(count "(extensionAttribute15=gs1;check;$$*)")" = 1
  refused "a second object of its name gets entryAlreadyExists" 68 adds writer "dn: $contact" "objectClass: contact"
  refused "svc-galsync makes no user there" 50 adds writer "dn: CN=check,$unit" "objectClass: user" "sAMAccountName: check$$"
  refused "svc-galsync makes no contact elsewhere" 50 adds writer "dn: CN=check,OU=People,$base" "objectClass: contact"
  refused "svc-galsync changes nothing elsewhere" 50 ldif_modify writer "CN=svc-reader,OU=Service Accounts,$base" "replace: description" "description: x"
  refused "svc-galsync does not remove OU=Address Sync" 50 writer ldapdelete "OU=Address Sync,$base"
  refused "svc-reader makes no contact" 50 adds reader "dn: CN=check2,$unit" "objectClass: contact"
  refused "svc-reader changes no contact" 50 ldif_modify reader "$contact" "replace: title" "title: x"
  allowed "svc-galsync removes the contact" writer ldapdelete "$contact"
  allowed "its tombstone is found" test -n "$(deleted_by writer | grep gs-check)"
  allowed "svc-galsync removes the unit" writer ldapdelete "$unit"
}
ldif_modify() { # account function, dn, lines of the change...
  local account=$1 dn=$2
  shift 2
  entry "dn: $dn" "changetype: modify" "$@" | "$account" ldapmodify
}

# dbcheck counts one thing that is no error: somebody who was taken out of a group and then deleted. The group keeps the
# removed value (RMD_FLAGS=1) until the tombstone's time is over, as Active Directory does.
judge() {
  local errors removed
  samba-tool dbcheck --configfile="$configuration" --cross-ncs >"$judgement" 2>&1 || true
  grep -v -e '^NOTE:' -e '^Not fixing old' "$judgement" || true
  errors=$(sed -n 's/^Checked [0-9]* objects (\([0-9]*\) errors).*/\1/p' "$judgement")
  removed=$(grep -c 'target DN is deleted .*;<RMD_FLAGS=1>' "$judgement" || true)
  [ -n "$errors" ] && [ "$errors" -eq "$removed" ]
}

wanted=$(chosen "${1:-all}") || exit 1
for name in $wanted; do
  describe "$name"
  [ -e "$state/samba/.complete" ] || fail "$forest is not there; lab/forest-up.sh makes it"
  export LDAPTLS_CACERT=$ca/ca.crt
  check_ways_in
  check_reading
  [ -n "$read_only" ] || check_writing
  allowed "samba-tool dbcheck finds nothing" judge
done
[ "$failures" -eq 0 ] || fail "$failures checks failed"
