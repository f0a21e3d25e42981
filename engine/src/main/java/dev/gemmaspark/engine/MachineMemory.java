package dev.gemmaspark.engine;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.engine.internal.cache.DirectMemory;
import java.util.Locale;
import java.util.OptionalLong;

/** What the KV cache may take: of the machine, or the container that this process is in, and of what this JVM may take outside its heap. */
final class MachineMemory {
  /** The rest is for mapped weights, which count as available because they can be dropped, and for other processes. */
  private static final double KV_CACHE_SHARE = 0.25;

  /** Of what the JVM may take outside its heap: the rest is for others, such as shuffles. */
  private static final double DIRECT_SHARE = 0.8;

  private MachineMemory() {}

  /**
   * Bytes that the KV cache may take. Its memory counts against the JVM's limit of direct memory, which is as large as the heap where nobody
   * says otherwise, and small in executors.
   *
   * @param asked by the user
   * @param limit of what is available, if the system does not know it
   * @throws InvalidSettingException if the JVM may not take what is asked
   */
  static long kvCache(OptionalLong asked, OptionalLong limit) {
    return kvCache(asked, DirectMemory.left(), Math.min(AvailableMemory.bytes(), limit.orElse(Long.MAX_VALUE)));
  }

  static long kvCache(OptionalLong asked, long direct, long available) {
    if (asked.isPresent()) {
      InvalidSettingException.require(
          asked.getAsLong() <= direct,
          "kvCacheMemory",
          (asked.getAsLong() >> 20) + " MiB",
          String.format(
              Locale.ROOT,
              "at most the %d MiB that this JVM may still take outside its heap, or be given more by -XX:MaxDirectMemorySize=… in"
                  + " spark.executor.extraJavaOptions (spark.driver.extraJavaOptions where the driver is the executor)",
              direct >> 20));
      return asked.getAsLong();
    }
    return Math.min((long) (available * KV_CACHE_SHARE), (long) (direct * DIRECT_SHARE));
  }
}
