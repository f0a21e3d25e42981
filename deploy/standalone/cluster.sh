#!/usr/bin/env bash
# A small Spark cluster on this machine: a master and two workers, for trying things out as they are on many machines.
#   deploy/standalone/cluster.sh start [CORES_PER_WORKER [MEMORY_PER_WORKER]]    prints the master's URL, for --master
#   deploy/standalone/cluster.sh stop
# What it writes goes to the folder GEMMA_CLUSTER_DIR (spark-job/target/cluster).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../bin/common.sh"

DIR=${GEMMA_CLUSTER_DIR:-$PROJECT/spark-job/target/cluster}
HOST=127.0.0.1
PORT=${GEMMA_CLUSTER_PORT:-7077}
WORKERS=2
SECONDS_TO_START=60

stop() {
  local file
  for file in "$DIR"/*.pid; do
    [ -e "$file" ] || continue
    kill "$(cat "$file")" 2>/dev/null || true
    rm -f "$file"
  done
}

# Starts a class in the background: NAME CLASS ARGUMENTS...
daemon() {
  local name=$1
  shift
  spark_command "$@"
  nohup "${command[@]}" >"$DIR/$name.log" 2>&1 &
  echo $! >"$DIR/$name.pid"
}

await() {
  local file=$1 text=$2 i
  for ((i = 0; i < SECONDS_TO_START * 5; i++)); do
    if grep -q "$text" "$file" 2>/dev/null; then
      return
    fi
    sleep 0.2
  done
  stop
  fail "The cluster did not start within $SECONDS_TO_START s; $file says why"
}

start() {
  local cores=${1:-1} memory=${2:-2g} i
  find_java
  build_unless "$PROJECT/spark-job/target/gemma-spark-job-0.1.0.jar" "$PROJECT/spark-job/target/spark-classpath.txt"
  lay_out_spark || true
  mkdir -p "$DIR"
  ! ls "$DIR"/*.pid >/dev/null 2>&1 || fail "The cluster is running already (or stop it: deploy/standalone/cluster.sh stop)"
  daemon master org.apache.spark.deploy.master.Master --host "$HOST" --port "$PORT" --webui-port 0
  await "$DIR/master.log" "Starting Spark master"
  for ((i = 1; i <= WORKERS; i++)); do
    SPARK_WORKER_DIR="$DIR/worker-$i" daemon "worker-$i" org.apache.spark.deploy.worker.Worker --host "$HOST" --cores "$cores" \
      --memory "$memory" --webui-port 0 --work-dir "$DIR/worker-$i" "spark://$HOST:$PORT"
    await "$DIR/worker-$i.log" "Successfully registered with master"
  done
  echo "spark://$HOST:$PORT"
}

case ${1:-} in
  start)
    shift
    start "$@"
    ;;
  stop) stop ;;
  *) fail "Usage: deploy/standalone/cluster.sh start [CORES_PER_WORKER [MEMORY_PER_WORKER]] | stop" 2 ;;
esac
