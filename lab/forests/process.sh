# shellcheck shell=bash
# Starts and stops the described forest's server. Sourced after forests/settings.sh and lab/processes.sh.
# Samba renames itself, so here a process is known by pid, start time and the program it executes, not by its command line.

samba=/usr/sbin/samba

running() { # samba -> prints the pid if the recorded process is still the one that was started
  local pid started
  read -r pid started 2>/dev/null <"$state/run/$1.pid" || return 1
  alive "$pid" "$started" && [ "$(readlink "/proc/$pid/exe")" = "$samba" ] || return 1
  echo "$pid"
}

# The server's processes in the forest's namespace, its own and what a killed one left.
servers() {
  local pid
  for pid in $(ip netns pids "$namespace" 2>/dev/null); do
    if [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$samba" ]; then echo "$pid"; fi
  done
}

server_stop() {
  local pid ends=$((SECONDS + 10))
  if pid=$(running samba); then kill -TERM "$pid" 2>/dev/null || true; fi
  while [ -n "$(servers)" ]; do
    # Without a first process the others are told one by one; those that do not listen are killed.
    if ! running samba >/dev/null; then servers | xargs -r kill -TERM 2>/dev/null || true; fi
    if ((SECONDS >= ends)); then servers | xargs -r kill -KILL 2>/dev/null || true; fi
    sleep 0.1
  done
  rm -f "$state/run/samba.pid"
}

server_answers() {
  LDAPTLS_CACERT=$state/tls/trusted.crt LDAPTLS_REQCERT=allow ldapsearch -LLL -x -o nettimeout=2 -H "ldaps://$server" -b '' -s base dnsHostName
}

server_start() { # does nothing when it runs with the same settings and certificate
  # shellcheck disable=SC2034 # where wait_for finds the log
  local print cluster=$state
  print=$(cat "$configuration" "$state/tls/server.crt" | sha256sum)
  if running samba >/dev/null && [ "$print" = "$(cat "$state/run/samba.fingerprint" 2>/dev/null)" ]; then return 0; fi
  server_stop
  mkdir -p "$state/run" "$state/log"
  [ ! -e "$state/log/samba.log" ] || mv -f "$state/log/samba.log" "$state/log/samba.previous.log"
  # A session of its own, so that it outlives the terminal; descriptor 9 is the lab's lock.
  setsid ip netns exec "$namespace" "$samba" --foreground --debug-stdout --configfile="$configuration" \
    >"$state/log/samba.log" 2>&1 </dev/null 9>&- &
  local pid=$!
  until [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$samba" ] || [ ! -d "/proc/$pid" ]; do sleep 0.05; done
  echo "$pid $(start_time "$pid" || echo 0)" >"$state/run/samba.pid"
  echo "$print" >"$state/run/samba.fingerprint"
  wait_for samba 60 "$server answers over LDAPS" server_answers
}
