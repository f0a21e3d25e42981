/**
 * The {@code spark.gemma.*} keys, their types and defaults. Start with {@link dev.gemmaspark.spark.conf.GemmaConf}. Knows nothing of
 * what they are used for.
 */
package dev.gemmaspark.spark.conf;
