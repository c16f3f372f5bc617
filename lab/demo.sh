#!/usr/bin/env bash
# The main job, shown to a person: two Active Directory forests, a Kubernetes, the operator in it, and an address list that crosses
# over. Every step says what it does, shows real output and checks it; the first thing that is not as it should be ends the demo.
# May be repeated: it begins with an empty namespace and without contacts in either forest.
#   GALSYNC_LAB_USERS=500    people in each forest, when it is first seeded; also tells how patient the demo has to be
#   GALSYNC_DEMO_BINARY=FILE the program, instead of a build in the profile of the tests: target/release/galsync, say
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(dirname "$here")
# shellcheck source=lab/settings.sh
source "$here/settings.sh"
cd "$tree"
owner="galsync-lab"
namespace="address-lists"
schedule="corp-and-fabrikam"
system="galsync-system"
# shellcheck source=lab/demo-parts.sh
source "$here/demo-parts.sh"
report_failure

if [ -z "${GALSYNC_DEMO_BINARY:-}" ]; then
  "$here/packages.sh"
  tests/tools.sh lab # says so now, and not after minutes, when the compilers are missing
fi
step "The lab: two Active Directory forests with ${GALSYNC_LAB_USERS:-500} people each, and a Kubernetes"
"$here/up.sh"
KUBECONFIG=$("$here/kubeconfig.sh")
export KUBECONFIG PATH=$binaries:$PATH
show kubectl get nodes
show "$here/forest-status.sh"

step "The image"
explain "No container engine is needed: the program, the libraries it loads, certificates and a user without rights."
binary=${GALSYNC_DEMO_BINARY:-target/debug/galsync}
# Together with a test, so that the dependencies are those that `make test` builds.
[ -n "${GALSYNC_DEMO_BINARY:-}" ] || cargo build --bin galsync --test manifests
tag=$(sha256sum "$binary" | cut -c1-12) # another build is another tag, so that the operator is started anew
"$here/image-load.sh" "$("$here/image.sh" "$binary" "$tag")"

step "From the beginning: nothing of an earlier demo is left"
start_afresh

step "The operator, by its chart"
kubectl apply -f deploy/namespace.yaml -f examples/cluster/namespace.yaml
explain "Here it works on one namespace only, and leaves alone what else there is on this cluster."
show helm upgrade --install galsync charts/galsync --namespace "$system" --take-ownership --force-conflicts --wait --timeout 3m \
  --set "owner.id=$owner,image.repository=localhost/galsync,image.tag=$tag,watchNamespaces={$namespace}"
show kubectl --namespace "$system" get pods

step "What signs in: Secrets, which GalSync itself never reads"
namespace_with_secrets

step "Two connectors: a Job verifies each"
show kubectl apply -f examples/cluster/connector-corp.yaml -f examples/cluster/connector-fabrikam.yaml
show kubectl wait gsc --all --for=condition=Ready --timeout=2m
show kubectl get gsc

step "A schedule, both forests on both sides; its first pass begins at once"
show kubectl apply -f examples/cluster/schedule.yaml
explain "It pulls both sources, simulates both targets, and waits: the first plan of a pair is always a person's to approve."
show kubectl wait "gss/$schedule" --for=condition=ApprovalRequired "--timeout=${patience}m"
both_plans_wait
show kubectl get gss,gsr
show kubectl get jobs
bare_reads
operations "$(newest_run)"
explain "What would happen, in a sentence, for each target:"
kubectl get gss "$schedule" -o jsonpath='{range .status.pendingApprovals[*]}    {.target}: {.message}{"\n"}{end}'
for forest in corp fabrikam; do
  [ "$(contacts "$forest")" = 0 ] || wrong "there are contacts in $forest before anybody approved"
done
explain "Nothing was written: no contact in either forest."

step "Approval: a decision for each plan, by its digest"
run=$(kubectl get gss "$schedule" -o 'jsonpath={.status.pendingApprovals[0].runRef.name}')
decisions=$(kubectl get gss "$schedule" -o json |
  jq -c '{spec: {decisions: [.status.pendingApprovals[] | {planDigest, verdict: "Approve", by: "ada@corp.example", reason: "first sync"}]}}')
explain "Who decides needs the role of the approver, and decides in the own name."
show kubectl create rolebinding approvers --clusterrole=galsync-approver --user=ada@corp.example
show kubectl --as=ada@corp.example patch gsr "$run" --type=merge --patch "$decisions"
pushed=$SECONDS
completed "$run" Succeeded
explain "Pushed in $((SECONDS - pushed)) s."
show kubectl get gsr
operations "$run"

step "The contacts have crossed over"
for forest in corp fabrikam; do
  planned=$(kubectl get gsr "$run" -o json | jq --arg target "$forest" '[.status.targets[] | select(.connector == $target) | .plan.counts[].create] | add')
  found=$(contacts "$forest")
  [ "$found" = "$planned" ] || wrong "$forest has $found contacts, and $planned were planned"
  [ "$found" -gt 0 ] || wrong "$forest has no contacts"
  explain "$forest has the $found contacts that were planned. One of them:"
  search "$forest" "(&$ours)" cn displayName mail targetAddress proxyAddresses title department legacyExchangeDN \
    showInAddressBook extensionAttribute15 | awk 'NF == 0 && seen { exit } NF { seen = 1; print "    " $0 }' || true
done
judge

step "Metrics"
metrics >"$lab/demo-metrics.txt"
grep -E '^galsync_(changes_total|runs_total|schedule_last_success|target_managed_objects|resource_condition.*Ready)' "$lab/demo-metrics.txt" |
  head -n 30 | sed 's/^/    /'
[ -s "$lab/demo-metrics.txt" ] || wrong "the operator serves no metrics"

step "A second pass changes nothing"
before=$(last_changes)
run=$(pass_now)
completed "$run" Succeeded
show kubectl get gsr "$run"
no_changes "$run"
[ "$(last_changes)" = "$before" ] || wrong "something was written to a contact"
explain "No contact was touched in either forest (their newest uSNChanged is what it was)."

step "Life goes on at corp: one person changes, one is renamed, one is new, one is hidden, one leaves"
change_people
run=$(pass_now)
completed "$run" Succeeded
show kubectl get gsr "$run"
operations "$run"
people_have_changed
judge

step "Everything in the cluster is lost: the manifests, the Secrets, the store"
explain "What is needed to decide is in the contacts' marks. The same manifests again plan nothing."
before=$(last_changes)
lose_everything
namespace_with_secrets
# The operator's roles in the namespace went with it.
helm upgrade galsync charts/galsync --namespace "$system" --reuse-values --take-ownership --force-conflicts --wait --timeout 3m >/dev/null
show kubectl apply -f examples/cluster
run=$(first_run)
completed "$run" Succeeded
show kubectl get gsr "$run"
no_changes "$run"
[ "$(last_changes)" = "$before" ] || wrong "something was written to a contact"

step "All of it worked"
show kubectl get galsync
summary
explain "The lab stays up, with the operator in it: export KUBECONFIG=$KUBECONFIG; \`make lab-down\` takes all of it down."
