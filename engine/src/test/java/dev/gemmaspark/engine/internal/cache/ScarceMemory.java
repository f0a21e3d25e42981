package dev.gemmaspark.engine.internal.cache;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory of a machine that once has none left, or that cannot be given back. */
public final class ScarceMemory implements Arena {
  private final Arena arena = Arena.ofShared();
  private long allocations;
  private long failing = Long.MAX_VALUE;
  private boolean closes = true;

  /** Fails one allocation, after so many more. */
  public void failAfter(long more) {
    failing = allocations + more;
  }

  /** Cannot be closed. */
  public void failClose() {
    closes = false;
  }

  /** How many were granted. */
  public long allocations() {
    return allocations;
  }

  @Override
  public MemorySegment allocate(long byteSize, long byteAlignment) {
    if (allocations == failing) {
      failing = Long.MAX_VALUE;
      throw new OutOfMemoryError("a test's memory");
    }
    allocations++;
    return arena.allocate(byteSize, byteAlignment);
  }

  @Override
  public MemorySegment.Scope scope() {
    return arena.scope();
  }

  @Override
  public void close() {
    if (!closes) {
      throw new IllegalStateException("a test's memory is in use");
    }
    arena.close();
  }
}
