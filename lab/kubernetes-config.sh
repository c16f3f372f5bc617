# shellcheck shell=bash
# Writes the configuration files of the cluster's programs. Sourced after settings.sh.
# Everything stays in the lab's folder, so that a containerd or a Kubernetes of the machine's own is left alone.

write_containerd_config() {
  cat >"$config/containerd.toml" <<T
version = 2
root = "$cluster/containerd/root"
state = "$cluster/containerd/state"

[grpc]
  address = "$containerd_socket"

[plugins."io.containerd.internal.v1.opt"]
  path = "$cluster/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  netns_mounts_under_state_dir = true
  # Without CAP_SYS_RESOURCE (inside many virtual machines) no process may lower its score, and no pod would start.
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "$config/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  Root = "$cluster/containerd/runc"
T
}

# Pods get a route to the bridge and to the services, and no default route and no masquerading:
# nothing in the lab can talk to the outside.
write_cni_config() {
  mkdir -p "$config/cni"
  cat >"$config/cni/10-galsync-lab.conflist" <<J
{
  "cniVersion": "1.0.0",
  "name": "galsync-lab",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "$bridge",
      "isGateway": true,
      "ipMasq": false,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "dataDir": "$cluster/cni",
        "ranges": [[{"subnet": "$pod_network", "rangeStart": "$pod_first", "rangeEnd": "$pod_last", "gateway": "$gateway"}]],
        "routes": [{"dst": "$service_network"}]
      }
    }
  ]
}
J
}

write_kubelet_config() {
  cat >"$config/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $gateway
authentication: {x509: {clientCAFile: $pki/ca.crt}, webhook: {enabled: true}, anonymous: {enabled: false}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
clusterDNS: [$dns_service]
clusterDomain: cluster.local
resolvConf: $config/resolv.conf
containerRuntimeEndpoint: unix://$containerd_socket
podLogsDir: $cluster/pod-logs
volumePluginDir: $cluster/kubelet-plugins
# There is no registry to pull an image from again: none is ever collected.
imageGCHighThresholdPercent: 100
evictionHard: {nodefs.available: "1%", imagefs.available: "1%", memory.available: 100Mi}
shutdownGracePeriod: 0s
Y
  echo "nameserver $gateway" >"$config/resolv.conf"
}

# Names of the cluster and of the forests; every other name does not exist, at once and for certain.
write_coredns_config() {
  [ -e "$hosts" ] || touch "$hosts"
  printf '. 5 IN SOA lab. lab. 1 3600 600 86400 5\n. 5 IN NS lab.\n' >"$config/root.zone"
  cat >"$config/Corefile" <<C
. {
  bind $gateway
  errors
  health 127.0.0.1:9254
  ready 127.0.0.1:9255
  hosts $hosts {
    ttl 5
    reload 1s
    fallthrough
  }
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig $config/coredns.kubeconfig
    ttl 5
    fallthrough in-addr.arpa ip6.arpa
  }
  file $config/root.zone .
  loadbalance
}
C
}

write_configuration() {
  mkdir -p "$config"
  write_containerd_config
  write_cni_config
  write_kubelet_config
  write_coredns_config
}
