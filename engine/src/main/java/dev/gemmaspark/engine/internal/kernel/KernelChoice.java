package dev.gemmaspark.engine.internal.kernel;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.gemmaspark.engine.error.InvalidSettingException;
import java.lang.management.ManagementFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which kernels this JVM gets: vectors, loudly refused without their module, and plain loops on a CPU without FMA. */
final class KernelChoice {
  private static final Logger LOG = LoggerFactory.getLogger(KernelChoice.class);
  private static final String MODULE = "jdk.incubator.vector";

  private KernelChoice() {}

  static Kernels best() {
    int java = Runtime.version().feature();
    if (java < 25) {
      throw new InvalidSettingException(
          "This JVM is Java " + java + "; gemma-spark needs JDK 25.0.3 or later on the driver and on every executor");
    }
    if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
      throw new InvalidSettingException(
          "This JVM was started without the module " + MODULE + ", which the kernels need; add the flag --add-modules="
              + MODULE + " (spark-submit adds it by itself)");
    }
    if (!hasFma()) {
      LOG.warn("This machine has no fused multiply-add (FMA); the engine runs plain loops, many times slower");
      return new ScalarKernels();
    }
    return new VectorKernels();
  }

  /** Emulated, a fused multiply-add is a hundred times slower than a plain loop is. */
  private static boolean hasFma() {
    HotSpotDiagnosticMXBean hotspot =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    return hotspot != null && Boolean.parseBoolean(hotspot.getVMOption("UseFMA").getValue());
  }
}
