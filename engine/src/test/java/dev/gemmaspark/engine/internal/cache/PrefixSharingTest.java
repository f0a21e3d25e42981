package dev.gemmaspark.engine.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.KvType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Equal beginnings of prompts: who computes them, who waits, and what is kept. */
class PrefixSharingTest {
  private static final KvCacheShape SHAPE = new KvCacheShape(new KvBlockLayout(1, 4, KvType.F16), List.of(0, 0));
  private static final int[] PROMPT = IntStream.range(0, 100).toArray();

  private final List<KvCachePool> pools = new ArrayList<>();
  private final KvCachePool pool = pool(100);

  @AfterEach
  void close() {
    pools.forEach(KvCachePool::close);
  }

  @Test
  void theFirstComputesAndTheSecondWaitsForIt() {
    KvCache first = pool.open(120, 32, PROMPT);
    KvCache second = pool.open(120, 32, PROMPT);
    assertThat(first.computable()).isEqualTo(Integer.MAX_VALUE);
    assertThat(second.computable()).isZero();
    first.extend(40);
    assertThat(second.computable()).isZero();
    assertThat(second.length()).isEqualTo(32);
    first.extend(60);
    assertThat(second.computable()).isEqualTo(Integer.MAX_VALUE);
    assertThat(second.length()).isEqualTo(96);
    second.extend(4);
    assertThat(second.blocks(1)[3]).isSameAs(first.blocks(1)[3]);
    assertThat(second.blocks(1)[6]).isNotSameAs(first.blocks(1)[6]);
  }

  @Test
  void promptsPartWhereTheirTokensDo() {
    int[] other = PROMPT.clone();
    other[50] = 7;
    KvCache first = pool.open(120, 32, PROMPT);
    KvCache second = pool.open(120, 32, other);
    first.extend(100);
    assertThat(second.computable()).isEqualTo(Integer.MAX_VALUE);
    assertThat(second.length()).isEqualTo(48);
    assertThat(second.blocks(0)[2]).isSameAs(first.blocks(0)[2]);
    assertThat(second.blocks(0)[3]).isNotSameAs(first.blocks(0)[3]);
  }

  @Test
  void theLastTokenOfAPromptIsAlwaysComputed() {
    int[] whole = IntStream.range(0, 64).toArray();
    KvCache first = pool.open(80, 32, whole);
    first.extend(64);
    assertThat(pool.open(80, 32, whole).length()).isEqualTo(48);
  }

  @Test
  void whatTheFirstGivesUpAnotherTakesOverAndTheThirdWaitsForThat() {
    KvCache first = pool.open(120, 32, PROMPT);
    KvCache second = pool.open(120, 32, PROMPT);
    KvCache third = pool.open(120, 32, PROMPT);
    first.extend(40);
    first.close();
    assertThat(second.computable()).isEqualTo(Integer.MAX_VALUE);
    assertThat(second.length()).isEqualTo(32);
    assertThat(third.computable()).isZero();
    second.extend(64);
    assertThat(third.computable()).isEqualTo(Integer.MAX_VALUE);
    assertThat(third.length()).isEqualTo(96);
  }

  @Test
  void aLongerPromptsOwnerComputesItsPartAndWaitsForTheRest() {
    KvCache shorter = pool.open(120, 32, IntStream.range(0, 60).toArray());
    KvCache longer = pool.open(120, 32, PROMPT);
    shorter.close();
    // the longer one takes the shorter one's blocks over, and goes on with its own
    assertThat(longer.computable()).isEqualTo(Integer.MAX_VALUE);
    assertThat(longer.length()).isZero();
  }

  @Test
  void whatIsKnownIsKeptForPromptsToCome() {
    KvCache first = pool.open(120, 32, PROMPT);
    first.extend(100);
    first.close();
    assertThat(pool.reservedBytes()).isZero();
    assertThat(pool.open(120, 32, PROMPT).length()).isEqualTo(96);
  }

  @Test
  void whatIsKeptGivesWayToRunningSequences() {
    KvCachePool tight = pool(9);
    KvCache first = tight.open(120, 32, PROMPT);
    first.extend(100);
    first.close();
    int[] other = IntStream.range(1000, 1100).toArray();
    KvCache second = tight.open(140, 32, other);
    second.extend(100);
    second.extend(40);
    second.close();
    assertThat(tight.open(120, 32, PROMPT).length()).isZero();
  }

  @Test
  void noMoreThanAQuarterOfTheBudgetIsKept() {
    KvCachePool small = pool(16);
    KvCache first = small.open(120, 32, PROMPT);
    first.extend(100);
    first.close();
    assertThat(small.open(120, 32, PROMPT).length()).isEqualTo(64);
  }

  @Test
  void sequencesThatMayOutgrowTheWindowDoNotShare() {
    KvCacheShape windowed = new KvCacheShape(SHAPE.block(), List.of(64, 0));
    KvCachePool pool = new KvCachePool(windowed, 1 << 20);
    pools.add(pool);
    pool.open(120, 32, PROMPT).extend(100);
    assertThat(pool.open(120, 32, PROMPT).length()).isZero();
    int[] brief = IntStream.range(0, 40).toArray();
    pool.open(60, 32, brief).extend(40);
    assertThat(pool.open(60, 32, brief).length()).isEqualTo(32);
  }

  @Test
  void aCommonBeginningIsReservedOnce() {
    // a prompt of 7 blocks, of which 6 are shared, and room for 8
    KvCachePool tight = pool(11);
    assertThat(tight.fits(120, 32, PROMPT)).isTrue();
    KvCache first = tight.open(120, 32, PROMPT);
    assertThat(tight.reservedBytes()).isEqualTo(bytes(8));
    int[] other = IntStream.range(1000, 1100).toArray();
    assertThat(tight.fits(120, 32, other)).isFalse();
    assertThat(tight.fits(120, 32, PROMPT)).isTrue();
    KvCache second = tight.open(120, 32, PROMPT);
    assertThat(tight.reservedBytes()).isEqualTo(bytes(10));
    assertThat(tight.fits(120, 32, PROMPT)).isFalse();
    first.extend(100);
    first.extend(20);
    assertThat(second.computable()).isEqualTo(Integer.MAX_VALUE);
    second.extend(24);
    first.close();
    assertThat(tight.reservedBytes()).isEqualTo(bytes(8));
    second.close();
    assertThat(tight.reservedBytes()).isZero();
    // what is kept unused takes no room from others
    assertThat(tight.fits(11 * 16, 32, other)).isTrue();
    tight.open(11 * 16, 32, other).extend(11 * 16);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 10, 11})
  void anAdmissionThatFindsNoMemoryChangesNothing(int allocations) {
    ScarceMemory memory = new ScarceMemory();
    try (KvCachePool pool = new KvCachePool(SHAPE, bytes(40), 1, memory)) {
      memory.failAfter(allocations);
      assertThatThrownBy(() -> pool.open(120, 32, PROMPT))
          .isInstanceOf(GemmaException.class)
          .hasMessageContaining("lower kvCacheMemory, or raise -XX:MaxDirectMemorySize");
      assertThat(pool.reservedBytes()).isZero();
      // nobody waits for what the failed one would have computed, and no block is lost
      KvCache second = pool.open(120, 32, PROMPT);
      assertThat(second.computable()).isEqualTo(Integer.MAX_VALUE);
      assertThat(memory.allocations()).isEqualTo(12);
      second.extend(120);
      second.close();
      assertThat(pool.open(120, 32, PROMPT).length()).isEqualTo(96);
    }
  }

  @Test
  void whatIsWrongWithABeginningIsWrongForAllWhoShareItAndIsNotKept() {
    float[] numbers = {0, 0, 1e6f, 0};
    KvCache first = pool.open(120, 32, PROMPT);
    KvCache second = pool.open(120, 32, PROMPT);
    first.extend(100);
    first.put(1, 20, numbers, 0, new float[4], 0);
    second.computable();
    assertThat(first.fault()).contains(new KvFault(1, 1e6f));
    assertThat(second.fault()).contains(new KvFault(1, 1e6f));
    first.close();
    second.close();
    KvCache third = pool.open(120, 32, PROMPT);
    assertThat(third.length()).isEqualTo(16);
    assertThat(third.fault()).isEmpty();
  }

  /** Room for so many times 16 positions. */
  private KvCachePool pool(int blocks) {
    pools.add(new KvCachePool(SHAPE, bytes(blocks)));
    return pools.getLast();
  }

  private static long bytes(int blocks) {
    return blocks * SHAPE.blocks(16, 16) * SHAPE.block().blockBytes();
  }
}
