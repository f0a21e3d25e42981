package dev.gemmaspark.engine.internal.cache;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What this JVM may take outside its heap ({@code -XX:MaxDirectMemorySize}). The JVM counts direct buffers alone, and of arenas those alone
 * that the garbage collector closes; those of KV caches, which are closed when their engine is, are counted here. Safe for use by many
 * threads.
 */
public final class DirectMemory {
  private static final long LIMIT = limit();
  private static final AtomicLong TAKEN = new AtomicLong();

  private DirectMemory() {}

  /** Bytes that may still be taken. */
  public static long left() {
    return Math.max(0, LIMIT - buffers() - TAKEN.get());
  }

  /** An arena for all threads whose memory counts until it is closed. Throws {@link OutOfMemoryError} where there is not so much left. */
  static Arena arena() {
    return new CountedArena();
  }

  private static long limit() {
    HotSpotDiagnosticMXBean hotSpot = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    long limit = Long.parseLong(hotSpot.getVMOption("MaxDirectMemorySize").getValue());
    return limit == 0 ? Runtime.getRuntime().maxMemory() : limit;
  }

  private static long buffers() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  private static final class CountedArena implements Arena {
    private final Arena arena = Arena.ofShared();
    private final AtomicLong own = new AtomicLong();

    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
      long taken = TAKEN.addAndGet(byteSize);
      try {
        if (taken > LIMIT - buffers()) {
          throw new OutOfMemoryError("all but " + (Math.max(0, LIMIT - buffers() - taken + byteSize) >> 20) + " of " + (LIMIT >> 20) + " MiB are taken");
        }
        MemorySegment memory = arena.allocate(byteSize, byteAlignment);
        own.addAndGet(byteSize);
        return memory;
      } catch (Throwable e) {
        TAKEN.addAndGet(-byteSize);
        throw e;
      }
    }

    @Override
    public MemorySegment.Scope scope() {
      return arena.scope();
    }

    @Override
    public void close() {
      arena.close();
      TAKEN.addAndGet(-own.getAndSet(0));
    }
  }
}
