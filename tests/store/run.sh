#!/usr/bin/env bash
# The store suite (src/store/tests) on S3, Azure Blob and Google Cloud Storage, or on what stands in for them: moto, Azurite and
# fake-gcs-server, on loopback ports, side by side. What cannot be made here is skipped and says so; in CI it may not be missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Outside the tree, as the lab's programs are: a fresh clone need not make them again.
base=${GALSYNC_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/galsync-lab}/store
tests/store/setup.sh
cargo build --quiet --tests --lib
suite=$(cargo test --lib --no-run --message-format json 2>/dev/null | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$suite" ] || { echo "store: the suite was not built" >&2; exit 1; }

folder=$(mktemp -d)
servers=()
stop() {
  local server
  for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT

there() { [ -e "$base/$1.complete" ]; }
free_port() { "$base/python/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
serve() { # name, port, command: started, and waited for until it listens
  local name=$1 port=$2
  shift 2
  "$@" >"$folder/$name.server" 2>&1 &
  servers+=($!)
  for _ in $(seq 300); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "store: $name does not listen on $port" >&2
  tail -n 5 "$folder/$name.server" >&2
  exit 1
}

running=()
check() { # name, test, settings: runs one test beside the others
  local name=$1 test=$2
  shift 2
  (cd "$folder" && env "$@" "$suite" --exact "store::tests::$test" --include-ignored) >"$folder/$name" 2>&1 &
  running+=("$!:$name")
}

skipped=()
if there python; then
  s3=(AWS_ALLOW_HTTP=true AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=very-secret AWS_REGION=us-east-1)
  port=$(free_port)
  serve s3 "$port" "$base/python/bin/moto_server" -H 127.0.0.1 -p "$port"
  curl -fsS -o /dev/null -X PUT "http://127.0.0.1:$port/test"
  check s3 every_kind_of_store::a_bucket_passes GALSYNC_TEST_STORE=s3://test/suite "AWS_ENDPOINT=http://127.0.0.1:$port" "${s3[@]}"
  check s3-missing buckets::a_bucket_that_is_not_there_is_said GALSYNC_TEST_STORE=s3://other/suite "AWS_ENDPOINT=http://127.0.0.1:$port" "${s3[@]}"
  # This one asks who is there, after the one request that makes the bucket.
  port=$(free_port)
  serve s3-guarded "$port" env INITIAL_NO_AUTH_ACTION_COUNT=1 "$base/python/bin/moto_server" -H 127.0.0.1 -p "$port"
  curl -fsS -o /dev/null -X PUT "http://127.0.0.1:$port/test"
  check s3-refused buckets::a_bucket_refuses_wrong_credentials GALSYNC_TEST_STORE=s3://test/suite "AWS_ENDPOINT=http://127.0.0.1:$port" "${s3[@]}"
else
  skipped+=(S3)
fi
if there python && there azurite; then
  # Azurite's well-known account.
  key="Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
  port=$(free_port)
  serve azure "$port" node "$base/azurite/node_modules/azurite/dist/src/blob/main.js" --blobHost 127.0.0.1 --blobPort "$port" \
    --inMemoryPersistence --disableTelemetry --skipApiVersionCheck --silent
  url=http://127.0.0.1:$port/devstoreaccount1
  "$base/python/bin/python" -c 'import sys; from azure.storage.blob import BlobServiceClient as C; C(sys.argv[1], credential=sys.argv[2]).create_container("test")' "$url" "$key"
  azure=("AZURE_STORAGE_ENDPOINT=$url" AZURE_STORAGE_ACCOUNT_NAME=devstoreaccount1 AZURE_ALLOW_HTTP=true)
  check azure every_kind_of_store::a_bucket_passes GALSYNC_TEST_STORE=az://test/suite "AZURE_STORAGE_ACCOUNT_KEY=$key" "${azure[@]}"
  check azure-missing buckets::a_bucket_that_is_not_there_is_said GALSYNC_TEST_STORE=az://other/suite "AZURE_STORAGE_ACCOUNT_KEY=$key" "${azure[@]}"
  check azure-refused buckets::a_bucket_refuses_wrong_credentials GALSYNC_TEST_STORE=az://test/suite AZURE_STORAGE_ACCOUNT_KEY=dmVyeS1zZWNyZXQ= "${azure[@]}"
else
  skipped+=(Azure)
fi
if there python && there gcs; then
  port=$(free_port)
  serve gcs "$port" "$base/gcs" "127.0.0.1:$port" test
  account="{\"gcs_base_url\":\"http://127.0.0.1:$port\",\"disable_oauth\":true,\"client_email\":\"\",\"private_key\":\"\",\"private_key_id\":\"\"}"
  gcs=("GOOGLE_SERVICE_ACCOUNT_KEY=$account" ALLOW_HTTP=true)
  check gcs every_kind_of_store::a_bucket_passes GALSYNC_TEST_STORE=gs://test/suite "${gcs[@]}"
  check gcs-missing buckets::a_bucket_that_is_not_there_is_said GALSYNC_TEST_STORE=gs://other/suite "${gcs[@]}"
else
  skipped+=(Google)
fi

failed=0
for one in "${running[@]}"; do
  if wait "${one%%:*}" && grep -q '1 passed' "$folder/${one#*:}"; then
    echo "store: ${one#*:} passes"
  else
    echo "store: ${one#*:} FAILS" >&2
    tail -n 30 "$folder/${one#*:}" >&2
    failed=1
  fi
done
for one in "${skipped[@]}"; do
  echo "store: SKIPPED: $one: its stand-in cannot be made here"
  [ "${CI:-}" != true ] || failed=1
done
exit $failed
