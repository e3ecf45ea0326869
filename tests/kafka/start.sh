#!/usr/bin/env bash
# Starts one real Apache Kafka node, broker and controller in one process, on 127.0.0.1, and
# returns when it is ready. What the node stored before is kept. See env.sh for the settings.
set -euo pipefail
. "$(dirname "$0")/env.sh"

command -v java >/dev/null || die "java is missing: apt-get install openjdk-17-jre-headless"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if running; then
  echo "kafka: already running at 127.0.0.1:$port (pid $(cat "$pidfile"))"
  exit 0
fi

"$here/fetch.sh"

for p in "$port" "$controller"; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
    die "port $p of 127.0.0.1 is in use by another program; choose another with KAFKA_PORT"
  fi
done

cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://$advertised
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/log
# Landfall creates its topics itself; a broker that made them up would hide it if it did not.
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# A small node beside the tests.
num.network.threads=2
num.io.threads=4
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
${KAFKA_PROPERTIES:-}
PROPERTIES

# Format does nothing where it was done before. The cluster id only has to be the same each time.
if [ ! -f "$dir/log/meta.properties" ]; then
  java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$libs/*" \
    -Dkafka.logs.file="$dir/format.log" -Dlog4j2.configurationFile="$here/log4j2.properties" \
    kafka.tools.StorageTool format --cluster-id bGFuZGZhbGwta2Fma2EtMQ \
    --config "$dir/server.properties" --ignore-formatted >"$dir/format.out" 2>&1 ||
    die "cannot format $dir/log: $(tail -5 "$dir/format.out")"
fi

: >"$log"
broker=(java -Xms192m -Xmx384m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -cp "$libs/*"
  -Dkafka.logs.file="$log" -Dlog4j2.configurationFile="$here/log4j2.properties"
  kafka.Kafka "$dir/server.properties")
if [ -n "${KAFKA_FOREGROUND:-}" ]; then
  echo "$$" >"$pidfile" # exec keeps the pid
  exec "${broker[@]}" >"$dir/stdout.log" 2>&1 </dev/null
fi
nohup setsid "${broker[@]}" >"$dir/stdout.log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$pidfile"

for _ in $(seq 600); do
  if grep -q 'Kafka Server started' "$log"; then
    echo "kafka: ready at 127.0.0.1:$port (pid $pid, log in $log)"
    exit 0
  fi
  if ! kill -0 "$pid" 2>/dev/null; then
    rm -f "$pidfile"
    tail -20 "$log" "$dir/stdout.log" >&2
    die "the broker ended while it started"
  fi
  sleep 0.1
done
kill "$pid"
die "the broker was not ready after 60 s; its log is $log"
