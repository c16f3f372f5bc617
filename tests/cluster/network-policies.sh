#!/usr/bin/env bash
# The chart's network policies on a cluster that enforces them: what each pod reaches, and what it does not. Where nothing enforces
# them, as in the lab, they are installed all the same and everything they allow is reached; the rest is SKIPPED, and said to be.
# Needs KUBECONFIG, helm, kubectl, jq.
#   GALSYNC_TEST_IMAGE             the image of this tree, on the nodes; default localhost/galsync:lab
#   GALSYNC_POLICIES_ENFORCED=1    a cluster that does not enforce them is an error
set -euo pipefail
release=galsync-policies
# shellcheck source=tests/cluster/installation.sh
source "$(dirname "$0")/installation.sh"

tell() {
  lists get networkpolicies,pods -o wide
  kubectl --namespace "$system" get networkpolicies,pods -o wide
}
remove() {
  [ ! -s "$folder/objects.json" ] || kubectl delete --ignore-not-found --wait=false -f "$folder/objects.json" >/dev/null 2>&1
}

# All of the chart but its definitions, which are laid only where there are none. Further arguments are helm's.
install() {
  helm template "$release" "$tree/charts/galsync" --namespace "$system" --no-hooks --values "$folder/values.json" "$@" >"$folder/objects.yaml"
  kubectl create --dry-run=client -o json -f "$folder/objects.yaml" |
    jq -s '{apiVersion: "v1", kind: "List", items: [.[] | select(.kind != "CustomResourceDefinition")]}' >"$folder/objects.json"
  if ! kubectl get crd galsyncruns.galsync.dev >/dev/null 2>&1; then
    kubectl apply --server-side -f "$tree/deploy/crds.yaml" >/dev/null
    kubectl wait --for=condition=Established --timeout=30s -f "$tree/deploy/crds.yaml" >/dev/null
  fi
  kubectl apply -f "$folder/objects.json" >/dev/null
}

# A pod of the image that serves on a port of mail systems, 443, and on another one, 8365; and from which one may ask.
pod() { # name, labels as JSON
  jq -n --arg name "$1" --argjson labels "$2" --arg image "$image" '
    def serves($port): {name: "port\($port)", image: $image, imagePullPolicy: "IfNotPresent",
      args: ["sandbox", "--config=/etc/sandbox/sandbox.yaml", "--listen=0.0.0.0:\($port)"],
      readinessProbe: {tcpSocket: {port: $port}, periodSeconds: 1},
      resources: {requests: {cpu: "10m", memory: "32Mi"}, limits: {memory: "128Mi"}},
      volumeMounts: [{name: "configuration", mountPath: "/etc/sandbox"}],
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: ["ALL"]}}};
    {apiVersion: "v1", kind: "Pod", metadata: {$name, $labels}, spec: {
      automountServiceAccountToken: false, enableServiceLinks: false, terminationGracePeriodSeconds: 1,
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: "RuntimeDefault"},
        sysctls: [{name: "net.ipv4.ip_unprivileged_port_start", value: "0"}]},
      containers: [serves(443), serves(8365)],
      volumes: [{name: "configuration", configMap: {name: "sandbox"}}]}}' | lists apply -f - >/dev/null
}
address() { lists get pod "$1" -o 'jsonpath={.status.podIP}'; }

# The image's only program asks over HTTP. Any answer will do, also that this is no HTTP or that nobody knows the certificate.
reaches() { # namespace, pod, URL
  local said code=0
  said=$(kubectl --namespace "$1" exec --quiet "$2" -- /galsync health "$3" 2>&1) || code=$?
  printf '%s: %s %s: %s\n' "$2" "$3" "$code" "$said" >>"$folder/answers"
  grep -qiE 'refused|timed out|unreachable|dns error' <<<"$said" && return 1
  return 0
}
expect() { # yes or no, namespace, pod, URL, what it is
  local found end=$((SECONDS + 30))
  # A policy takes a moment to hold for a new pod.
  while :; do
    if reaches "$2" "$3" "$4"; then found=yes; else found=no; fi
    if [ "$found" = "$1" ] || [ $SECONDS -ge $end ]; then break; fi
    sleep 1
  done
  [ "$found" = "$1" ] || wrong "$3 -> $5 ($4): reached: $found, not $1; $(tail -n 1 "$folder/answers")"
  printf '    %-10s -> %-30s %s\n' "${3%-*-*}" "$5" "$([ "$1" = yes ] && echo reached || echo "not reached")"
}
may() { expect yes "$@"; }
may_not() { if [ $enforced = yes ]; then expect no "$@"; fi; }

step "Pods that stand for a mail system, a Job, Prometheus and somebody else"
for name in "$system" "$lists"; do kubectl create namespace "$name" --dry-run=client -o yaml | kubectl apply -f - >/dev/null; done
lists create configmap sandbox --from-literal=sandbox.yaml='{microsoft365: {tenants: [{id: 11111111-2222-3333-4444-555555555555,
  organization: contoso.onmicrosoft.com, domains: [contoso.example], people: 1}]}}' >/dev/null
jobs_labels=$(helm template "$release" "$tree/charts/galsync" --values "$tree/charts/galsync/ci/full-values.yaml" --show-only templates/networkpolicies.yaml |
  kubectl create --dry-run=client -o json -f - | jq -sc '[.[] | select(.metadata.name | endswith("-jobs"))][0].spec.podSelector.matchLabels')
pod mail '{"role": "mail"}'
pod job "$jobs_labels"
pod prometheus '{"role": "prometheus"}'
lists expose pod mail --port=443 >/dev/null
lists wait pod mail job prometheus --for=condition=Ready --timeout=1m >/dev/null
mail=$(address mail)
service=$(kubectl --namespace default get service kubernetes -o 'jsonpath={.spec.clusterIP}')
read -r server port < <(kubectl --namespace default get endpointslices -l kubernetes.io/service-name=kubernetes -o json |
  jq -r '.items[0] | "\(.endpoints[0].addresses[0]) \(.ports[0].port)"')

step "Without policies all is reached"
enforced=no
may "$lists" job "http://mail.$lists.svc:443" "a mail system, by its name"
may "$lists" job "http://$mail:8365" "another port"
may "$lists" job "https://$service" "the API server's Service"
may "$lists" job "https://$server:$port" "the API server"
may "$lists" mail "http://$(address job):8365" "a Job"

step "The chart's policies"
# The API server's own port is let through, so that only its addresses keep it from the Jobs.
jq -n --arg image "$image" --arg lists "$lists" --argjson port "$port" --arg service "$service" --arg server "$server" '
  def host: if contains(":") then . + "/128" else . + "/32" end;
  [$service, $server | host] as $api | {owner: {id: "policies-test"}, replicas: 1, watchNamespaces: [$lists],
    image: ($image | capture("^(?<repository>.*):(?<tag>[^:]*)$")),
    networkPolicies: {enabled: true, apiServer: {cidrs: $api, ports: ([443, $port] | unique)},
      metricsFrom: [{namespaceSelector: {matchLabels: {"kubernetes.io/metadata.name": $lists}}, podSelector: {matchLabels: {role: "prometheus"}}}],
      jobs: {except: $api, ports: ([443, 636, $port] | unique)}}}' >"$folder/values.json"
install
deployment=$(jq -r '.items[] | select(.kind == "Deployment") | .metadata.name' "$folder/objects.json")
end=$((SECONDS + ${GALSYNC_POLICIES_ENFORCED:+50} + 10))
until ! reaches "$lists" job "http://$mail:8365"; do [ $SECONDS -lt $end ] || break; sleep 1; done
if reaches "$lists" job "http://$mail:8365"; then
  [ "${GALSYNC_POLICIES_ENFORCED:-}" != 1 ] || wrong "nothing enforces the policies"
  echo "    SKIPPED: what they forbid: they are accepted, but nothing on this cluster enforces them"
else
  enforced=yes
fi
# An operator that has known nothing but the policies becomes ready: it reaches the API server, and the kubelet reaches it.
kubectl --namespace "$system" rollout status "deployment/$deployment" --timeout=2m >/dev/null
kubectl --namespace "$system" rollout restart "deployment/$deployment" >/dev/null
kubectl --namespace "$system" rollout status "deployment/$deployment" --timeout=2m >/dev/null || wrong "an operator under the policies does not become ready"
read -r operator metrics < <(kubectl --namespace "$system" get pods -l app.kubernetes.io/component=operator -o json |
  jq -r '[.items[] | select(.metadata.deletionTimestamp == null)][0] | "\(.metadata.name) \(.status.podIP)"')

step "The Jobs"
may "$lists" job "http://mail.$lists.svc:443" "a mail system, by its name"
may_not "$lists" job "http://$mail:8365" "another port"
may_not "$lists" job "https://$service" "the API server's Service"
may_not "$lists" job "https://$server:$port" "the API server"
may_not "$lists" job "http://$metrics:8080" "the operator"
may_not "$lists" mail "http://$(address job):443" "a Job"
if [ -s "${GALSYNC_LAB:-/var/tmp/galsync-lab}/hosts" ]; then
  while read -r _ forest _; do may "$lists" job "http://$forest:636" "$forest, LDAPS"; done <"${GALSYNC_LAB:-/var/tmp/galsync-lab}/hosts"
fi

step "The operator"
may "$system" "$operator" "https://$service" "the API server's Service"
may_not "$system" "$operator" "http://$mail:443" "a mail system"
may "$lists" prometheus "http://$metrics:8080" "the operator's metrics"
may_not "$lists" mail "http://$metrics:8080" "the operator's metrics"
helm template "$release" "$tree/charts/galsync" --namespace "$system" --values "$folder/values.json" --show-only templates/tests/operator.yaml |
  kubectl apply -f - >/dev/null
kubectl --namespace "$system" wait pod "$deployment-test" --for=jsonpath='{.status.phase}'=Succeeded --timeout=1m >/dev/null || wrong "helm test would fail"
echo "    helm test succeeds"

step "Pods that are not GalSync's"
may "$lists" prometheus "http://$mail:8365" "another port"
may "$lists" prometheus "https://$service" "the API server's Service"

if [ $enforced = yes ]; then
  step "Without jobs.except the Jobs reach the API server"
  install --set-json 'networkPolicies.jobs.except=[]'
  may "$lists" job "https://$service" "the API server's Service"
  step "The policies hold"
else
  step "The policies are accepted"
fi
