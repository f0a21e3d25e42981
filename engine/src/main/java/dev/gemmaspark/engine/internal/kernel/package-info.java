/**
 * Arithmetic loops only. Start with {@link dev.gemmaspark.engine.internal.kernel.Kernels}. Knows nothing of models, files or
 * threads.
 *
 * <p>Bits do not depend on company: every sum has one order, the same in the scalar and the vector kernels, whatever the batch,
 * the tile, the thread or the vector width. Products sum over a group's columns in order, one fused multiply-add each, then add
 * the scaled sum to the output; attention sums over positions in order; sums over a row's elements use {@link
 * dev.gemmaspark.engine.internal.kernel.Lanes#COUNT} lanes and one tree. exp and tanh are our own.
 */
package dev.gemmaspark.engine.internal.kernel;
