package dev.gemmaspark.engine.internal.weights;

/** A number of a model's configuration, and what files call it. GGUF's keys have the architecture's name before them. */
enum ConfigKey {
  LAYERS("block_count", "num_hidden_layers"),
  HIDDEN_SIZE("embedding_length", "hidden_size"),
  INTERMEDIATE_SIZE("feed_forward_length", "intermediate_size"),
  ATTENTION_HEADS("attention.head_count", "num_attention_heads"),
  KV_HEADS("attention.head_count_kv", "num_key_value_heads"),
  HEAD_DIM("attention.key_length", "head_dim"),
  VALUE_DIM("attention.value_length", "value_head_dim"),
  NORM_EPSILON("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
  ROPE_THETA("rope.freq_base", "rope_theta"),
  ROPE_SCALING_TYPE("rope.scaling.type", "rope_parameters.rope_type"),
  ROPE_SCALING_FACTOR("rope.scaling.factor", "rope_parameters.factor"),
  /** What older converters call the factor. */
  ROPE_SCALE_LINEAR("rope.scale_linear", "rope_parameters.factor"),
  ROPE_ORIGINAL_CONTEXT("rope.scaling.original_context_length", "rope_parameters.original_max_position_embeddings"),
  ATTENTION_SOFTCAP("attn_logit_softcapping", "attn_logit_softcapping"),
  FINAL_SOFTCAP("final_logit_softcapping", "final_logit_softcapping"),
  SLIDING_WINDOW("attention.sliding_window", "sliding_window"),
  SLIDING_WINDOW_PATTERN("attention.sliding_window_pattern", "sliding_window_pattern"),
  /** How much of a head is rotated. */
  ROTATED_DIM("rope.dimension_count", "partial_rotary_factor"),
  VOCAB_SIZE("vocab_size", "vocab_size"),
  CONTEXT_LENGTH("context_length", "max_position_embeddings");

  private final String gguf;
  private final String huggingFace;

  ConfigKey(String gguf, String huggingFace) {
    this.gguf = gguf;
    this.huggingFace = huggingFace;
  }

  String gguf(Architecture architecture) {
    return architecture.label() + "." + gguf;
  }

  String huggingFace() {
    return huggingFace;
  }
}
