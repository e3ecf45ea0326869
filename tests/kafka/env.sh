# Where the test broker lives; sourced by start.sh and stop.sh.
#
#   KAFKA_PORT  port on 127.0.0.1 (19092); the controller takes the next one
#   KAFKA_DIR   the node's log, settings and pid (data/kafka/node-$KAFKA_PORT)
#   KAFKA_LIBS  the jars (data/kafka/libs)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${KAFKA_PORT:-19092}
dir=${KAFKA_DIR:-$root/data/kafka/node-$port}
libs=${KAFKA_LIBS:-$root/data/kafka/libs}
pidfile=$dir/pid
log=$dir/server.log

die() {
  echo "kafka: $*" >&2
  exit 1
}

# running tells whether the process of the pid file is still that broker.
running() {
  local pid
  pid=$(cat "$pidfile" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "kafka.Kafka $dir/"
}
