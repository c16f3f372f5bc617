# shellcheck shell=bash
# The forests' authority and the servers' certificates. Sourced after forests/settings.sh.

good_certificate() { # certificate, key, authority's certificate
  [ -s "$1" ] && [ -s "$2" ] && openssl x509 -in "$1" -noout -checkend 86400 >/dev/null 2>&1 &&
    openssl verify -CAfile "$3" "$1" >/dev/null 2>&1
}

authority() { # folder, common name
  ! good_certificate "$1/ca.crt" "$1/ca.key" "$1/ca.crt" || return 0
  mkdir -p "$1"
  (
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1/ca.key" -out "$1/ca.crt" -days 365 \
      -subj "/CN=$2 $(date -u +%Y%m%dT%H%M%SZ)" -addext basicConstraints=critical,CA:TRUE \
      -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  )
  chmod 644 "$1/ca.crt"
}

# A certificate for a server's names; the dates are openssl's, so that one can be made that has ended already.
issue() { # folder of the authority, file without .crt and .key, not before, not after (YYYYMMDDHHMMSSZ), names...
  local authority=$1 file=$2 from=$3 until=$4 work names
  shift 4
  names=$(printf 'DNS:%s,' "$@")
  work=$(mktemp -d)
  (
    umask 077
    : >"$work/index"
    printf '[ca]\ndefault_ca=lab\n[lab]\ndatabase=%s\nnew_certs_dir=%s\npolicy=any\nrand_serial=yes\nunique_subject=no\n[any]\ncommonName=supplied\n' "$work/index" "$work" >"$work/ca.cnf"
    printf 'subjectAltName=%s\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n' "${names%,}" >"$work/extensions"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$file.key" -out "$work/request" -subj "/CN=$1" 2>/dev/null
    openssl ca -batch -notext -config "$work/ca.cnf" -md sha256 -cert "$authority/ca.crt" -keyfile "$authority/ca.key" \
      -in "$work/request" -out "$file.crt" -startdate "$from" -enddate "$until" -extfile "$work/extensions" 2>"$work/log"
  ) || {
    cat "$work/log" >&2
    rm -rf "$work"
    fail "no certificate for $1"
  }
  rm -rf "$work"
}

server_certificate() { # of the forest described; lasts a year, made again before it ends or when the authority changed
  local tls=$state/tls
  authority "$ca" galsync-lab
  mkdir -p "$tls"
  chmod 700 "$tls"
  good_certificate "$tls/server.crt" "$tls/server.key" "$ca/ca.crt" ||
    issue "$ca" "$tls/server" "$(date -u -d '-1 hour' +%Y%m%d%H%M%SZ)" "$(date -u -d '+364 days' +%Y%m%d%H%M%SZ)" "$server" "$domain"
}
