package dev.gemmaspark.engine;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** What the machine, or the container that this process is in, has left. */
final class MachineMemory {
  /** The rest is for mapped weights, which count as free until they are read, and for other processes. */
  private static final double KV_CACHE_SHARE = 0.25;

  private MachineMemory() {}

  /** Bytes that the KV cache may take where nobody says otherwise. */
  static long kvCacheShare() {
    OperatingSystemMXBean system =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    return (long) (system.getFreeMemorySize() * KV_CACHE_SHARE);
  }
}
