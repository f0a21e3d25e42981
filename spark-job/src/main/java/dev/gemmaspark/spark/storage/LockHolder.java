package dev.gemmaspark.spark.storage;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Who holds a lock, as its file says.
 *
 * @param machine what tells one running kernel, namespace of processes and user from others; empty where nobody can tell
 * @param started the process's start, in the kernel's own count
 * @param key of this acquisition
 * @param beat a count that goes up while the holder lives
 */
record LockHolder(String application, String runId, String host, String machine, long pid, long started, String key, long beat) {
  private static final JsonMapper MAPPER = JsonMapper.builder().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false).build();

  /** Fields of a process's stat file behind its name, which may have spaces; the 22nd of all is its start. */
  private static final int START_BEHIND_NAME = 19;

  /** States of processes that run no more: zombie, dead. */
  private static final Set<String> ENDED = Set.of("Z", "X");

  enum Life {
    ALIVE,
    DEAD,
    UNKNOWN
  }

  static LockHolder current(String application, String runId, String key) {
    long pid = ProcessHandle.current().pid();
    return new LockHolder(application, runId, hostName(), currentMachine(), pid, started(pid), key, 0);
  }

  /** What a lock's file says, if it is whole. */
  static Optional<LockHolder> of(String text) {
    try {
      LockHolder holder = MAPPER.readValue(text, LockHolder.class);
      return Optional.ofNullable(holder).filter(each -> each.key != null && each.machine != null);
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  byte[] bytes() throws IOException {
    return MAPPER.writeValueAsBytes(this);
  }

  LockHolder next() {
    return new LockHolder(application, runId, host, machine, pid, started, key, beat + 1);
  }

  /** Whether its process is there, if that can be seen from here. */
  Life life() {
    if (machine.isEmpty() || !machine.equals(currentMachine())) {
      return Life.UNKNOWN;
    }
    return started(pid) == started ? Life.ALIVE : Life.DEAD;
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }

  /** Other users' processes may be hidden, so a user is part of it. */
  private static String currentMachine() {
    try {
      return String.join(
          " ",
          Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip(),
          Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString(),
          System.getProperty("user.name"));
    } catch (IOException | UnsupportedOperationException e) {
      return "";
    }
  }

  /** The start of a process, or -1 if there is no such process, or one that has ended and that nobody has asked about. */
  private static long started(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      String[] behindName = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      return ENDED.contains(behindName[0]) ? -1 : Long.parseLong(behindName[START_BEHIND_NAME]);
    } catch (IOException e) {
      return -1;
    }
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "'%s' on %s, process %d, run %s", application, host, pid, runId);
  }
}
