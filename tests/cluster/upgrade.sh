#!/usr/bin/env bash
# An installation from an earlier commit's chart, with a pass under way, is upgraded to this tree's, uninstalled and installed again:
# no resource is lost, the pass comes to its end, and nothing hangs. Needs KUBECONFIG, helm, kubectl, jq, and root for the store's volume.
#   upgrade.sh [COMMIT]       default: the commit before this one
#   GALSYNC_TEST_IMAGE        the image of this tree, on the nodes; default localhost/galsync:lab
#   GALSYNC_PREVIOUS_IMAGE    the image of COMMIT; default: the same
set -euo pipefail
release=galsync-upgrade
people=3000
# shellcheck source=tests/cluster/installation.sh
source "$(dirname "$0")/installation.sh"
commit=${1:-HEAD~1}
previous=${GALSYNC_PREVIOUS_IMAGE:-$image}

tell() {
  lists get galsync,jobs,pods,events 2>&1 | tail -n 60
  kubectl --namespace "$system" get pods
}
remove() {
  local crd
  helm uninstall "$release" --namespace "$system" --wait --timeout 1m >/dev/null 2>&1 || true
  # The definitions go back to whoever has them.
  for crd in galsyncconnectors galsyncschedules galsyncruns; do
    kubectl annotate crd "$crd.galsync.dev" meta.helm.sh/release-name- meta.helm.sh/release-namespace- helm.sh/resource-policy- >/dev/null 2>&1 || true
  done
}

chart() { # name of the chart's folder, image; further arguments of helm
  local chart=$1 image=$2
  shift 2
  helm upgrade --install "$release" "$chart" --namespace "$system" --create-namespace --take-ownership --force-conflicts \
    --set "owner.id=upgrade-test,image.repository=${image%:*},image.tag=${image##*:},watchNamespaces={$lists}" "$@" >/dev/null
}
until_true() { # seconds, what, command...
  local seconds=$1 what=$2 end
  shift 2
  end=$((SECONDS + seconds))
  until "$@"; do
    [ $SECONDS -lt $end ] || wrong "not within $seconds s: $what"
    sleep 0.5
  done
}
# Kind, name, UID and generation of all that users and the operator made, and of the definitions.
inventory() {
  {
    kubectl get crd -o json | jq -r '.items[] | select(.spec.group == "galsync.dev") | "crd \(.metadata.name) \(.metadata.uid)"'
    lists get gsc,gss,gsr -o json | jq -r '.items[] | "\(.kind) \(.metadata.name) \(.metadata.uid)"'
  } | sort
}
directory() { # company, people: a directory of the reference kind on the store's volume
  jq -n --arg company "$1" --argjson people "$2" '{identity: "\($company)-id", domains: ["\($company).example"], objects: [range($people) |
    {anchor: "\($company)-\(.)", recipientType: "UserMailbox", primary: "person\(.)@\($company).example",
     attributes: {displayName: "Person \(.)", surname: "\(.)"}}]}' >"$volume/$1.json"
  chown 65532:65532 "$volume/$1.json"
}
contacts() { jq '[.objects[] | select(.mark | type == "string")] | length' "$volume/fab.json"; }
run_exists() { run=$(lists get gsr -o 'jsonpath={.items[0].metadata.name}' 2>/dev/null) && [ -n "$run" ]; }
waits() { [ "$(lists get gsr "$run" -o 'jsonpath={.status.conditions[?(@.type=="Approved")].reason}')" = ApprovalRequired ]; }

step "The earlier chart ($(git -C "$tree" rev-parse --short "$commit")), with $previous"
git -C "$tree" archive "$commit" charts/galsync | tar -x -C "$folder"
kubectl create namespace "$lists" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
read -r name class volume < <(kubectl get pv -o json | jq -r '[.items[] | select(.status.phase == "Available" and (.spec.local.path // "" | length > 0)
  and (.spec.storageClassName | endswith("small") | not))][0] | "\(.metadata.name) \(.spec.storageClassName) \(.spec.local.path)"')
[ -d "${volume:-}" ] || wrong "the lab has no free volume; lab/volumes.sh reset makes some"
rm -rf "${volume:?}"/*
directory corp $people
directory fab 3
lists apply -f - >/dev/null <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: galsync-store}
spec: {accessModes: [ReadWriteOnce], storageClassName: $class, volumeName: $name, resources: {requests: {storage: 1Gi}}}
YAML
chart "$folder/charts/galsync" "$previous" --wait --timeout 2m
for company in corp fab; do
  lists apply -f - >/dev/null <<YAML
apiVersion: galsync.dev/v1alpha1
kind: GalSyncConnector
metadata: {name: $company}
spec: {type: Memory, memory: {path: /var/lib/galsync/store/$company.json}, authoritativeDomains: [$company.example]}
YAML
done
lists wait gsc --all --for=condition=Ready --timeout=2m >/dev/null
lists apply -f - >/dev/null <<YAML
apiVersion: galsync.dev/v1alpha1
kind: GalSyncSchedule
metadata: {name: people}
spec: {interval: 24h, policy: Sync, sources: [{connectorRef: {name: corp}}], targets: [{connectorRef: {name: fab}}]}
YAML
until_true 60 "a pass begins" run_exists

step "helm upgrade to this tree's chart, with $image, while $run is under way"
before=$(inventory)
chart "$tree/charts/galsync" "$image" --wait --timeout 2m
[ "$(inventory)" = "$before" ] || wrong "the upgrade lost or replaced objects: $(diff <(echo "$before") <(inventory))"
until_true 120 "the plan waits for approval" waits
lists get gss people -o json | jq -c --arg by "$(kubectl auth whoami -o 'jsonpath={.status.userInfo.username}')" \
  '{spec: {decisions: [.status.pendingApprovals[] | {planDigest, verdict: "Approve", by: $by}]}}' >"$folder/decisions"
lists patch gsr "$run" --type=merge --patch "$(cat "$folder/decisions")" >/dev/null
lists wait gsr "$run" --for=condition=Completed --timeout=3m >/dev/null
result=$(lists get gsr "$run" -o 'jsonpath={.status.conditions[?(@.type=="Succeeded")].reason}')
[ "$result" = Succeeded ] || wrong "$run ended as $result"
[ "$(contacts)" = $people ] || wrong "$(contacts) contacts, not $people"
echo "    $run succeeded: $people contacts; attempts: $(lists get gsr "$run" -o 'jsonpath={.status.operations[*].attempts}')"
helm test "$release" --namespace "$system" --timeout 1m >/dev/null || wrong "helm test failed"
echo "    helm test succeeded"

step "The operator may hold a schedule by its finalizer, and change nothing else of it"
policy() { lists patch gss people --type=merge --patch "{\"spec\": {\"deletionPolicy\": \"$1\"}}" >/dev/null; }
held() { [ "$(lists get gss people -o 'jsonpath={.metadata.finalizers[*]}')" = "$1" ]; }
policy Delete
until_true 30 "the finalizer is on" held galsync.dev/remove-contacts
account=system:serviceaccount:$system:$release
if said=$(lists --as="$account" patch gss people --type=merge --patch '{"spec": {"suspend": true}}' 2>&1); then
  wrong "the operator's account may change a schedule"
fi
[[ $said == *"changes no more of a schedule than its finalizers"* ]] || wrong "refused with other words: $said"
policy Orphan
until_true 30 "the finalizer is off" held ""
may() { lists auth can-i --as="$account" --quiet "$@"; }
may get pods || wrong "the question is not asked rightly"
! may get secrets || wrong "the operator's account may read Secrets"
! may get pods --subresource=log || wrong "the operator's account may read logs"
! may create pods --subresource=exec || wrong "the operator's account may enter pods"
! may list galsyncschedules.galsync.dev --all-namespaces || wrong "the operator's account sees other namespaces"

step "helm uninstall, with crds.keep"
before=$(inventory)
helm uninstall "$release" --namespace "$system" --wait --timeout 1m >/dev/null
[ "$(inventory)" = "$before" ] || wrong "the uninstallation lost objects: $(diff <(echo "$before") <(inventory))"
left=$(kubectl --namespace "$system" get deployments,services,roles,rolebindings,pdb,networkpolicies -o name)
left+=$(kubectl get clusterroles,validatingadmissionpolicies,validatingadmissionpolicybindings -o name | grep "/$release" || true)
[ -z "$left" ] || wrong "left behind: $left"
[ "$(contacts)" = $people ] || wrong "uninstalling removed contacts"
echo "    $(wc -l <<<"$before") objects are there as before, and nothing of the chart"

step "Installed again, it goes on: nothing to do"
chart "$tree/charts/galsync" "$image" --wait --timeout 2m
lists annotate gss people --overwrite galsync.dev/requestedAt=again >/dev/null
second() { [ "$(lists get gss people -o 'jsonpath={.status.passNumber}')" = 2 ]; }
until_true 60 "a second pass" second
run=$(lists get gss people -o 'jsonpath={.status.activeRunRef.name}')
lists wait gsr "$run" --for=condition=Completed --timeout=2m >/dev/null
changes=$(lists get gsr "$run" -o json | jq '[.status.counts | .create, .update, .hide, .delete] | map(. // 0) | add')
[ "$changes" = 0 ] || wrong "the second pass has $changes changes"

step "Objects that are deleted while the operator is away hang on nothing"
helm uninstall "$release" --namespace "$system" --wait --timeout 1m >/dev/null
lists delete gss,gsr,gsc --all --timeout=1m >/dev/null || wrong "deleting hangs"
kubectl delete namespace "$lists" --timeout=2m >/dev/null || wrong "the namespace hangs"

step "The upgrade holds"
