#!/usr/bin/env bash
# Gives a forest's server another certificate, for tests of what a client does then, and starts the server again:
#   forest-certificate.sh FOREST good|expired|foreign|misnamed
# expired: ended yesterday; foreign: of an authority ($GALSYNC_LAB/ca/foreign/ca.crt) that clients do not know;
# misnamed: for another server's name.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
# shellcheck source=forests/settings.sh
. "$here/forests/settings.sh"
# shellcheck source=forests/certificates.sh
. "$here/forests/certificates.sh"

[ $# -eq 2 ] || fail "usage: forest-certificate.sh FOREST good|expired|foreign|misnamed"
need_root
describe "$1"
tls=$state/tls
[ -s "$tls/server.crt" ] || fail "$forest is not there; lab/forest-up.sh makes it"
soon() { date -u -d "$1" +%Y%m%d%H%M%SZ; }
case $2 in
good) rm -f "$tls/server.crt" ;; # forest-up.sh makes it again
expired) issue "$ca" "$tls/server" "$(soon '-30 days')" "$(soon '-1 day')" "$server" "$domain" ;;
foreign)
  authority "$ca/foreign" "not of the lab"
  issue "$ca/foreign" "$tls/server" "$(soon '-1 hour')" "$(soon '+30 days')" "$server" "$domain"
  ;;
misnamed) issue "$ca" "$tls/server" "$(soon '-1 hour')" "$(soon '+30 days')" "elsewhere.$domain" ;;
*) fail "no such kind of certificate: '$2'" ;;
esac
if [ "$2" = good ]; then exec "$here/forest-up.sh" "$forest"; fi
GALSYNC_LAB_KEEP_CERTIFICATE=1 exec "$here/forest-up.sh" "$forest"
