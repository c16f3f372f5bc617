# shellcheck shell=bash disable=SC2034 # the scripts that source this file use the names
# The two forests: names, addresses, folders. Sourced after lab/settings.sh, never run.

forests=(corp fabrikam)
ca=$lab/ca                       # the authority that signs the servers' certificates

describe() { # forest -> sets its facts
  forest=$1
  case $forest in
  corp) domain=corp.example address=10.244.0.11 organization=Corp ;;
  fabrikam) domain=fabrikam.example address=10.244.0.12 organization=Fabrikam ;;
  *) fail "no such forest: '$forest' (there are: ${forests[*]})" ;;
  esac
  namespace=galsync-$forest      # network namespace
  server=dc1.$domain
  realm=${domain^^}
  netbios=${forest^^}
  base=DC=${domain//./,DC=}
  state=$lab/$forest
  configuration=$state/samba/etc/smb.conf
  database=$state/samba/private/sam.ldb
}

chosen() { # [corp|fabrikam|all] -> the forests meant, one a line
  case ${1:-all} in
  all) printf '%s\n' "${forests[@]}" ;;
  corp | fabrikam) echo "$1" ;;
  *) fail "no such forest: '$1' (corp, fabrikam or all)" ;;
  esac
}
