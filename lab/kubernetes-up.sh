#!/usr/bin/env bash
# Brings up the lab's single-node Kubernetes, real and from nothing but packages and Go modules. May be called again at
# any time: what runs with the same settings is left alone, what has died or changed is started again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for part in settings processes certificates kubernetes-config containers; do
  # shellcheck source=/dev/null
  source "$here/$part.sh"
done
began=$SECONDS

if foreign_cluster; then
  command -v kubectl >/dev/null || fail "KUBECONFIG is set, but there is no kubectl to reach that cluster with"
  kubectl --request-timeout=10s get --raw /readyz >/dev/null || fail "the cluster in KUBECONFIG=$KUBECONFIG does not answer"
  say "using the cluster in KUBECONFIG=$KUBECONFIG (GALSYNC_LAB_OWN_CLUSTER=1 starts the lab's own)"
  exit 0
fi
need_root
"$here/packages.sh"
"$here/binaries.sh" kubernetes etcd coredns >/dev/null
lock_lab

ask() { # path of the API server, asked as its administrator
  curl -sf --noproxy '*' --max-time 5 --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "$api_server$1"
}
healthy() { curl -sf --noproxy '*' --max-time 5 --cacert "$pki/ca.crt" "$1"; }
kubectl() { "$binaries/kubectl" --kubeconfig "$kubeconfig" "$@"; }

prepare() {
  mkdir -p "$cluster/run" "$cluster/log"
  # After a restart of the machine no process, mount or network namespace of the earlier life is left.
  if [ "$(cat "$cluster/boot" 2>/dev/null)" != "$(cat /proc/sys/kernel/random/boot_id)" ]; then
    rm -f "$cluster"/run/*
    remove_containers
    cat /proc/sys/kernel/random/boot_id >"$cluster/boot"
  fi
  ensure_bridge
  # Pods reach services through the bridge: the machine must route, and see bridged packets in its filter.
  sysctl -qw net.ipv4.ip_forward=1
  modprobe br_netfilter 2>/dev/null || true
  sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true
  write_certificates
  write_configuration
  "$here/volumes.sh" mount
}

start_etcd() {
  mkdir -p "$cluster/etcd"
  chmod 700 "$cluster/etcd"
  start etcd "$binaries/etcd" --name=lab --data-dir="$cluster/etcd" --unsafe-no-fsync --log-level=warn \
    --listen-client-urls=https://127.0.0.1:12379 --advertise-client-urls=https://127.0.0.1:12379 \
    --listen-peer-urls=http://127.0.0.1:12380 --initial-advertise-peer-urls=http://127.0.0.1:12380 \
    --initial-cluster=lab=http://127.0.0.1:12380 --client-cert-auth=true --trusted-ca-file="$pki/ca.crt" \
    --cert-file="$pki/etcd.crt" --key-file="$pki/etcd.key"
}

start_api_server() {
  start kube-apiserver "$binaries/kube-apiserver" --bind-address="$gateway" --advertise-address="$gateway" --secure-port=6443 \
    --etcd-servers=https://127.0.0.1:12379 --etcd-cafile="$pki/ca.crt" --etcd-certfile="$pki/apiserver-client.crt" --etcd-keyfile="$pki/apiserver-client.key" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-account-key-file="$pki/service-accounts.pub" \
    --service-account-signing-key-file="$pki/service-accounts.key" --service-cluster-ip-range="$service_network" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-client-certificate="$pki/apiserver-client.crt" \
    --kubelet-client-key="$pki/apiserver-client.key" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy --requestheader-username-headers=X-Remote-User \
    --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key"
}

start_controllers() {
  local who
  start kube-controller-manager "$binaries/kube-controller-manager" --bind-address=127.0.0.1 --leader-elect=false \
    --kubeconfig="$config/controller-manager.kubeconfig" --authentication-kubeconfig="$config/controller-manager.kubeconfig" \
    --authorization-kubeconfig="$config/controller-manager.kubeconfig" --use-service-account-credentials \
    --root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/service-accounts.key" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --tls-cert-file="$pki/controller-manager.crt" --tls-private-key-file="$pki/controller-manager.key"
  who=$config/scheduler.kubeconfig
  start kube-scheduler "$binaries/kube-scheduler" --bind-address=127.0.0.1 --leader-elect=false --kubeconfig="$who" \
    --authentication-kubeconfig="$who" --authorization-kubeconfig="$who" \
    --tls-cert-file="$pki/scheduler.crt" --tls-private-key-file="$pki/scheduler.key"
}

start_node() {
  start kubelet "$binaries/kubelet" --config="$config/kubelet.yaml" --kubeconfig="$config/kubelet.kubeconfig" --node-ip="$gateway" \
    --hostname-override="$node" --root-dir="$cluster/kubelet" --cert-dir="$cluster/kubelet-certificates"
  start kube-proxy "$binaries/kube-proxy" --kubeconfig="$config/proxy.kubeconfig" --hostname-override="$node" --proxy-mode=iptables \
    --cluster-cidr="$pod_network" --nodeport-addresses="$pod_network" --conntrack-max-per-core=0 \
    --metrics-bind-address=127.0.0.1:10249 --healthz-bind-address=127.0.0.1:10256
}

import_pause() {
  "$here/image-load.sh" --present "$pause_image" 2>/dev/null && return
  local folder
  folder=$(mktemp -d)
  gcc -O2 -Wall -Werror -static -o "$folder/pause" "$here/pause.c"
  "$here/../deploy/image/build.sh" "$folder/pause" "$pause_image" "$folder/pause.tar"
  "$here/image-load.sh" "$folder/pause.tar"
  rm -rf "$folder"
}

say "bringing up Kubernetes in $cluster"
prepare
start containerd containerd --config "$config/containerd.toml"
start_etcd
wait_for etcd 60 "etcd answers" \
  curl -sf --noproxy '*' --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" https://127.0.0.1:12379/health
start_api_server
wait_for containerd 60 "containerd answers" ctr --address "$containerd_socket" version
import_pause
wait_for kube-apiserver 120 "the API server is ready" ask /readyz
start_controllers
start_node
kubectl apply -f "$here/manifests/" >/dev/null
"$here/volumes.sh" apply
start coredns "$binaries/coredns" -conf "$config/Corefile"
wait_for kube-controller-manager 60 "the controllers run" healthy https://127.0.0.1:10257/healthz
wait_for kube-scheduler 60 "the scheduler runs" healthy https://127.0.0.1:10259/healthz
wait_for coredns 60 "names are served" curl -sf --noproxy '*' http://127.0.0.1:9255/ready
wait_for kube-proxy 60 "services are routed" curl -sf --noproxy '*' http://127.0.0.1:10256/healthz
wait_for kubelet 60 "the kubelet works" curl -sf --noproxy '*' http://127.0.0.1:10248/healthz
wait_for kubelet 120 "the node is registered" kubectl get "node/$node"
wait_for kubelet 120 "the node is ready" kubectl wait --for=condition=Ready --timeout=1s "node/$node"
wait_for kube-controller-manager 60 "pods can be made" kubectl --namespace default get serviceaccount default
say "Kubernetes is up after $((SECONDS - began)) s; export KUBECONFIG=$kubeconfig"
