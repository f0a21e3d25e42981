package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.internal.tensor.*;
import dev.gemmaspark.engine.internal.tokenizer.*;
import java.lang.foreign.*;
import java.nio.*;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

/** Throwaway. */
public final class ModelLoader {
  private final MemorySegment m;
  private long at = 0;
  private final Map<String, Object> kv = new HashMap<>();
  private final Map<String, Object[]> tensors = new HashMap<>();
  private static final ValueLayout.OfInt I = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong L = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final ValueLayout.OfFloat F = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private ModelLoader(MemorySegment m) { this.m = m; }
  int i() { int v = m.get(I, at); at += 4; return v; }
  long l() { long v = m.get(L, at); at += 8; return v; }
  String s() { int n = (int) l(); byte[] b = m.asSlice(at, n).toArray(ValueLayout.JAVA_BYTE); at += n; return new String(b, StandardCharsets.UTF_8); }
  Object val(int t) {
    return switch (t) {
      case 0, 1, 7 -> { int v = m.get(ValueLayout.JAVA_BYTE, at); at += 1; yield v; }
      case 2, 3 -> { int v = m.get(ValueLayout.JAVA_SHORT_UNALIGNED, at); at += 2; yield v; }
      case 4, 5 -> i();
      case 6 -> { float v = m.get(F, at); at += 4; yield v; }
      case 8 -> s();
      case 9 -> { int et = i(); int n = (int) l(); Object[] a = new Object[n]; for (int k = 0; k < n; k++) a[k] = val(et); yield a; }
      default -> l();
    };
  }
  int in(String k) { return ((Number) kv.get(k)).intValue(); }
  float fl(String k, float d) { return kv.containsKey(k) ? ((Number) kv.get(k)).floatValue() : d; }
  WeightMatrix mat(String n) { Object[] t = tensors.get(n); long[] d = (long[]) t[0]; TensorType ty = (TensorType) t[1]; long off = (Long) t[2]; return new WeightMatrix(n, ty, (int) d[1], (int) d[0], m.asSlice(off, ty.bytes(d[0] * d[1]))); }
  float[] vec(String n) { Object[] t = tensors.get(n); long[] d = (long[]) t[0]; return m.asSlice((Long) t[2], d[0] * 4).toArray(F); }

  public static ModelWeights load(Path p) {
    try (FileChannel c = FileChannel.open(p)) {
      return new ModelLoader(c.map(FileChannel.MapMode.READ_ONLY, 0, c.size(), Arena.ofAuto())).read();
    } catch (java.io.IOException e) { throw new java.io.UncheckedIOException(e); }
  }
  ModelWeights read() {
    i(); i(); long nt = l(), nk = l();
    for (long k = 0; k < nk; k++) { String key = s(); kv.put(key, val(i())); }
    List<Object[]> all = new ArrayList<>();
    for (long k = 0; k < nt; k++) { String n = s(); int nd = i(); long[] d = new long[nd]; for (int j = 0; j < nd; j++) d[j] = l(); TensorType ty = TensorType.ofGgufId(i()).get(); Object[] o = {d, ty, l()}; tensors.put(n, o); all.add(o); }
    long data = Math.ceilDiv(at, 32L) * 32; for (Object[] o : all) o[2] = (Long) o[2] + data;
    String a = (String) kv.get("general.architecture"); boolean g2 = a.equals("gemma2");
    Object[] toks = (Object[]) kv.get("tokenizer.ggml.tokens"), sc = (Object[]) kv.get("tokenizer.ggml.scores"), tt = (Object[]) kv.get("tokenizer.ggml.token_type");
    int nv = toks.length; String[] pieces = new String[nv]; float[] scores = new float[nv]; TokenType[] types = new TokenType[nv];
    OptionalInt sot = OptionalInt.empty(), eot = OptionalInt.empty();
    for (int k = 0; k < nv; k++) { pieces[k] = (String) toks[k]; scores[k] = ((Number) sc[k]).floatValue(); types[k] = TokenType.values()[((Number) tt[k]).intValue() - 1]; if (pieces[k].equals("<start_of_turn>")) sot = OptionalInt.of(k); if (pieces[k].equals("<end_of_turn>")) eot = OptionalInt.of(k); }
    int hd = in(a + ".attention.key_length");
    ModelConfig cfg = new ModelConfig(g2 ? Architecture.GEMMA2 : Architecture.GEMMA1, in(a + ".block_count"), in(a + ".embedding_length"), in(a + ".feed_forward_length"), in(a + ".attention.head_count"), in(a + ".attention.head_count_kv"), hd, (float) (1 / Math.sqrt(hd)), fl(a + ".attn_logit_softcapping", 0), fl(a + ".final_logit_softcapping", 0), g2 ? (int) fl(a + ".attention.sliding_window", 4096) : 0, fl(a + ".attention.layer_norm_rms_epsilon", 1e-6f), 10000f, in(a + ".context_length"), nv);
    List<LayerWeights> ls = new ArrayList<>();
    for (int k = 0; k < cfg.layers(); k++) { String b = "blk." + k + "."; ls.add(new LayerWeights(vec(b + "attn_norm.weight"), mat(b + "attn_q.weight"), mat(b + "attn_k.weight"), mat(b + "attn_v.weight"), mat(b + "attn_output.weight"), g2 ? Optional.of(vec(b + "post_attention_norm.weight")) : Optional.empty(), vec(b + "ffn_norm.weight"), mat(b + "ffn_gate.weight"), mat(b + "ffn_up.weight"), mat(b + "ffn_down.weight"), g2 ? Optional.of(vec(b + "post_ffw_norm.weight")) : Optional.empty())); }
    return new ModelWeights(cfg, new Vocabulary(pieces, scores, types, 2, 1, 3, sot, eot), Optional.ofNullable((String) kv.get("tokenizer.chat_template")), mat("token_embd.weight"), ls, vec("output_norm.weight"));
  }
}
