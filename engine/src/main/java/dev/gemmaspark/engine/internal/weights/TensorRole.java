package dev.gemmaspark.engine.internal.weights;

import java.util.Locale;

/** What a tensor is in the model, and what files call it; {@code %d} stands for the layer. */
public enum TensorRole {
  EMBEDDING("token_embd.weight", "embed_tokens.weight"),
  /** Where it is another than the embedding. */
  HEAD("output.weight", "lm_head.weight"),
  OUTPUT_NORM("output_norm.weight", "norm.weight"),
  ATTENTION_NORM("blk.%d.attn_norm.weight", "layers.%d.input_layernorm.weight"),
  QUERY("blk.%d.attn_q.weight", "layers.%d.self_attn.q_proj.weight"),
  KEY("blk.%d.attn_k.weight", "layers.%d.self_attn.k_proj.weight"),
  VALUE("blk.%d.attn_v.weight", "layers.%d.self_attn.v_proj.weight"),
  /** Query, key and value in one, in this order. */
  QUERY_KEY_VALUE("blk.%d.attn_qkv.weight", "layers.%d.self_attn.qkv_proj.weight"),
  OUTPUT("blk.%d.attn_output.weight", "layers.%d.self_attn.o_proj.weight"),
  POST_ATTENTION_NORM("blk.%d.post_attention_norm.weight", "layers.%d.post_attention_layernorm.weight"),
  FEED_FORWARD_NORM("blk.%d.ffn_norm.weight", "layers.%d.pre_feedforward_layernorm.weight"),
  GATE("blk.%d.ffn_gate.weight", "layers.%d.mlp.gate_proj.weight"),
  UP("blk.%d.ffn_up.weight", "layers.%d.mlp.up_proj.weight"),
  DOWN("blk.%d.ffn_down.weight", "layers.%d.mlp.down_proj.weight"),
  POST_FEED_FORWARD_NORM("blk.%d.post_ffw_norm.weight", "layers.%d.post_feedforward_layernorm.weight");

  private final String gguf;
  private final String huggingFace;

  TensorRole(String gguf, String huggingFace) {
    this.gguf = gguf;
    this.huggingFace = huggingFace;
  }

  String gguf(int layer) {
    return String.format(Locale.ROOT, gguf, layer);
  }

  /** Without the prefix {@code model.}; Gemma 1 calls its only second norm as Gemma 2 calls another. */
  String huggingFace(Architecture architecture, int layer) {
    boolean renamed = this == FEED_FORWARD_NORM && architecture == Architecture.GEMMA1;
    return String.format(Locale.ROOT, (renamed ? POST_ATTENTION_NORM : this).huggingFace, layer);
  }
}
