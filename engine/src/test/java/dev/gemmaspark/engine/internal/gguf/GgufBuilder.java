package dev.gemmaspark.engine.internal.gguf;

import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** Writes GGUF files, sound ones and others. */
public final class GgufBuilder {
  private static final int STRING = 8;
  private static final int ARRAY = 9;

  private int magic = 0x46554747;
  private int version = 3;
  private Long tensorCount;
  private Long keyCount;
  private int alignment = 32;
  private final ByteArrayOutputStream keys = new ByteArrayOutputStream();
  private final ByteArrayOutputStream tensors = new ByteArrayOutputStream();
  private final Set<String> leftOut = new HashSet<>();
  private final List<byte[]> data = new ArrayList<>();
  private final List<String> tensorNames = new ArrayList<>();
  private final List<Integer> tensorStarts = new ArrayList<>();
  private long keysWritten;
  private long tensorsWritten;
  private long offset;

  /** A Gemma 2 of one layer, as small as one can be. */
  public static GgufBuilder tiny() {
    return new GgufBuilder().tiny(Map.of(), vocabulary());
  }

  /** The same with another value for one key. */
  public static GgufBuilder tinyWith(String key, Object value) {
    return new GgufBuilder().tiny(Map.of(key, value), vocabulary());
  }

  /** The same with other pieces. */
  public static GgufBuilder tinyWithVocabulary(List<String> pieces) {
    return new GgufBuilder().tiny(Map.of(), pieces);
  }

  /** Adds the tiny model to what is there. */
  public GgufBuilder tiny(Map<String, Object> changed, List<String> pieces) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("general.architecture", "gemma2");
    values.put("gemma2.block_count", 1);
    values.put("gemma2.embedding_length", 32);
    values.put("gemma2.feed_forward_length", 32);
    values.put("gemma2.attention.head_count", 2);
    values.put("gemma2.attention.head_count_kv", 1);
    values.put("gemma2.attention.key_length", 16);
    values.put("gemma2.attention.value_length", 16);
    values.put("gemma2.attention.layer_norm_rms_epsilon", 1e-6f);
    values.put("gemma2.context_length", 64);
    values.put("gemma2.attention.sliding_window", 16);
    values.put("gemma2.attn_logit_softcapping", 50f);
    values.put("gemma2.final_logit_softcapping", 30f);
    putVocabulary(values, pieces);
    values.putAll(changed);
    values.forEach(this::put);
    return weights();
  }

  /** The keys of a tokenizer. */
  public GgufBuilder vocabulary(List<String> pieces) {
    Map<String, Object> values = new LinkedHashMap<>();
    putVocabulary(values, pieces);
    values.forEach(this::put);
    return this;
  }

  private static void putVocabulary(Map<String, Object> values, List<String> pieces) {
    values.put("tokenizer.ggml.model", "llama");
    values.put("tokenizer.ggml.tokens", pieces);
    values.put("tokenizer.ggml.scores", IntStream.range(0, pieces.size()).mapToObj(i -> (float) -i).toList());
    values.put("tokenizer.ggml.token_type", IntStream.range(0, pieces.size()).map(GgufBuilder::pieceType).boxed().toList());
  }

  private static int pieceType(int id) {
    return id == 3 ? 2 : id < 6 ? 3 : id < 262 ? 6 : 1;
  }

  private void put(String key, Object value) {
    switch (value) {
      case Integer number -> u32(key, number);
      case Float number -> f32(key, number);
      case String text -> string(key, text);
      case List<?> list when list.getFirst() instanceof String -> strings(key, list.stream().map(Object::toString).toList());
      case List<?> list when list.getFirst() instanceof Float -> floats(key, list.stream().map(Float.class::cast).toList());
      case List<?> list -> ints(key, list.stream().map(Integer.class::cast).toList());
      default -> throw new IllegalArgumentException(key);
    }
  }

  public static List<String> vocabulary() {
    List<String> pieces = new ArrayList<>(List.of("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"));
    for (int b = 0; b < 256; b++) {
      pieces.add(String.format(Locale.ROOT, "<0x%02X>", b));
    }
    pieces.addAll(List.of("\u2581", "a", "b", "ab", "\u2581a", "\n"));
    return pieces;
  }

  private GgufBuilder weights() {
    return tensor("token_embd.weight", TensorType.F32, 32, vocabulary().size())
        .tensor("output_norm.weight", TensorType.F32, 32)
        .tensor("blk.0.attn_norm.weight", TensorType.F32, 32)
        .tensor("blk.0.attn_q.weight", TensorType.Q8_0, 32, 32)
        .tensor("blk.0.attn_k.weight", TensorType.Q8_0, 32, 16)
        .tensor("blk.0.attn_v.weight", TensorType.Q8_0, 32, 16)
        .tensor("blk.0.attn_output.weight", TensorType.Q8_0, 32, 32)
        .tensor("blk.0.post_attention_norm.weight", TensorType.F32, 32)
        .tensor("blk.0.ffn_norm.weight", TensorType.F32, 32)
        .tensor("blk.0.ffn_gate.weight", TensorType.Q4_0, 32, 32)
        .tensor("blk.0.ffn_up.weight", TensorType.Q4_0, 32, 32)
        .tensor("blk.0.ffn_down.weight", TensorType.Q4_0, 32, 32)
        .tensor("blk.0.post_ffw_norm.weight", TensorType.F32, 32);
  }

  public GgufBuilder magic(int value) {
    magic = value;
    return this;
  }

  public GgufBuilder version(int value) {
    version = value;
    return this;
  }

  public GgufBuilder tensorCount(long value) {
    tensorCount = value;
    return this;
  }

  public GgufBuilder keyCount(long value) {
    keyCount = value;
    return this;
  }

  public GgufBuilder alignment(int value) {
    alignment = value;
    return u32("general.alignment", value);
  }

  public GgufBuilder u32(String key, int value) {
    return raw(key, 4, ints32(value));
  }

  public GgufBuilder u16(String key, int value) {
    return raw(key, 2, new byte[] {(byte) value, (byte) (value >> 8)});
  }

  public GgufBuilder bool(String key, boolean value) {
    return raw(key, 7, new byte[] {(byte) (value ? 1 : 0)});
  }

  public GgufBuilder f32(String key, float value) {
    return raw(key, 6, ints32(Float.floatToRawIntBits(value)));
  }

  public GgufBuilder string(String key, String value) {
    return raw(key, STRING, text(value));
  }

  public GgufBuilder strings(String key, List<String> values) {
    ByteArrayOutputStream out = array(STRING, values.size());
    values.forEach(value -> out.writeBytes(text(value)));
    return raw(key, ARRAY, out.toByteArray());
  }

  public GgufBuilder floats(String key, List<Float> values) {
    ByteArrayOutputStream out = array(6, values.size());
    values.forEach(value -> out.writeBytes(ints32(Float.floatToRawIntBits(value))));
    return raw(key, ARRAY, out.toByteArray());
  }

  public GgufBuilder ints(String key, List<Integer> values) {
    ByteArrayOutputStream out = array(5, values.size());
    values.forEach(value -> out.writeBytes(ints32(value)));
    return raw(key, ARRAY, out.toByteArray());
  }

  /** An array whose count is a lie. */
  public GgufBuilder arrayOf(String key, int elementType, long count) {
    return raw(key, ARRAY, array(elementType, count).toByteArray());
  }

  public GgufBuilder raw(String key, int type, byte[] value) {
    keys.writeBytes(text(key));
    keys.writeBytes(ints32(type));
    keys.writeBytes(value);
    keysWritten++;
    return this;
  }

  public GgufBuilder key(byte[] bytes) {
    keys.writeBytes(bytes);
    keysWritten++;
    return this;
  }

  /** The tensors so far but the last, which must have this name. */
  public GgufBuilder without(String name) {
    String last = tensorNames.removeLast();
    if (!last.equals(name)) {
      throw new IllegalArgumentException(last);
    }
    data.removeLast();
    tensorsWritten--;
    byte[] header = Arrays.copyOf(tensors.toByteArray(), tensorStarts.removeLast());
    tensors.reset();
    tensors.writeBytes(header);
    return this;
  }

  /** Tensors of these names are not written. */
  public GgufBuilder leavingOut(String... names) {
    leftOut.addAll(List.of(names));
    return this;
  }

  public GgufBuilder tensor(String name, TensorType type, long... shape) {
    if (leftOut.contains(name)) {
      return this;
    }
    long elements = 1;
    for (long size : shape) {
      elements *= size;
    }
    byte[] bytes = new byte[(int) type.bytes(elements)];
    tensorNames.add(name);
    tensorStarts.add(tensors.size());
    header(name, shape.length, shape, type.ggufId(), offset);
    data.add(bytes);
    offset += Math.ceilDiv(bytes.length, alignment) * (long) alignment;
    return this;
  }

  /** A tensor that stands in the header alone. */
  public GgufBuilder header(String name, int dimensions, long[] shape, int type, long at) {
    tensors.writeBytes(text(name));
    tensors.writeBytes(ints32(dimensions));
    for (long size : shape) {
      tensors.writeBytes(longs(size));
    }
    tensors.writeBytes(ints32(type));
    tensors.writeBytes(longs(at));
    tensorsWritten++;
    return this;
  }

  /** The keys so far, as they stand in a file. */
  public byte[] keyBytes() {
    return keys.toByteArray();
  }

  /** How many they are. */
  public long keyCount() {
    return keysWritten;
  }

  public byte[] build() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ints32(magic));
    out.writeBytes(ints32(version));
    out.writeBytes(longs(tensorCount == null ? tensorsWritten : tensorCount));
    out.writeBytes(longs(keyCount == null ? keysWritten : keyCount));
    out.writeBytes(keys.toByteArray());
    out.writeBytes(tensors.toByteArray());
    pad(out);
    for (byte[] bytes : data) {
      out.writeBytes(bytes);
      pad(out);
    }
    return out.toByteArray();
  }

  private void pad(ByteArrayOutputStream out) {
    while (alignment > 0 && out.size() % alignment != 0) {
      out.write(0);
    }
  }

  private static ByteArrayOutputStream array(int type, long count) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ints32(type));
    out.writeBytes(longs(count));
    return out;
  }

  public static byte[] text(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + bytes.length).order(ByteOrder.LITTLE_ENDIAN).putLong(bytes.length).put(bytes).array();
  }

  public static byte[] ints32(int value) {
    return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
  }

  public static byte[] longs(long value) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
  }
}
