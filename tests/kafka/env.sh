# Where the test broker lives; sourced by start.sh and stop.sh.
#
#   KAFKA_PORT             port on 127.0.0.1 (19092)
#   KAFKA_CONTROLLER_PORT  port of the controller (the next one)
#   KAFKA_ADVERTISED       where the node tells clients to come (127.0.0.1:$KAFKA_PORT); for a proxy
#   KAFKA_PROPERTIES       further lines for server.properties
#   KAFKA_DIR              the node's log, settings and pid (data/kafka/node-$KAFKA_PORT)
#   KAFKA_LIBS             the jars (data/kafka/libs)
#   KAFKA_FOREGROUND       if not empty, start.sh becomes the broker and does not wait until it is ready
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${KAFKA_PORT:-19092}
controller=${KAFKA_CONTROLLER_PORT:-$((port + 1))}
advertised=${KAFKA_ADVERTISED:-127.0.0.1:$port}
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
