package dev.gemmaspark.engine.internal.kernel;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.gemmaspark.engine.error.InvalidSettingException;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Which kernels this JVM gets: vectors, loudly refused without their module, and plain loops on a CPU without FMA. */
final class KernelChoice {
  private static final Logger LOG = LoggerFactory.getLogger(KernelChoice.class);
  private static final Runtime.Version OLDEST_JAVA = Runtime.Version.parse("25.0.3");
  private static final String MODULE = "jdk.incubator.vector";

  private KernelChoice() {}

  static Kernels best() {
    checkVersion(Runtime.version());
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

  static void checkVersion(Runtime.Version java) {
    if (java.compareTo(OLDEST_JAVA) < 0) {
      throw new InvalidSettingException(
          String.format(
              Locale.ROOT,
              "This JVM is Java %s; gemma-spark needs JDK %s or later on the driver and on every executor: 25.0.0 to 25.0.2 corrupt buffers (JDK-8377811)",
              java, OLDEST_JAVA));
    }
  }

  /** Emulated, a fused multiply-add is a hundred times slower than a plain loop is. */
  private static boolean hasFma() {
    HotSpotDiagnosticMXBean hotspot =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    return hotspot != null && Boolean.parseBoolean(hotspot.getVMOption("UseFMA").getValue());
  }
}
