/**
 * Keys and values of running sequences. Start with {@link dev.gemmaspark.engine.internal.cache.KvCachePool}. Knows nothing of
 * requests or arithmetic.
 */
package dev.gemmaspark.engine.internal.cache;
