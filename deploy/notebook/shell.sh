#!/usr/bin/env bash
# A Java shell with a Spark session and Gemma's functions: deploy/notebook/shell.sh [-Dspark.gemma.model=...] [other options of jshell]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../bin/common.sh"

JOB=$PROJECT/spark-job/target
JAR=$JOB/gemma-spark-job-0.1.0.jar

find_java
build_unless "$JAR" "$JOB/spark-classpath.txt"

# What Spark gives the JVMs that it starts itself.
OPENED="java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent java.util.concurrent.atomic
  jdk.internal.ref sun.nio.ch sun.nio.cs sun.util.calendar"
options=(-R--add-modules=jdk.incubator.vector -R--sun-misc-unsafe-memory-access=allow -R--enable-native-access=ALL-UNNAMED
  "-R-Dlog4j2.configurationFile=$PROJECT/conf/log4j2.properties")
for package in $OPENED; do
  options+=("-R--add-opens=java.base/$package=ALL-UNNAMED")
done
for argument in "$@"; do
  case $argument in
    -D*) options+=("-R$argument") ;;
    *) options+=("$argument") ;;
  esac
done
cd "$PROJECT"
exec "$JAVA_HOME/bin/jshell" "${options[@]}" --class-path "$JAR:$(cat "$JOB/spark-classpath.txt")" --startup DEFAULT \
  --startup "$PROJECT/deploy/notebook/gemma.jsh"
