#!/usr/bin/env bash
# The long form of what `make test` holds a small instance of: many more cases of the properties, a thousand operators killed over
# a simulated cluster, and on the real one fifty pods in the middle of a push and fifty operators in the middle of a pass. As root;
# leaves the lab up. GALSYNC_SOAK, GALSYNC_CONTROLLER_KILLS and GALSYNC_KILLS change how many, GALSYNC_SEED repeats the kills.
set -euo pipefail
cd "$(dirname "$0")/.."
export GALSYNC_LAB=${GALSYNC_LAB:-/var/tmp/galsync-lab} GALSYNC_SOAK=${GALSYNC_SOAK:-30} GALSYNC_KILLS=${GALSYNC_KILLS:-50}
export GALSYNC_CONTROLLER_KILLS=${GALSYNC_CONTROLLER_KILLS:-1000}
cargo test --lib controller::simulated -- --nocapture
cargo test --test engine properties::
cargo test --test operations
if [ "$(id -u)" != 0 ]; then
  echo "soak: SKIPPED: pods and operators that are killed: the lab needs root"
  exit 0
fi
lab/up.sh
cargo build --bins --tests
lab/image-load.sh "$(lab/image.sh target/debug/galsync lab)"
lab/volumes.sh reset
# Both modules, killed and operator_killed.
KUBECONFIG=$(lab/kubeconfig.sh) cargo test --test cluster killed:: -- --include-ignored --test-threads=1 --nocapture
