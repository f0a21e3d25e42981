package dev.gemmaspark.engine.internal.tokenizer;

import java.util.Objects;

/**
 * A prompt as token ids.
 *
 * @param ids all of it; not to be changed
 * @param from where the ids of the last user text start: only of these may any be dropped
 * @param to where they end
 */
public record EncodedPrompt(int[] ids, int from, int to) {
  public EncodedPrompt {
    Objects.checkFromToIndex(from, to, ids.length);
  }

  public int length() {
    return ids.length;
  }

  /** This prompt without the ids in [{@code start}, {@code end}). */
  EncodedPrompt without(int start, int end) {
    int[] rest = new int[ids.length - (end - start)];
    System.arraycopy(ids, 0, rest, 0, start);
    System.arraycopy(ids, end, rest, start, ids.length - end);
    return new EncodedPrompt(rest, from, to - (end - start));
  }
}
