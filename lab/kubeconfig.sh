#!/usr/bin/env bash
# Prints the kubeconfig that holds: the user's own in KUBECONFIG, or the lab's.
set -euo pipefail
# shellcheck source=lab/settings.sh
source "$(dirname "$0")/settings.sh"
if foreign_cluster; then echo "$KUBECONFIG"; else echo "$kubeconfig"; fi
