#!/usr/bin/env bash
# Makes the Python environment of the vendors' clients under target/. Does nothing when it is there already.
# Ends with 2 where Python or its venv is missing, and with anything else when what is there fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=target/vendor-venv
wanted=$(sha256sum tests/vendor/requirements.txt)
if [ "$(cat "$folder/complete" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi
if ! command -v python3 >/dev/null || ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  echo "missing: python3 with venv. Debian: apt-get install python3 python3-venv" >&2
  exit 2
fi
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check -r tests/vendor/requirements.txt
echo "$wanted" >"$folder/complete"
