#!/usr/bin/env bash
# Sees for itself that the lab's Kubernetes does what GalSync needs: a Job under the "restricted" Pod Security standard,
# run from an image made here, that resolves names, writes to a claimed volume as user 65532, logs and leaves a termination
# message; Pod Security and a ValidatingAdmissionPolicy that refuse. Leaves nothing behind.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"
foreign_cluster && fail "this checks the lab's own cluster; unset KUBECONFIG or set GALSYNC_LAB_OWN_CLUSTER=1"
need_root

namespace="lab-check"
image=localhost/galsync-lab/check:1
volume=
work=$(mktemp -d)
kubectl() { "$binaries/kubectl" --kubeconfig "$kubeconfig" "$@"; }
clean() {
  rm -rf "$work"
  kubectl delete validatingadmissionpolicy,validatingadmissionpolicybinding lab-check --ignore-not-found >/dev/null 2>&1 || true
  kubectl delete namespace "$namespace" --ignore-not-found --timeout=120s >/dev/null 2>&1 || true
  [ -z "$volume" ] || "$here/volumes.sh" reset "${volume#galsync-lab-}" || true
}
trap clean EXIT

gcc -O2 -Wall -Werror -o "$work/check" "$here/check.c"
"$here/../deploy/image/build.sh" "$work/check" "$image" "$work/check.tar"
"$here/image-load.sh" "$work/check.tar"

kubectl apply -f - >/dev/null <<Y
apiVersion: v1
kind: Namespace
metadata:
  name: $namespace
  labels: {pod-security.kubernetes.io/enforce: restricted}
Y
names=(kubernetes.default kube-dns.kube-system.svc.cluster.local)
if [ -s "$hosts" ]; then
  mapfile -t forests < <(awk '!/^#/ && NF > 1 { print $2 }' "$hosts")
  names+=("${forests[@]}")
fi

job() { # name, program's arguments as JSON, extra fields of the container
  cat <<Y
apiVersion: batch/v1
kind: Job
metadata: {name: $1, namespace: $namespace}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      securityContext: {runAsNonRoot: true, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: check
          image: $image
          args: $2
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 64Mi}}
          volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
Y
}

kubectl apply -f - >/dev/null <<Y
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: $namespace}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
Y
arguments=$(printf '%s\n' /data/written "${names[@]}" | jq -R . | jq -cs .)
job check "$arguments" | kubectl apply -f - >/dev/null
# A failed Job never becomes complete: wait for either end, then look.
deadline=$((SECONDS + 90))
until [ "$(kubectl -n "$namespace" get job check -o 'jsonpath={.status.succeeded}{.status.failed}')" = 1 ]; do
  ((SECONDS < deadline)) || {
    kubectl -n "$namespace" describe pods >&2
    fail "the Job has not ended"
  }
  sleep 0.3
done
pod=$(kubectl -n "$namespace" get pods -l job-name=check -o 'jsonpath={.items[0].metadata.name}')
message=$(kubectl -n "$namespace" get pod "$pod" -o 'jsonpath={.status.containerStatuses[0].state.terminated.message}')
log=$(kubectl -n "$namespace" logs "$pod")
[ "$message" = "everything works" ] || fail "the pod says: $message"
grep -q '^kubernetes.default is 10.96.0.1$' <<<"$log" || fail "the log is not what was written: $log"
volume=$(kubectl -n "$namespace" get persistentvolumeclaim data -o 'jsonpath={.spec.volumeName}')
folder=$(kubectl get persistentvolume "$volume" -o 'jsonpath={.spec.local.path}')
[ "$(stat -c %u "$folder/written")" = 65532 ] || fail "what the pod wrote does not belong to user 65532"
say "a restricted Job ran, resolved ${#names[@]} names, wrote to $volume, logged and left its message"

refused=$(kubectl -n "$namespace" run loose --image="$image" 2>&1) && fail "Pod Security let an unrestricted pod in"
grep -q 'violates PodSecurity "restricted' <<<"$refused" || fail "the pod was refused for another reason: $refused"
say "Pod Security refused an unrestricted pod"

kubectl apply -f - >/dev/null <<Y
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: lab-check}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: "object.metadata.name != 'forbidden'", message: refused by the policy of the lab's check}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: lab-check}
spec:
  policyName: lab-check
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $namespace}}}
Y
# The API server takes a moment to hold to a new policy.
deadline=$((SECONDS + 30))
until refused=$(kubectl -n "$namespace" create configmap forbidden --dry-run=server 2>&1 >/dev/null) && false ||
  grep -q "refused by the policy" <<<"$refused"; do
  ((SECONDS < deadline)) || fail "the ValidatingAdmissionPolicy refuses nothing"
  sleep 0.3
done
say "a ValidatingAdmissionPolicy refused what it must"
