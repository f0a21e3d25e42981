# What the launchers share: where the project is, which Java runs it, and whether it has been built.

PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
  echo "$1" >&2
  exit "${2:-1}"
}

# Whether this java is a JDK 25.0.3 or later: 25.0.0 to 25.0.2 corrupt pinned buffers under G1 (JDK-8377811).
is_new_enough() {
  [ -x "$1" ] || return 1
  local version major minor patch
  version=$("$1" -version 2>&1 | sed -n 's/.* version "\([0-9][0-9.]*\).*/\1/p' | head -n 1)
  IFS=. read -r major minor patch _ <<<"$version.0.0"
  [ "${major:-0}" -gt 25 ] || { [ "${major:-0}" -eq 25 ] && { [ "${minor:-0}" -gt 0 ] || [ "${patch:-0}" -ge 3 ]; }; }
}

# Sets JAVA_HOME.
find_java() {
  local candidate
  for candidate in "${JAVA_HOME:-/nowhere}" "$(dirname "$(dirname "$(readlink -f "$(command -v java || echo /nowhere/bin/java)")")")" \
    /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/*; do
    if is_new_enough "$candidate/bin/java"; then
      export JAVA_HOME=$candidate
      return
    fi
  done
  fail "gemma-spark needs JDK 25.0.3 or later, and there is none in JAVA_HOME, on the PATH or in the usual folders; install one, or set JAVA_HOME"
}

# Builds the project unless all of the given files are there.
build_unless() {
  local file
  for file in "$@"; do
    if [ ! -e "$file" ]; then
      command -v mvn >/dev/null || fail "gemma-spark is not built yet, and there is no Maven (mvn) on the PATH; install Maven 3.8.7 or later"
      echo "Building gemma-spark; this happens once, and takes some minutes while Maven fetches what it needs." >&2
      (cd "$PROJECT" && MAVEN_OPTS="${MAVEN_OPTS:-} --sun-misc-unsafe-memory-access=allow" mvn -B -q -DskipTests package 1>&2) || fail "The build failed; its messages are above"
      return
    fi
  done
}

# Where no Spark is installed, lays the jars that Maven resolved out as one; fails where one is.
lay_out_spark() {
  [ -z "${SPARK_HOME:-}" ] || return 1
  local target=$PROJECT/spark-job/target
  export SPARK_HOME=$target/spark-home SPARK_SCALA_VERSION=2.13
  if [ ! -e "$SPARK_HOME/RELEASE" ]; then
    mkdir -p "$SPARK_HOME/jars"
    tr ':' '\n' <"$target/spark-classpath.txt" | while read -r jar || [ -n "$jar" ]; do ln -sf "$jar" "$SPARK_HOME/jars/"; done
    echo "Spark of the project's build" >"$SPARK_HOME/RELEASE"
  fi
}

# Sets `command` to what starts a class of Spark's: the launcher prints an empty line, then the command, each part ended by a NUL.
spark_command() {
  command=()
  {
    IFS= read -r _ || true
    while IFS= read -r -d '' part; do command+=("$part"); done
  } < <("$JAVA_HOME/bin/java" -XX:TieredStopAtLevel=1 -cp "$SPARK_HOME/jars/*" org.apache.spark.launcher.Main "$@")
  [ "${#command[@]}" -gt 1 ] || fail "Spark's launcher failed; its message is above" 2
}

# Passes input on but for the first lines, so many at the most, with which a JVM greets its module options. No line is read after
# those, so that a progress line without an end gets through.
without_jvm_warnings() {
  local line i
  for ((i = 0; i < $1; i++)); do
    IFS= read -r line || { printf '%s' "$line"; return; }
    case $line in
      'WARNING: Using incubator modules: jdk.incubator.vector' | 'WARNING: package '*' not in java.base') ;;
      *) printf '%s\n' "$line"; break ;;
    esac
  done
  cat
}

# Tells the program whether a person sees its progress.
if [ -t 2 ]; then
  export GEMMA_TERMINAL=true
fi
