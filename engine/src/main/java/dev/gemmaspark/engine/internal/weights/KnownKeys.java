package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Which keys of GGUF metadata are understood: those that a reader reads, and those that change no number of the model. Of the latter are whole
 * namespaces, in which publishers write what they like: {@code general.} (names, licences, sources, suggestions for sampling), what a
 * quantizer or splitter says of its work, and a publisher's own. In the namespaces of the architecture and of the tokenizer every key counts,
 * and so does any key of a namespace that is not known: what is not listed is refused, as {@link Unread} says.
 */
final class KnownKeys {
  private static final List<String> HARMLESS_NAMESPACES =
      List.of("general.", "split.", "quantize.", "mradermacher.", "tokenizer.chat_template.", "tokenizer.huggingface.");

  private static final Set<String> ARCHITECTURE =
      Set.of(
          "attention.head_count", "attention.head_count_kv", "attention.key_length",
          "attention.layer_norm_rms_epsilon", "attention.sliding_window_pattern", "attention.value_length",
          "block_count", "context_length", "embedding_length", "feed_forward_length", "rope.freq_base",
          "rope.scale_linear", "rope.scaling.factor", "rope.scaling.finetuned",
          "rope.scaling.original_context_length", "rope.scaling.type", "rope.dimension_count", "vocab_size",
          "attention.causal");

  private static final Set<String> ARCHITECTURE_OF_GEMMA2 =
      Set.of("attn_logit_softcapping", "final_logit_softcapping", "attention.sliding_window");

  /** Whether {@code <bos>} and {@code <eos>} are added is not followed, as in {@link KnownFields#TOKENIZER_CONFIG}. */
  private static final Set<String> TOKENIZER =
      Set.of(
          "tokenizer.chat_template", "tokenizer.chat_templates", "tokenizer.ggml.model", "tokenizer.ggml.pre",
          "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type",
          "tokenizer.ggml.token_type_count", "tokenizer.ggml.merges", "tokenizer.ggml.added_tokens",
          "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token", "tokenizer.ggml.add_space_prefix",
          "tokenizer.ggml.remove_extra_whitespaces");

  private KnownKeys() {}

  /**
   * Refuses a file with a key that is not known.
   *
   * @throws dev.gemmaspark.engine.error.UnsupportedModelException that names the key
   */
  static void check(Path file, GgufMetadata metadata, Architecture architecture) {
    for (String key : metadata.keys()) {
      if (!isKnown(key, architecture) && !Unread.meansNone(key, metadata.text(key))) {
        throw Unread.unsupported(file, key, metadata.text(key));
      }
    }
  }

  private static boolean isKnown(String key, Architecture architecture) {
    String prefix = architecture.label() + ".";
    if (key.startsWith(prefix)) {
      String rest = key.substring(prefix.length());
      return ARCHITECTURE.contains(rest) || architecture == Architecture.GEMMA2 && ARCHITECTURE_OF_GEMMA2.contains(rest);
    }
    return TOKENIZER.contains(key)
        || key.startsWith("tokenizer.ggml.") && key.matches(".*_token_ids?")
        || HARMLESS_NAMESPACES.stream().anyMatch(key::startsWith);
  }
}
