# shellcheck shell=bash
# Starts programs in the background, knows them again and stops them. Sourced after settings.sh, with `cluster` set.
# A program is known by its recorded pid AND start time AND command: pids are used again after a crash or a restart.

start_time() { # pid -> clock ticks since boot at which it started; fails when there is no such process
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The command's name, in parentheses, may hold spaces; start time is the 22nd field, the 20th after the name.
  stat=${stat##*) }
  # shellcheck disable=SC2086 # to be split
  set -- $stat
  echo "${20}"
}

# Until a process has let go of everything it held: one whose memory is gone may still hold its ports,
# and a dead first thread (state Z) does so as long as others of its threads are left.
alive() { # pid, start time
  local threads
  [ "$(start_time "$1")" = "$2" ] || return 1
  threads=("/proc/$1/task"/*)
  case $(sed -n 's/^State:\s*//p' "/proc/$1/status" 2>/dev/null) in Z* | X* | '') [ ${#threads[@]} -gt 1 ] ;; esac
}

running() { # name -> prints the pid if the recorded process is still the one that was started
  local pid started command argument
  read -r pid started command 2>/dev/null <"$cluster/run/$1.pid" || return 1
  alive "$pid" "$started" || return 1
  IFS= read -r -d '' argument 2>/dev/null <"/proc/$pid/cmdline" && [ "$argument" = "$command" ] || return 1
  echo "$pid"
}

# What a program was started with: its command line, the files named there and the certificate authority.
fingerprint() {
  local argument file
  {
    printf '%s\n' "$@"
    for argument in "$@"; do
      file=${argument#*=}
      if [ -f "$file" ]; then sha256sum <"$file"; fi
    done
    cat "$pki/ca.crt"
  } | sha256sum | cut -d' ' -f1
}

start() { # name command...: does nothing when it runs already with the same command line and files
  local name=$1 print pid
  shift
  mkdir -p "$cluster/run" "$cluster/log"
  print=$(fingerprint "$@")
  if running "$name" >/dev/null; then
    [ "$print" != "$(cat "$cluster/run/$name.fingerprint" 2>/dev/null)" ] || return 0
    say "$name: its settings changed, starting it again"
    stop "$name"
  fi
  [ ! -e "$cluster/log/$name.log" ] || mv -f "$cluster/log/$name.log" "$cluster/log/$name.previous.log"
  # A session of its own, so that it outlives the terminal; descriptor 9 is the lab's lock.
  setsid "$@" >"$cluster/log/$name.log" 2>&1 </dev/null 9>&- &
  pid=$!
  # Until it is the program itself, its command line is still that of setsid.
  until [ "$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | head -n 1)" = "$1" ]; do
    [ -d "/proc/$pid" ] || break
    sleep 0.05
  done
  echo "$pid $(start_time "$pid" || echo 0) $1" >"$cluster/run/$name.pid"
  echo "$print" >"$cluster/run/$name.fingerprint"
}

stop() { # name [seconds to end by itself]
  local name=$1 ends=$((SECONDS + ${2:-10})) pid started
  if pid=$(running "$name"); then
    started=$(start_time "$pid") || started=
    kill -TERM "$pid" 2>/dev/null || true
    while alive "$pid" "$started"; do
      if ((SECONDS >= ends)); then
        say "$name does not end by itself, killing it"
        kill -KILL "$pid" 2>/dev/null || true
        ends=$((SECONDS + 10))
      fi
      sleep 0.1
    done
  fi
  rm -f "$cluster/run/$name.pid" "$cluster/run/$name.fingerprint"
}

show_log() { # name
  [ -s "$cluster/log/$1.log" ] || return 0
  say "the last lines of $cluster/log/$1.log:"
  tail -n 25 "$cluster/log/$1.log" >&2
}

wait_for() { # name of the program it depends on, seconds, what is awaited, command...
  local name=$1 seconds=$2 what=$3 began=$SECONDS
  shift 3
  until "$@" >/dev/null 2>&1; do
    if [ -n "$name" ] && ! running "$name" >/dev/null; then
      show_log "$name"
      fail "$name has ended before $what"
    fi
    if ((SECONDS - began >= seconds)); then
      [ -z "$name" ] || show_log "$name"
      fail "no sign after $seconds s that $what"
    fi
    sleep 0.3
  done
  say "$what ($((SECONDS - began)) s)"
}

# Takes off everything mounted below a folder, the innermost first.
unmount_below() {
  local folder target
  folder=$(realpath -m "$1")
  while read -r target; do
    umount "$target" 2>/dev/null || umount -l "$target" 2>/dev/null || say "cannot unmount $target"
  done < <(awk -v folder="$folder/" 'index($2 "/", folder) == 1 { print $2 }' /proc/self/mounts | sort -r)
}
