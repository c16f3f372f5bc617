# shellcheck shell=bash
# What lab/demo.sh is made of: how it speaks, and how it asks the forests and the cluster. Sourced after settings.sh; uses
# $owner, $namespace, $schedule and $system of demo.sh.

began=$SECONDS
steps=()
patience=$((10 + ${GALSYNC_LAB_USERS:-500} / 400)) # minutes that a pass may take

step() {
  steps+=("$((SECONDS - began)) $*")
  printf '\n\033[1m== %s\033[0m   (after %d s)\n' "$*" $((SECONDS - began))
}
explain() { printf '\033[3m%s\033[0m\n' "$*"; }
wrong() {
  printf '\n\033[1mNot as it should be: %s\033[0m\n' "$*" >&2
  exit 1
}
show() {
  printf '$ %s\n' "$*"
  "$@" 2>&1 | sed 's/^/    /'
}

# What a person would look at first when the demo ends before its time.
report_failure() {
  trap '[ $? = 0 ] || tell_state' EXIT
}
tell_state() {
  set +e
  printf '\nThe demo has failed in the step "%s", after %d s.\n' "${steps[-1]#* }" $((SECONDS - began)) >&2
  {
    command kubectl --namespace "$namespace" get galsync,jobs,pods -o wide
    command kubectl --namespace "$namespace" get gsr -o json |
      jq -r '.items[] | .metadata.name as $run | .status.operations[]? | select(.result != "Succeeded" and .result != "Shared") | "\($run): \(.type) \(.connector): \(.result // "runs") \(.reason // "") \(.message // "")"'
    command kubectl --namespace "$namespace" events | tail -n 20
    command kubectl --namespace "$system" logs deployment/galsync --tail 20
  } 2>/dev/null | cut -c 1-400 | sed 's/^/    /' >&2
}

# Everything below is about one namespace.
kubectl() {
  case " $* " in
    *" --namespace "* | *" apply "* | *" nodes "*) command kubectl "$@" ;;
    *) command kubectl --namespace "$namespace" "$@" ;;
  esac
}

# The same manifests and Secrets, however often.
namespace_with_secrets() {
  local forest
  kubectl apply -f examples/cluster/namespace.yaml
  secret directory-ca --from-file=ca.crt="$lab/ca/ca.crt"
  for forest in corp fabrikam; do
    secret "$forest-account" --from-literal=username="$(fact "$forest" .writer.userPrincipalName)" \
      --from-file=password="$(fact "$forest" .writer.passwordFile)"
  done
}

secret() { # name, what kubectl create secret generic takes
  kubectl create secret generic "$@" --dry-run=client --output=yaml | command kubectl --namespace "$namespace" apply -f -
}

# --- the forests --------------------------------------------------------------------------------------------------------------

fact() { jq -er "$2" "$lab/$1/forest.json"; } # forest, path

search() { # forest, filter, attributes: below our container, as the account that only reads
  local forest=$1
  shift
  LDAPTLS_CACERT=$(fact "$forest" .caFile) ldapsearch -LLL -o ldif_wrap=no -x -H "$(fact "$forest" .ldaps)" -E pr=500/noprompt \
    -D "$(fact "$forest" .reader.userPrincipalName)" -y "$(fact "$forest" .reader.passwordFile)" \
    -b "$(fact "$forest" .contactsContainer)" "$@" 2>/dev/null | sed '/^#/d'
}

# Ours are told by their owner mark; others may stand beside them.
ours="(objectClass=contact)(extensionAttribute15=gs1;$owner;*)"

contacts() { search "$1" "(&$ours)" 1.1 | grep -c '^dn:' || true; } # forest -> how many

# The newest change of any contact, of both forests.
last_changes() {
  local forest
  for forest in corp fabrikam; do
    search "$forest" "(&$ours)" uSNChanged | sed -n 's/^uSNChanged: //p' | sort -n | tail -n 1
  done
}

# The read that a pull makes, by another program: everything with an address, and what GalSync asks of it.
bare_reads() {
  local forest attributes begin found
  mapfile -t attributes <"$here/forests/read-attributes.txt"
  for forest in corp fabrikam; do
    begin=$EPOCHREALTIME
    found=$(LDAPTLS_CACERT=$(fact "$forest" .caFile) ldapsearch -LLL -o ldif_wrap=no -x -H "$(fact "$forest" .ldaps)" -E pr=1000/noprompt \
      -D "$(fact "$forest" .reader.userPrincipalName)" -y "$(fact "$forest" .reader.passwordFile)" -b "$(fact "$forest" .base)" \
      '(|(mailNickname=*)(proxyAddresses=*)(targetAddress=*))' "${attributes[@]}" | grep -c '^dn:')
    explain "A bare ldapsearch of the $found recipients of $forest takes $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s."
  done
}

# Samba's own judgement of its database. It counts one thing that is no error (lab/forest-check.sh): a value that was removed from a
# group before its person was deleted stays, marked as removed, until the tombstone's time is over. Tens of thousands of objects take
# it a quarter of an hour a forest; a large one is judged by a sample of its contacts.
judge() {
  local forest result errors removed
  for forest in corp fabrikam; do
    if [ "${GALSYNC_LAB_USERS:-500}" -gt 5000 ]; then
      judge_sample "$forest"
      continue
    fi
    result=$(dbcheck "$forest" --cross-ncs)
    errors=$(sed -n 's/^Checked [0-9]* objects (\([0-9]*\) errors).*/\1/p' <<<"$result")
    removed=$(grep -c 'target DN is deleted .*;<RMD_FLAGS=1>' <<<"$result" || true)
    [ "${errors:-none}" = "$removed" ] ||
      wrong "dbcheck finds errors in $forest: $(grep -v -e '^NOTE:' -e '^Not fixing old' <<<"$result" | tail -n 12)"
    explain "samba-tool dbcheck finds $forest clean: $(tail -n 1 <<<"$result")"
  done
}

dbcheck() { # forest, further arguments
  local forest=$1
  shift
  samba-tool dbcheck --configfile="$lab/$forest/samba/etc/smb.conf" "$@" 2>&1 || true
}

judge_sample() { # forest
  local dn result checked=0
  while read -r dn; do
    result=$(dbcheck "$1" "$dn" --scope=BASE)
    grep -qx 'Checked 1 objects (0 errors)' <<<"$result" || wrong "dbcheck finds errors in $dn: $(tail -n 12 <<<"$result")"
    checked=$((checked + 1))
  done < <(search "$1" "(&$ours)" 1.1 | sed -n 's/^dn: //p' | shuf -n 20)
  [ "$checked" = 20 ] || wrong "there are no 20 contacts in $1 to look at"
  explain "samba-tool dbcheck finds $checked contacts of $1, taken at random, clean."
}

# --- five people of corp ------------------------------------------------------------------------------------------------------

change() { "$here/forests/change.py" corp "$@"; }

# Of those whose contact stands at fabrikam now, so that the demo can be repeated.
change_people() {
  local people
  mapfile -t people < <(search fabrikam "(&$ours(!(msExchHideFromAddressLists=TRUE))(mail=*@corp.example))" mail |
    sed -n 's/^mail: \([a-z]*\.[a-z]*@corp\.example\)$/\1/p' | sort | sed -n '10p;20p;30p;40p')
  [ "${#people[@]}" = 4 ] || wrong "there are too few people at corp to change four of them"
  person_changed=${people[0]} person_renamed=${people[1]} person_hidden=${people[2]} person_gone=${people[3]}
  person_new=nova.$(date +%H%M%S)@corp.example new_title="Chief Demonstrator $(date +%H%M%S)"
  new_surname="Neuname $(date +%H%M%S)" # of this demo, not one that an earlier one wrote
  show change set "$person_changed" "title=$new_title"
  show change rename "$person_renamed" Renata "$new_surname"
  show change add Nova "Newcomer $(date +%H%M%S)" "$person_new"
  show change hide "$person_hidden"
  show change delete "$person_gone"
}

at_fabrikam() { # address, attributes
  local address=$1
  shift
  search fabrikam "(&$ours(proxyAddresses=smtp:$address))" "$@"
}

people_have_changed() {
  local gone
  at_fabrikam "$person_changed" title | grep -qxF "title: $new_title" || wrong "the new title of $person_changed did not arrive"
  at_fabrikam "$person_renamed" displayName | grep -qxF "displayName: Renata $new_surname (Corp)" || wrong "the new name of $person_renamed did not arrive"
  at_fabrikam "$person_new" showInAddressBook | grep -q '^showInAddressBook: ' || wrong "$person_new has no contact in the address lists"
  for gone in "$person_hidden" "$person_gone"; do
    at_fabrikam "$gone" msExchHideFromAddressLists | grep -qx 'msExchHideFromAddressLists: TRUE' || wrong "the contact of $gone is not hidden"
    ! at_fabrikam "$gone" showInAddressBook | grep -q '^showInAddressBook: ' || wrong "the contact of $gone still stands in an address list"
  done
  explain "At fabrikam: the new title, the new name, the new colleague; who was hidden or has left is hidden, and deleted after 30 days."
  for gone in "$person_changed" "$person_renamed" "$person_new" "$person_hidden" "$person_gone"; do
    at_fabrikam "$gone" displayName mail title msExchHideFromAddressLists | sed '/^$/d; s/^/    /'
  done
}

# --- the operator -------------------------------------------------------------------------------------------------------------

# Connectors, schedules, runs, Secrets, the store: all that stands in the cluster.
lose_everything() {
  kubectl delete gss,gsr,gsc --all --ignore-not-found --timeout=2m 2>/dev/null || true # unless the kinds are not known yet
  command kubectl delete namespace "$namespace" --ignore-not-found --timeout=3m
  foreign_cluster || "$here/volumes.sh" reset >/dev/null 2>&1
}

start_afresh() {
  local forest dn
  lose_everything
  for forest in corp fabrikam; do
    dn=$(fact "$forest" .contactsContainer)
    search "$forest" "(&$ours)" 1.1 | sed -n 's/^dn: //p' |
      LDAPTLS_CACERT=$(fact "$forest" .caFile) ldapdelete -x -H "$(fact "$forest" .ldaps)" -D "$(fact "$forest" .writer.userPrincipalName)" \
        -y "$(fact "$forest" .writer.passwordFile)" || wrong "the contacts below $dn could not be removed"
  done
}

both_plans_wait() {
  local deadline=$((SECONDS + patience * 60))
  until [ "$(kubectl get gss "$schedule" -o json | jq '.status.pendingApprovals | length')" = 2 ]; do
    ((SECONDS < deadline)) || wrong "the plans of both targets should wait for approval"
    sleep 1
  done
}

completed() { # run, the reason that it should end with
  local reason
  show kubectl wait "gsr/$1" --for=condition=Completed "--timeout=${patience}m"
  reason=$(kubectl get gsr "$1" -o 'jsonpath={.status.conditions[?(@.type=="Succeeded")].reason}')
  [ "$reason" = "$2" ] || wrong "run $1 ended as '$reason': $(kubectl get gsr "$1" -o 'jsonpath={.status.conditions[?(@.type=="Succeeded")].message}')"
}

pass_now() { # asks for a pass and prints the name of its run
  local number deadline=$((SECONDS + 60)) run
  number=$(kubectl get gss "$schedule" -o 'jsonpath={.status.passNumber}')
  kubectl annotate gss "$schedule" --overwrite "galsync.dev/requestedAt=$(date +%s%N)" >&2
  until run=$(kubectl get gsr -o json |
    jq -er --argjson number "$number" '[.items[] | select((.status.passNumber // 0) > $number)] | max_by(.status.passNumber) | .metadata.name'); do
    ((SECONDS < deadline)) || wrong "the request for a pass was not answered"
    sleep 0.5
  done
  echo "$run"
}

newest_run() { kubectl get gsr -o json | jq -er '.items | max_by(.metadata.creationTimestamp) | .metadata.name'; }

first_run() { # of a schedule that has just been made
  local deadline=$((SECONDS + 120)) run
  until run=$(newest_run); do
    ((SECONDS < deadline)) || wrong "the schedule began no pass"
    sleep 0.5
  done
  echo "$run"
}

no_changes() { # run
  kubectl get gsr "$1" -o json | jq -e '[.status.targets[].plan.counts[]? | .create, .update, .hide, .delete] | add == 0' >/dev/null ||
    wrong "the plans of $1 are not empty"
  kubectl get gsr "$1" -o json | jq -e '[.status.operations[] | select(.type == "Push" and .result != "Skipped")] | length == 0' >/dev/null ||
    wrong "$1 pushed although there was nothing to change"
}

operations() { # run: the operations with time and memory
  kubectl get gsr "$1" -o json | jq -r '
    def seconds: if .startTime and .completionTime then ((.completionTime | sub("\\.[0-9]+"; "") | fromdate) - (.startTime | sub("\\.[0-9]+"; "") | fromdate)) else "-" end;
    ["OPERATION", "CONNECTOR", "RESULT", "SECONDS", "PEAK MEMORY", "REQUESTS"],
    (.status.operations[] | [.type, .connector, .result // "-", seconds, "\(((.counters.peakMemoryBytes // 0) / 1048576 * 10 | round) / 10) MiB", .counters.requests // "-"]) | @tsv' |
    awk -F '\t' '{ printf "    %-10s %-10s %-20s %8s %12s %9s\n", $1, $2, $3, $4, $5, $6 }'
}

# Of the operator that holds the Lease; the one that stands by has little to tell.
metrics() {
  local holder
  holder=$(kubectl --namespace "$system" get lease -o jsonpath='{.items[0].spec.holderIdentity}')
  kubectl --namespace "$system" get --raw "/api/v1/namespaces/$system/pods/${holder%_*}:8080/proxy/metrics"
}

summary() {
  local entry previous=0 name=
  explain "What took how long:"
  for entry in "${steps[@]}" "$((SECONDS - began)) end"; do
    [ -z "$name" ] || printf '    %5d s  %s\n' $((${entry%% *} - previous)) "$name"
    previous=${entry%% *} name=${entry#* }
  done
  printf '    %5d s  in all\n' $((SECONDS - began))
}
