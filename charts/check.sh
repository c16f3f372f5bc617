#!/usr/bin/env bash
# What others say about the chart: kube-score, checkov, and where KUBECONFIG names a cluster, its API server. Builds the tools
# once, from the Go module proxy and PyPI, into the lab's cache. Exceptions stand here with their reasons, and nowhere else.
set -euo pipefail
tree=$(cd "$(dirname "$0")/.." && pwd)
cache=${GALSYNC_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/galsync-lab}
export PATH=$PATH:$cache/bin
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

score=(
  container-image-pull-policy             # image.pullPolicy; a tag is never moved (latest is refused), and a digest cannot be
  deployment-has-host-podantiaffinity     # topologySpreadConstraints do it, without keeping a pod from a small cluster
  pod-networkpolicy                       # networkPolicies.enabled: off until an administrator has named the API server's addresses
  networkpolicy-targets-pod               # the pods of the Jobs are made by the operator, not by the chart
)
checkov=(
  CKV_K8S_11  # limit of processor time: as for kube-score, below
  CKV_K8S_15  # pull policy: as above
  CKV_K8S_43  # image.digest; the chart cannot know the digest in your registry
  CKV_K8S_38  # the operator works through its token; Jobs and the test pod have none
  CKV_K8S_8   # probes of the test pod, which asks once and ends; the operator's are tested by tests/manifests/deploy.rs
  CKV_K8S_9
  CKV2_K8S_6  # network policies: as above
)

command -v helm >/dev/null || { echo "check: helm is missing; lab/binaries.sh helm builds one" >&2; exit 1; }
[ -x "$cache/bin/kube-score" ] || GOBIN=$cache/bin go install github.com/zegl/kube-score/cmd/kube-score@v1.20.0
if [ ! -x "$cache/checkov/bin/checkov" ]; then
  python3 -m venv "$cache/checkov"
  "$cache/checkov/bin/pip" install --quiet 'checkov>=3,<4'
fi
cd "$tree/charts/galsync"
for values in least full; do
  file=$folder/$values.yaml
  helm lint --strict --quiet . --values "ci/$values-values.yaml"
  helm template galsync . --namespace galsync-system --values "ci/$values-values.yaml" >"$file"
  echo "check: kube-score, $values values"
  # A limit of processor time only makes an operator slow when there is much to do.
  ignored=(--ignore-container-cpu-limit)
  for test in "${score[@]}"; do ignored+=(--ignore-test "$test"); done
  kube-score score --output-format ci "${ignored[@]}" "$file" >"$folder/score" || { grep -v '^\[\(OK\|SKIPPED\)\]' "$folder/score" >&2; exit 1; }
  if grep -E '^\[(WARNING|CRITICAL)\]' "$folder/score" >&2; then exit 1; fi
  echo "check: checkov, $values values"
  "$cache/checkov/bin/checkov" --file "$file" --framework kubernetes --compact --quiet --skip-download \
    --skip-check "$(IFS=,; echo "${checkov[*]}")"
done

if [ -n "${KUBECONFIG:-}" ]; then
  echo "check: a server-side dry run of all that renders"
  names=(galsync-chart-check galsync-chart-check-a galsync-chart-check-b)
  trap 'rm -rf "$folder"; kubectl delete namespace "${names[@]}" --ignore-not-found >/dev/null' EXIT
  for name in "${names[@]}"; do kubectl create namespace "$name" --dry-run=client -o yaml | kubectl apply -f - >/dev/null; done
  for values in least full; do
    arguments=(--namespace "${names[0]}" --values "ci/$values-values.yaml" --set fullnameOverride=galsync-chart-check)
    [ $values = least ] || arguments+=(--set "watchNamespaces={${names[1]},${names[2]}}")
    if ! kubectl get crd servicemonitors.monitoring.coreos.com podmonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com >/dev/null 2>&1; then
      echo "check: without monitors and rules: the cluster has no Prometheus operator"
      arguments+=(--set "metrics.serviceMonitor.enabled=false,metrics.podMonitor.enabled=false,metrics.prometheusRule.enabled=false")
    fi
    helm template galsync . "${arguments[@]}" | kubectl apply --dry-run=server --server-side --force-conflicts -f - >"$folder/applied"
    echo "check: $(wc -l <"$folder/applied") objects accepted with $values values"
  done
fi
echo "check: nothing to complain about"
