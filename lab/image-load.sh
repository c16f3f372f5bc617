#!/usr/bin/env bash
# image-load.sh FILE.tar: gives an image to the cluster that holds (see kubeconfig.sh).
# image-load.sh --present IMAGE: succeeds when the lab's containerd has it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"
[ $# -ge 1 ] || fail "usage: image-load.sh FILE.tar | --present IMAGE"

lab_ctr() { ctr --address "$containerd_socket" --namespace k8s.io "$@"; }

if [ "$1" = --present ]; then
  [ -n "$(lab_ctr images list --quiet "name==${2:?image}")" ]
  exit
fi
if foreign_cluster; then
  context=$(kubectl config current-context)
  case $context in
    kind-*) exec kind load image-archive "$1" --name "${context#kind-}" ;;
    k3d-*) exec k3d image import "$1" --cluster "${context#k3d-}" ;;
    minikube) exec minikube image load "$1" ;;
    *) fail "the cluster in KUBECONFIG cannot be given an image from here: push $1 to a registry it reaches (skopeo copy docker-archive:$1 docker://...)" ;;
  esac
fi
need_root
[ -S "$containerd_socket" ] || fail "the lab's Kubernetes is not up; start it with lab/kubernetes-up.sh"
lab_ctr images import "$1" >&2
