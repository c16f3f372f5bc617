#!/usr/bin/env bash
# The lab's `local` persistent volumes: folders on file systems of a set size, each in a file of the lab's folder.
#   volumes.sh mount    makes and mounts the file systems
#   volumes.sh apply    makes the PersistentVolumes known to the cluster
#   volumes.sh reset [NAME]...  empties the volumes no claim is bound to (all, or large-1 and so on) and makes them available again
#   volumes.sh unmount  unmounts the file systems and keeps their files
# Sizes (when first made): GALSYNC_LAB_VOLUME_SIZE=1G, GALSYNC_LAB_SMALL_VOLUME_SIZE=16M.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lab/settings.sh
source "$here/settings.sh"
# shellcheck source=lab/processes.sh
source "$here/processes.sh"

owner=65532 # the user of the image
large_count=6
kubectl=("$binaries/kubectl" --kubeconfig "$kubeconfig")

mount_one() { # name size options of mkfs...
  local name=$1 size=$2
  shift 2
  mkdir -p "$volumes/$name"
  if [ ! -e "$volumes/$name.img" ]; then
    truncate -s "$size" "$volumes/$name.img.new"
    mkfs.ext4 -q -m 0 "$@" "$volumes/$name.img.new"
    mv "$volumes/$name.img.new" "$volumes/$name.img"
  fi
  mountpoint -q "$volumes/$name" || mount -o loop,nodev,nosuid "$volumes/$name.img" "$volumes/$name"
}

folder_of() { # volume's name, without the leading "galsync-lab-": large-1
  echo "$volumes/${1%-*}/$1"
}

names() {
  local number
  for ((number = 1; number <= large_count; number++)); do echo "large-$number"; done
  echo small-1
}

make_folders() {
  local name folder
  for name in $(names); do
    folder=$(folder_of "$name")
    [ ! -d "$folder" ] || continue
    mkdir -m 0770 "$folder"
    chown "$owner:$owner" "$folder"
  done
}

# The capacity is what a claim may ask for; nothing but the file system's size limits what is written.
manifest() { # name
  local class=galsync-lab capacity=10Gi
  [ "${1%-*}" = large ] || class=galsync-lab-small
  cat <<Y
apiVersion: v1
kind: PersistentVolume
metadata:
  name: galsync-lab-$1
  labels: {app.kubernetes.io/part-of: galsync-lab}
spec:
  capacity: {storage: $capacity}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: $class
  local: {path: $(folder_of "$1")}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [$node]}]
---
Y
}

apply() {
  local name
  for name in $(names); do manifest "$name"; done | "${kubectl[@]}" apply -f - >/dev/null
}

reset() {
  local name phase chosen=("$@")
  [ $# -gt 0 ] || mapfile -t chosen < <(names)
  for name in "${chosen[@]}"; do
    names | grep -xF -- "$name" >/dev/null || fail "there is no volume $name; known are $(names | tr '\n' ' ')"
    phase=$("${kubectl[@]}" get persistentvolume "galsync-lab-$name" --ignore-not-found -o 'jsonpath={.status.phase}')
    if [ "$phase" = Bound ]; then
      say "galsync-lab-$name is bound to a claim and stays as it is"
      continue
    fi
    "${kubectl[@]}" delete persistentvolume "galsync-lab-$name" --ignore-not-found --timeout=60s >/dev/null
    find "$(folder_of "$name")" -mindepth 1 -delete
  done
  apply
}

need_root
foreign_cluster && fail "KUBECONFIG names a cluster of your own; the lab's volumes belong to the lab's cluster"
case ${1:-} in
  mount)
    mkdir -p "$volumes"
    mount_one large "${GALSYNC_LAB_VOLUME_SIZE:-1G}"
    mount_one small "${GALSYNC_LAB_SMALL_VOLUME_SIZE:-16M}" -O ^has_journal
    make_folders
    ;;
  apply) apply ;;
  reset)
    shift
    reset "$@"
    ;;
  unmount) [ ! -d "$volumes" ] || unmount_below "$volumes" ;;
  *) fail "usage: volumes.sh mount|apply|reset [NAME]...|unmount" ;;
esac
