#!/usr/bin/env bash
# Tells what of the lab's Kubernetes runs; ends with 1 when something does not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"
# shellcheck source=lab/processes.sh
source "$here/processes.sh"

if foreign_cluster; then
  echo "cluster of KUBECONFIG=$KUBECONFIG"
  exec kubectl get nodes
fi
dead=0
for program in containerd etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns; do
  if pid=$(running "$program"); then
    printf '%-24s runs, pid %s, %s MiB\n' "$program" "$pid" "$(awk '$1 == "VmRSS:" { print int($2 / 1024) }' "/proc/$pid/status")"
  else
    printf '%-24s does not run\n' "$program"
    dead=1
  fi
done
if running kube-apiserver >/dev/null; then
  "$binaries/kubectl" --kubeconfig "$kubeconfig" --request-timeout=10s get nodes,persistentvolumes
fi
exit $dead
