package dev.gemmaspark.engine.internal.tensor;

/**
 * Keys and values of one layer at {@link #POSITIONS} neighbouring positions:
 *
 * <pre>
 * keys   [KV head][head dim][position]   so that neighbouring lanes of a score are neighbouring positions
 * values [KV head][position][head dim]   so that neighbouring lanes of an output are neighbouring elements
 * </pre>
 *
 * Blocks start at positions that {@link #POSITIONS} divides.
 *
 * @param kvHeads heads of keys and values
 * @param headDim width of a head
 * @param type of the numbers
 */
public record KvBlockLayout(int kvHeads, int headDim, KvType type) {
  /** Positions of one block: one vector of 512 bits. */
  public static final int POSITIONS = 16;

  /** Bytes of one block. */
  public long blockBytes() {
    return 2L * kvHeads * headDim * POSITIONS * type.bytes();
  }

  /** Offset of the keys of a head. */
  public long keys(int kvHead) {
    return (long) kvHead * headDim * POSITIONS * type.bytes();
  }

  /** Offset of the values of a head. */
  public long values(int kvHead) {
    return (long) (kvHeads + kvHead) * headDim * POSITIONS * type.bytes();
  }

  /** Offset of one number of a key. */
  public long key(int kvHead, int position, int d) {
    return keys(kvHead) + ((long) d * POSITIONS + position % POSITIONS) * type.bytes();
  }

  /** Offset of one number of a value. */
  public long value(int kvHead, int position, int d) {
    return values(kvHead) + ((long) (position % POSITIONS) * headDim + d) * type.bytes();
  }
}
