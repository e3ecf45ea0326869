#!/usr/bin/env bash
# Stops the node that start.sh started with the same settings. What it stored stays.
set -euo pipefail
. "$(dirname "$0")/env.sh"

[ -d "$dir" ] && dir=$(cd "$dir" && pwd)
if ! running; then
  rm -f "$pidfile"
  echo "kafka: not running at 127.0.0.1:$port"
  exit 0
fi
pid=$(cat "$pidfile")
kill "$pid"
for _ in $(seq 300); do
  if ! kill -0 "$pid" 2>/dev/null; then
    rm -f "$pidfile"
    echo "kafka: stopped"
    exit 0
  fi
  sleep 0.1
done
die "pid $pid did not stop within 30 s; its log is $log"
