package dev.gemmaspark.engine.internal.sampling;

import dev.gemmaspark.engine.generation.SamplingParameters;
import dev.gemmaspark.engine.internal.kernel.Kernels;
import java.util.Arrays;

/**
 * Draws one of the tokens that temperature, top-k, top-p and min-p leave, in this order. Has the scratch memory for it, so that a token
 * makes no garbage. Not thread-safe.
 *
 * <p>Each of the three keeps a beginning of the tokens by falling logit, those of equal logits by id. So the last one that is kept says
 * all, and it is found without sorting, by a radix select: the measure of the tokens, which is their number or their weight, is added up
 * by the upper eleven bits of what they are ordered by; then, of those only that have the eleven bits where the sum comes to what is
 * asked for, by the next eleven; and then by the last ten. Ids are looked at in blocks, and those blocks not at all whose largest logit
 * is not kept.
 *
 * <p>Every sum is taken in a fixed order of fixed functions, so that every machine draws the same.
 */
final class Candidates {
  private static final Kernels KERNELS = Kernels.best();
  private static final int DIGIT_BITS = 11;
  private static final int BLOCKS = 1 << DIGIT_BITS;

  /** Of the widest vectors, so that a block is whole ones. */
  private static final int LANES = 16;

  private final SamplingParameters parameters;
  private final float inverseTemperature;

  /** Of the measure, by digit or by block. */
  private final double[] sums = new double[BLOCKS];

  /** Of the sums before the place that was looked for. */
  private double reached;

  /** The largest logit of each block. */
  private final float[] largest = new float[BLOCKS];

  private final float[] ordered = new float[BLOCKS];

  /** Of the tokens of one block: in which the best has 1. */
  private float[] weights = {};

  private int blockSize;
  private int blocks;
  private float[] logits;
  private int offset;
  private int vocabSize;
  private float max;

  /** Of the last token that is kept. */
  private float lastLogit;

  private int lastId;

  Candidates(SamplingParameters parameters) {
    this.parameters = parameters;
    // of next to no temperature it is infinite, and 0 times that no number
    this.inverseTemperature = (float) Math.min(1 / parameters.temperature(), Float.MAX_VALUE);
  }

  /**
   * Draws one.
   *
   * @param best the id of the largest logit, which is finite
   * @param uniform from 0 (inclusive) to 1 (exclusive)
   */
  int draw(float[] logits, int offset, int vocabSize, int best, double uniform) {
    this.logits = logits;
    this.offset = offset;
    this.vocabSize = vocabSize;
    blockSize = Math.ceilDiv(vocabSize, BLOCKS * LANES) * LANES;
    blocks = Math.ceilDiv(vocabSize, blockSize);
    if (weights.length < blockSize) {
      weights = new float[blockSize];
    }
    max = logits[offset + best];
    // all but the infinite
    lastLogit = -Float.MAX_VALUE;
    lastId = vocabSize - 1;
    findLargest();
    if (parameters.topK() < vocabSize) {
      keepTopK();
    }
    if (parameters.topP() < 1) {
      double mass = sumBlocks();
      // what is less likely than this adds up to less than what top-p leaves out, and need not be looked at again
      dropBelow(mass * (1 - parameters.topP()) / vocabSize);
      keepMostLikely(mass * parameters.topP(), true);
    }
    dropBelow(parameters.minP());
    return pick(uniform * sumBlocks());
  }

  private void findLargest() {
    for (int block = 0; block < blocks; block++) {
      float most = Float.NEGATIVE_INFINITY;
      int end = offset + end(block);
      for (int i = offset + block * blockSize; i < end; i++) {
        if (logits[i] > most) {
          most = logits[i];
        }
      }
      largest[block] = most;
    }
  }

  private void keepTopK() {
    if (parameters.topK() <= blocks) {
      // of so many blocks each has a token that is as likely or more
      System.arraycopy(largest, 0, ordered, 0, blocks);
      lastLogit = Math.max(lastLogit, largest(ordered, blocks, parameters.topK()));
    }
    keepMostLikely(parameters.topK(), false);
  }

  /** The k-th largest of the first so many, by Hoare's selection; puts the others in other places. */
  private static float largest(float[] values, int count, int k) {
    int low = 0;
    int high = count - 1;
    while (low < high) {
      float pivot = values[low + high >>> 1];
      int i = low;
      int j = high;
      while (i <= j) {
        while (values[i] > pivot) {
          i++;
        }
        while (values[j] < pivot) {
          j--;
        }
        if (i <= j) {
          float value = values[i];
          values[i++] = values[j];
          values[j--] = value;
        }
      }
      if (k - 1 <= j) {
        high = j;
      } else if (k - 1 >= i) {
        low = i;
      } else {
        break;
      }
    }
    return values[k - 1];
  }

  private void dropBelow(double weight) {
    float least = (float) (max + StrictMath.log(weight) / inverseTemperature);
    if (least > lastLogit) {
      lastLogit = least;
      lastId = vocabSize - 1;
    }
  }

  /** Keeps the fewest of the most likely tokens whose number or weight comes to the target, or all. */
  private void keepMostLikely(double target, boolean byWeight) {
    reached = 0;
    long digits = 0;
    for (int shift = Integer.SIZE - DIGIT_BITS; shift > -DIGIT_BITS; shift -= DIGIT_BITS) {
      // the last digit has a bit less
      int low = Math.max(shift, 0);
      int high = shift + DIGIT_BITS;
      Arrays.fill(sums, 0);
      for (int block = 0; block < blocks; block++) {
        if (largest[block] >= lastLogit) {
          addByDigit(block, digits, low, high, byWeight);
        }
      }
      digits = digits << high - low | place(target);
    }
    keepUntil(logit(digits), target - reached, byWeight);
  }

  /** The last ones kept are those of this logit whose number or weight comes to the target. */
  private void keepUntil(float logit, double target, boolean byWeight) {
    int last = 0;
    for (int block = 0; target > 0 && block < blocks; block++) {
      if (largest[block] < logit) {
        continue;
      }
      if (byWeight) {
        weigh(block);
      }
      int start = block * blockSize;
      for (int id = start; target > 0 && id < end(block); id++) {
        if (logits[offset + id] == logit && isKept(id, logit)) {
          target -= byWeight ? weights[id - start] : 1;
          last = id;
        }
      }
    }
    lastLogit = logit;
    lastId = last;
  }

  /** Of those of a block that have the digits above {@code high}. */
  private void addByDigit(int block, long digits, int low, int high, boolean byWeight) {
    int start = block * blockSize;
    if (byWeight) {
      weigh(block);
    }
    for (int id = start; id < end(block); id++) {
      float logit = logits[offset + id];
      long order = order(logit);
      if (isKept(id, logit) && order >>> high == digits) {
        int digit = (int) (order >>> low) & (1 << high - low) - 1;
        sums[digit] += byWeight ? weights[id - start] : 1;
      }
    }
  }

  /**
   * The first place up to which the sums come to the target, or the last of any weight; {@link #reached} becomes what is reached before.
   */
  private int place(double target) {
    int last = sums.length - 1;
    while (last > 0 && sums[last] == 0) {
      last--;
    }
    int place = 0;
    while (place < last && reached + sums[place] < target) {
      reached += sums[place++];
    }
    return place;
  }

  /** Adds up the weights of all that are kept, by block. */
  private double sumBlocks() {
    Arrays.fill(sums, blocks, BLOCKS, 0);
    double total = 0;
    for (int block = 0; block < blocks; block++) {
      double sum = 0;
      if (largest[block] >= lastLogit) {
        weigh(block);
        int start = block * blockSize;
        for (int id = start; id < end(block); id++) {
          sum += isKept(id, logits[offset + id]) ? weights[id - start] : 0;
        }
      }
      sums[block] = sum;
      total += sum;
    }
    return total;
  }

  /** The token that brings the sum of {@link #sumBlocks} above this. */
  private int pick(double target) {
    reached = 0;
    int block = place(Math.nextUp(target));
    weigh(block);
    int start = block * blockSize;
    int picked = start;
    for (int id = start; id < end(block) && reached <= target; id++) {
      if (isKept(id, logits[offset + id])) {
        reached += weights[id - start];
        picked = id;
      }
    }
    return picked;
  }

  private boolean isKept(int id, float logit) {
    return logit > lastLogit || logit == lastLogit && id <= lastId;
  }

  private void weigh(int block) {
    int start = block * blockSize;
    KERNELS.softmaxWeights(logits, offset + start, end(block) - start, max, inverseTemperature, weights);
  }

  private int end(int block) {
    return Math.min(vocabSize, (block + 1) * blockSize);
  }

  /** An unsigned number of 32 bits that falls as the logit rises. */
  private static long order(float logit) {
    // the zeros are equal
    int bits = Float.floatToIntBits(logit + 0f);
    return (~(bits ^ bits >> 31 & Integer.MAX_VALUE) ^ Integer.MIN_VALUE) & 0xFFFF_FFFFL;
  }

  private static float logit(long order) {
    int rising = ~((int) order ^ Integer.MIN_VALUE);
    return Float.intBitsToFloat(rising ^ rising >> 31 & Integer.MAX_VALUE);
  }
}
