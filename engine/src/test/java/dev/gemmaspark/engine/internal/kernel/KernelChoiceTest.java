package dev.gemmaspark.engine.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.InvalidSettingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KernelChoiceTest {
  @ParameterizedTest
  @ValueSource(strings = {"17.0.12", "24", "25", "25.0.1+8", "25.0.2"})
  void javaThatIsTooOldIsRefusedWithTheVersionThatIsNeeded(String version) {
    assertThatThrownBy(() -> KernelChoice.checkVersion(Runtime.Version.parse(version)))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageContaining("This JVM is Java " + version + "; gemma-spark needs JDK 25.0.3 or later")
        .hasMessageContaining("JDK-8377811");
  }

  @ParameterizedTest
  @ValueSource(strings = {"25.0.3", "25.0.3+9-LTS", "25.1", "26"})
  void laterJavaIsTaken(String version) {
    KernelChoice.checkVersion(Runtime.Version.parse(version));
  }

  @Test
  void thisMachineGetsVectors() {
    assertThat(Kernels.best()).isInstanceOf(VectorKernels.class);
  }
}
