package dev.gemmaspark.engine.internal.kernel;

/** The order in which a row's elements are summed: element i into lane i mod 16, then a tree over the lanes. */
final class Lanes {
  /** Lanes of a sum: those of the widest vector, whatever vectors there are. */
  static final int COUNT = 16;

  private Lanes() {}

  /** Adds 16 lanes up, halves onto halves. Destroys them. */
  static float sum(float[] lanes) {
    for (int width = COUNT / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; i++) {
        lanes[i] += lanes[i + width];
      }
    }
    return lanes[0];
  }
}
