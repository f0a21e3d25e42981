package dev.gemmaspark.engine.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.KvType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class KvCacheTest {
  private static final KvBlockLayout LAYOUT = new KvBlockLayout(2, 4, KvType.F32);
  private static final KvCacheShape SHAPE = new KvCacheShape(LAYOUT, List.of(40, 0, 40));
  private static final int[] NO_PROMPT = {};

  private final ScarceMemory memory = new ScarceMemory();
  private KvCachePool pool;

  @AfterEach
  void close() {
    pool.close();
  }

  @Test
  void localLayersGiveBackWhatLeftTheWindowAndGlobalOnesKeepAll() {
    KvCache cache = pool(1 << 20).open(400, 32);
    for (int length = 0; length < 400; length += 20) {
      cache.extend(20);
      // the first query of this chunk sees 40 positions, its own included
      int firstSeen = Math.max(0, length - 39);
      for (int block = 0; block * 16 < cache.length(); block++) {
        assertThat(cache.blocks(1)[block]).isNotNull();
        if (block * 16 + 15 >= firstSeen) {
          assertThat(cache.blocks(0)[block]).isNotNull();
          assertThat(cache.blocks(2)[block]).isNotNull();
        }
      }
      assertThat(held(cache)).isLessThanOrEqualTo(SHAPE.blocks(400, 32));
    }
    assertThat(held(cache)).isLessThan(60);
  }

  @Test
  void keysAndValuesAreWhereTheLayoutSaysTheyAre() {
    KvCache cache = pool(1 << 20).open(64, 32);
    cache.extend(20);
    float[] keys = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    float[] values = {10, 11, 12, 13, 14, 15, 16, 17, 18};
    cache.put(1, 18, keys, 1, values, 1);
    MemorySegment block = cache.blocks(1)[1];
    assertThat(block.get(ValueLayout.JAVA_FLOAT, LAYOUT.keys(1) + (3 * 16 + 2) * 4)).isEqualTo(8f);
    assertThat(block.get(ValueLayout.JAVA_FLOAT, LAYOUT.values(1) + (2 * 4 + 3) * 4)).isEqualTo(18f);
    assertThat(block.get(ValueLayout.JAVA_FLOAT, LAYOUT.keys(0) + 2 * 4)).isEqualTo(1f);
  }

  @Test
  void aSequenceIsAdmittedOnlyIfItFitsToItsEnd() {
    long one = SHAPE.blocks(100, 32);
    KvCachePool pool = pool(2 * one * LAYOUT.blockBytes());
    assertThat(pool.fitsAlone(100, 32)).isTrue();
    assertThat(pool.fitsAlone(1000, 32)).isFalse();
    KvCache first = pool.open(100, 32);
    KvCache second = pool.open(100, 32);
    assertThat(pool.fits(1, 32, NO_PROMPT)).isFalse();
    assertThatThrownBy(() -> pool.open(100, 32)).isInstanceOf(IllegalStateException.class);
    fill(first);
    fill(second);
    first.close();
    second.close();
    assertThat(pool.reservedBytes()).isZero();
    assertThat(pool.fits(100, 32, NO_PROMPT)).isTrue();
    fill(pool.open(100, 32));
  }

  @Test
  void anExtensionThatFindsNoMemoryChangesNothing() {
    pool = new KvCachePool(SHAPE, 1 << 20, 1, memory);
    KvCache cache = pool.open(100, 32);
    cache.extend(20);
    long held = held(cache);
    // the second of the three layers of the second new block
    memory.failAfter(4);
    assertThatThrownBy(() -> cache.extend(40)).isInstanceOf(GemmaException.class).hasMessageContaining("lower kvCacheMemory");
    assertThat(cache.length()).isEqualTo(20);
    cache.extend(40);
    assertThat(cache.length()).isEqualTo(60);
    assertThat(held(cache)).isEqualTo(held + 6);
    assertThat(memory.allocations()).isEqualTo(6 + 6);
  }

  @ParameterizedTest
  @EnumSource
  void whatATypeCannotKeepIsFound(KvType type) {
    KvCacheShape shape = new KvCacheShape(new KvBlockLayout(2, 4, type), List.of(0, 0, 0));
    pool = new KvCachePool(shape, 1 << 20);
    float[] small = new float[8];
    float[] large = new float[8];
    large[5] = -type.largest();
    KvCache sound = pool.open(64, 32);
    sound.extend(20);
    sound.put(1, 18, large, 0, small, 0);
    sound.put(1, 18, small, 0, large, 0);
    assertThat(sound.fault()).isEmpty();
    assertThat(type.get(sound.blocks(1)[1], shape.block().value(1, 18, 1))).isFinite();
    for (float bad : new float[] {Math.nextUp(type.largest()), Float.NEGATIVE_INFINITY, Float.NaN}) {
      for (int values = 0; values < 2; values++) {
        KvCache cache = pool.open(64, 32);
        cache.extend(20);
        float[] numbers = {0, 0, 0, 0, 0, bad, 1, 2};
        cache.put(2, 18, values == 0 ? numbers : small, 0, values == 1 ? numbers : small, 0);
        KvFault fault = cache.fault().orElseThrow();
        assertThat(fault.layer()).isEqualTo(2);
        assertThat(fault.isOverflow()).isEqualTo(Float.isFinite(bad));
      }
    }
  }

  private KvCachePool pool(long bytes) {
    pool = new KvCachePool(SHAPE, bytes);
    return pool;
  }

  private static void fill(KvCache cache) {
    cache.extend(32);
    cache.extend(32);
    cache.extend(32);
    cache.extend(4);
  }

  private static long held(KvCache cache) {
    long held = 0;
    for (int layer = 0; layer < 3; layer++) {
      held += Arrays.stream(cache.blocks(layer)).filter(Objects::nonNull).count();
    }
    return held;
  }
}
