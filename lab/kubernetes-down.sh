#!/usr/bin/env bash
# Takes the lab's Kubernetes down, also one that has crashed half-way, and removes what it leaves: containers, mounts,
# network namespaces, filter rules, files. With --keep, the cluster's data, images and volumes stay for the next start.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for part in settings processes containers; do
  # shellcheck source=/dev/null
  source "$here/$part.sh"
done

case ${1:-} in --keep | '') ;; *) fail "usage: kubernetes-down.sh [--keep]" ;; esac
if foreign_cluster; then
  say "the cluster in KUBECONFIG=$KUBECONFIG is your own and is left alone"
  exit 0
fi
[ -d "$cluster" ] || exit 0
need_root
lock_lab

began=$SECONDS
say "taking down Kubernetes in $cluster"
for program in kubelet kube-proxy coredns kube-scheduler kube-controller-manager; do stop "$program"; done
remove_filter_rules
kill_containers
for program in containerd kube-apiserver etcd; do stop "$program"; done
remove_containers
"$here/volumes.sh" unmount
# The bridge goes with its last user; the forests may still be on it.
if [ -d "/sys/class/net/$bridge/brif" ] && [ -z "$(ls "/sys/class/net/$bridge/brif")" ]; then ip link delete "$bridge"; fi
if [ "${1:-}" != --keep ]; then rm -rf "$cluster" "$volumes" "$kubeconfig"; fi
say "Kubernetes is down after $((SECONDS - began)) s"
