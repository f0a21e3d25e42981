package dev.gemmaspark.engine.internal.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.engine.internal.tensor.KvBlockLayout;
import dev.gemmaspark.engine.internal.tensor.KvType;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Equal beginnings of prompts: who computes them, who waits, and what is kept. */
class PrefixSharingTest {
  private static final KvCacheShape SHAPE = new KvCacheShape(new KvBlockLayout(1, 4, KvType.F16), List.of(0, 0));
  private static final int[] PROMPT = IntStream.range(0, 100).toArray();

  private final KvCachePool pool = pool(100);

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
    pool.open(120, 32, PROMPT).extend(100);
    assertThat(pool.open(120, 32, PROMPT).length()).isZero();
    int[] brief = IntStream.range(0, 40).toArray();
    pool.open(60, 32, brief).extend(40);
    assertThat(pool.open(60, 32, brief).length()).isEqualTo(32);
  }

  /** Room for so many times 16 positions. */
  private static KvCachePool pool(int blocks) {
    return new KvCachePool(SHAPE, blocks * SHAPE.blocks(16, 16) * SHAPE.block().blockBytes());
  }
}
