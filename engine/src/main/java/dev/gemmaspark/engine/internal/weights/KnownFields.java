package dev.gemmaspark.engine.internal.weights;

import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which fields of a model's JSON files are understood: those that a reader reads, and those that change no number of the model, being of
 * training, of versions, of other programs, or the caller's to choose. {@link Unread} says what becomes of the others.
 */
final class KnownFields {
  /** Of {@code config.json}: what is read of every Gemma. */
  private static final Set<String> CONFIG =
      Set.of(
          "eos_token_id", "head_dim", "hidden_act", "hidden_activation", "hidden_size", "intermediate_size",
          "layer_types", "max_position_embeddings", "model_type", "num_attention_heads", "num_hidden_layers",
          "num_key_value_heads", "quantization_config", "rms_norm_eps", "rope_parameters", "rope_scaling",
          "rope_theta", "sliding_window_pattern", "tie_word_embeddings", "value_head_dim", "vocab_size");

  /** What is read of Gemma 2 alone. */
  private static final Set<String> CONFIG_OF_GEMMA2 =
      Set.of(
          "attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar", "sliding_window",
          "sliding_window_size");

  /** Of {@code config.json}: training, types in memory, versions, other programs, towers for images. */
  private static final Set<String> HARMLESS_CONFIG =
      Set.of(
          "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal",
          "_flash_attn_2_enabled", "_name_or_path", "architectures", "attention_dropout", "attn_implementation",
          "auto_map", "bos_token", "bos_token_id", "cache_implementation", "decoder_start_token_id", "dtype",
          "eos_token", "finetuning_task", "gradient_checkpointing", "hidden_dropout", "id2label",
          "image_token_index", "initializer_factor", "initializer_range", "is_decoder",
          "keys_to_ignore_at_inference", "label2id", "model_max_length", "name_or_path", "num_labels",
          "num_logits_to_keep", "output_attentions", "output_hidden_states", "output_logits", "output_router_logits",
          "output_scores", "pad_token", "pad_token_id", "prefix", "pretraining_tp", "problem_type", "resid_pdrop",
          "return_dict", "return_dict_in_generate", "sep_token_id", "task_specific_params", "tf_legacy_loss",
          "tokenizer_class", "torch_dtype", "torchscript", "transformers.js_config", "transformers_version",
          "unsloth_fixed", "unsloth_optimized", "unsloth_version", "use_bfloat16", "use_cache", "use_flash_attn",
          "vision_config", "vision_feature_layer");

  /** How tokens are chosen, which the caller says here; older versions write it into {@code config.json} too. */
  private static final Set<String> SAMPLING =
      Set.of(
          "_from_model_config", "assistant_confidence_threshold", "assistant_early_exit", "assistant_lookbehind",
          "cache_config", "compile_config", "disable_compile", "diversity_penalty", "do_sample", "dola_layers",
          "early_stopping", "encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "epsilon_cutoff",
          "eta_cutoff", "generation_kwargs", "is_assistant", "length_penalty", "low_memory", "max_length",
          "max_matching_ngram_size", "max_new_tokens", "max_time", "min_length", "min_new_tokens", "min_p",
          "no_repeat_ngram_size", "num_assistant_tokens", "num_assistant_tokens_schedule", "num_beam_groups",
          "num_beams", "num_return_sequences", "penalty_alpha", "prefill_chunk_size", "prompt_lookup_num_tokens",
          "remove_invalid_values", "renormalize_logits", "repetition_penalty", "return_legacy_cache",
          "target_lookbehind", "temperature", "top_h", "top_k", "top_p", "typical_p");

  private static final Set<String> GENERATION =
      Set.of(
          "_name_or_path", "bos_token_id", "cache_implementation", "decoder_start_token_id", "eos_token_id",
          "output_attentions", "output_hidden_states", "output_logits", "output_scores", "pad_token_id",
          "return_dict_in_generate", "transformers_version", "trust_remote_code", "use_cache", "use_model_defaults");

  /**
   * Of {@code tokenizer_config.json}. Whether {@code <bos>} and {@code <eos>} are added is not followed: a prompt begins with the one and never
   * ends with the other, however a trainer had set it.
   */
  static final Set<String> TOKENIZER_CONFIG =
      Set.of(
          "add_bos_token", "add_eos_token", "added_tokens", "added_tokens_decoder", "added_tokens_map",
          "additional_special_tokens", "auto_map", "backend", "bos_token", "bos_token_id", "chat_template",
          "clean_up_tokenization_spaces", "cls_token", "eos_token", "eos_token_id", "extra_special_tokens",
          "from_slow", "is_local", "legacy", "local_files_only", "mask_token", "max_length", "model_input_names",
          "model_max_length", "model_specific_special_tokens", "name_or_path", "pad_to_multiple_of", "pad_token",
          "pad_token_id", "pad_token_type_id", "padding", "padding_side", "processor_class", "return_token_type_ids",
          "sep_token", "sp_model_kwargs", "spaces_between_special_tokens", "special_tokens_map_file",
          "split_special_tokens", "stride", "tokenizer_class", "tokenizer_file", "tokenizer_type",
          "transformers_version", "truncation_side", "truncation_strategy", "trust_remote_code", "unk_token",
          "unsloth_fixed", "use_default_system_prompt", "use_fast", "verbose", "vocab_file");

  /** Of {@code adapter_config.json}; which matrices are adapted, the tensors say. */
  static final Set<String> ADAPTER =
      Set.of(
          "auto_mapping", "base_model_name_or_path", "ensure_weight_tying", "eva_config", "exclude_modules",
          "inference_mode", "init_lora_weights", "layers_pattern", "layers_to_transform", "loftq_config",
          "lora_alpha", "lora_dropout", "megatron_core", "peft_type", "peft_version", "qalora_group_size", "r",
          "revision", "runtime_config", "target_modules", "task_type", "unsloth_fixed", "use_rslora");

  static final Set<String> GENERATION_CONFIG = union(SAMPLING, GENERATION);

  private KnownFields() {}

  /** Of an architecture's {@code config.json}. */
  static Set<String> config(Architecture architecture) {
    Set<String> all = union(union(CONFIG, HARMLESS_CONFIG), SAMPLING);
    return architecture == Architecture.GEMMA2 ? union(all, CONFIG_OF_GEMMA2) : all;
  }

  private static Set<String> union(Set<String> some, Set<String> others) {
    return Stream.concat(some.stream(), others.stream()).collect(Collectors.toUnmodifiableSet());
  }
}
