/**
 * The forward pass; reads like the paper, and does no I/O. Start with {@link dev.gemmaspark.engine.internal.model.GemmaModel}.
 * Knows nothing of requests, text or sampling.
 *
 * <p>Sources: Gemma 2 (https://arxiv.org/abs/2408.00118) and the published implementations' constants.
 */
package dev.gemmaspark.engine.internal.model;
