package dev.gemmaspark.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.InvalidSettingException;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class MachineMemoryTest {
  private static final long GIB = 1L << 30;

  @Test
  void theCacheTakesAShareOfTheMachineAndNoMoreThanTheJvmMay() {
    assertThat(MachineMemory.kvCache(OptionalLong.empty(), 100 * GIB, 16 * GIB)).isEqualTo(4 * GIB);
    assertThat(MachineMemory.kvCache(OptionalLong.empty(), GIB, 16 * GIB)).isEqualTo((long) (0.8 * GIB));
    assertThat(MachineMemory.kvCache(OptionalLong.of(GIB), 2 * GIB, GIB)).isEqualTo(GIB);
  }

  @Test
  void whereTheSystemDoesNotKnowALimitItIsTheCallersAndWhatIsAskedGoesBefore() {
    assertThat(MachineMemory.kvCache(OptionalLong.empty(), OptionalLong.of(64 << 20))).isLessThanOrEqualTo(16 << 20);
    assertThat(MachineMemory.kvCache(OptionalLong.of(32 << 20), OptionalLong.of(64 << 20))).isEqualTo(32 << 20);
  }

  @Test
  void moreThanTheJvmMayTakeIsRefusedWithAMend() {
    assertThatThrownBy(() -> MachineMemory.kvCache(OptionalLong.of(4 * GIB), GIB, 16 * GIB))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessage(
            "kvCacheMemory is 4096 MiB; it must be at most the 1024 MiB that this JVM may still take outside its heap, or be given more by"
                + " -XX:MaxDirectMemorySize=… in spark.executor.extraJavaOptions (spark.driver.extraJavaOptions where the driver is the executor)");
  }
}
