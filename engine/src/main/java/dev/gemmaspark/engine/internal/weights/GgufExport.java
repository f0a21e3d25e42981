package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.gguf.GgufWriter;
import dev.gemmaspark.engine.internal.parallel.WorkerPool;
import dev.gemmaspark.engine.internal.quantization.QuantizedRows;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.TokenType;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleConsumer;

/** Writes a model as a GGUF file, with the names and keys that llama.cpp's converter gives it. */
public final class GgufExport {
  private static final int ROWS_TOGETHER = 64;
  private static final int QUANTIZATION_VERSION = 2;
  private static final int PADDING = 0;

  private final GgufWriter writer = new GgufWriter();
  private final ModelWeights<WeightRows> weights;
  private final List<Pending> pending = new ArrayList<>();

  /** Rows of a matrix, or the numbers of a norm, that go to an offset of the data. */
  private record Pending(WeightRows rows, float[] norm, long offset) {}

  private GgufExport(ModelWeights<WeightRows> weights, QuantizationMix mix, String name) {
    ModelConfig config = weights.config();
    this.weights = mix.apply(withScaledQueries(weights));
    putConfig(config, name);
    putVocabulary(weights.vocabulary());
    weights.chatTemplate().ifPresent(template -> writer.putString("tokenizer.chat_template", template));
    if (mix != QuantizationMix.F32 && mix != QuantizationMix.F16 && mix != QuantizationMix.BF16) {
      writer.putInteger("general.quantization_version", QUANTIZATION_VERSION);
    }
    writer.putInteger("general.file_type", mix.fileType());
    addTensors();
  }

  /**
   * Writes a model.
   *
   * @param mix the types of the matrices
   * @param name of the model
   * @param target under another name until it is whole
   * @param pool quantizes rows in parallel
   * @param progress is told the share that has been written
   */
  public static void write(
      ModelWeights<WeightRows> weights, QuantizationMix mix, String name, Path target, WorkerPool pool, DoubleConsumer progress)
      throws IOException {
    GgufExport export = new GgufExport(weights, mix, name);
    AtomicFile.write(target, channel -> export.write(channel, pool, progress));
  }

  /** No key says how queries are scaled: where it is not what readers assume, the weights of the queries are scaled instead. */
  private static ModelWeights<WeightRows> withScaledQueries(ModelWeights<WeightRows> weights) {
    ModelConfig config = weights.config();
    float factor = config.queryScale() / GgufConfigReader.assumedQueryScale(config);
    if (Math.abs(factor - 1) < 1e-6f) {
      return weights;
    }
    return weights.map(
        (name, matrix) ->
            name.role() != TensorRole.QUERY
                ? matrix
                : QuantizedRows.changed(
                    matrix,
                    TensorType.F32,
                    (row, values) -> {
                      for (int i = 0; i < values.length; i++) {
                        values[i] *= factor;
                      }
                    }));
  }

  private void putConfig(ModelConfig config, String name) {
    Architecture architecture = config.architecture();
    writer.putString("general.architecture", architecture.label());
    writer.putString("general.name", name);
    writer.putInteger("general.alignment", GgufWriter.ALIGNMENT);
    writer.putInteger(ConfigKey.CONTEXT_LENGTH.gguf(architecture), config.contextLength());
    writer.putInteger(ConfigKey.HIDDEN_SIZE.gguf(architecture), config.hiddenSize());
    writer.putInteger(ConfigKey.LAYERS.gguf(architecture), config.layers());
    writer.putInteger(ConfigKey.INTERMEDIATE_SIZE.gguf(architecture), config.intermediateSize());
    writer.putInteger(ConfigKey.ATTENTION_HEADS.gguf(architecture), config.attentionHeads());
    writer.putInteger(ConfigKey.KV_HEADS.gguf(architecture), config.kvHeads());
    writer.putFloat(ConfigKey.NORM_EPSILON.gguf(architecture), config.rmsNormEpsilon());
    writer.putInteger(ConfigKey.HEAD_DIM.gguf(architecture), config.headDim());
    writer.putInteger(ConfigKey.VALUE_DIM.gguf(architecture), config.headDim());
    putRope(config);
    if (architecture == Architecture.GEMMA2) {
      writer.putFloat(ConfigKey.ATTENTION_SOFTCAP.gguf(architecture), config.attentionSoftcap());
      writer.putFloat(ConfigKey.FINAL_SOFTCAP.gguf(architecture), config.finalSoftcap());
      putWindows(config);
    }
  }

  private void putRope(ModelConfig config) {
    Architecture architecture = config.architecture();
    Rope rope = config.layer(0).rope();
    if (config.layerConfigs().stream().anyMatch(layer -> !layer.rope().equals(rope))) {
      throw new UnsupportedModelException("The layers of this model encode positions differently, which no key of GGUF says; use its directory as it is");
    }
    if (rope.theta() != ConfigReader.DEFAULT_ROPE_THETA) {
      writer.putFloat(ConfigKey.ROPE_THETA.gguf(architecture), rope.theta());
    }
    switch (rope.scaling()) {
      case Rope.Linear(float factor) -> {
        if (factor != 1) {
          writer.putString(ConfigKey.ROPE_SCALING_TYPE.gguf(architecture), "linear");
          writer.putFloat(ConfigKey.ROPE_SCALING_FACTOR.gguf(architecture), factor);
        }
      }
      case Rope.Yarn yarn -> {
        if (!yarn.equals(Rope.Yarn.of(yarn.factor(), yarn.originalContext()))) {
          throw new UnsupportedModelException("This model scales positions by a YaRN of its own, which no key of GGUF says; use its directory as it is");
        }
        writer.putString(ConfigKey.ROPE_SCALING_TYPE.gguf(architecture), "yarn");
        writer.putFloat(ConfigKey.ROPE_SCALING_FACTOR.gguf(architecture), yarn.factor());
        writer.putInteger(ConfigKey.ROPE_ORIGINAL_CONTEXT.gguf(architecture), yarn.originalContext());
      }
    }
  }

  private void putWindows(ModelConfig config) {
    Architecture architecture = config.architecture();
    int window = config.windows().stream().max(Integer::compare).orElse(0);
    if (window > 0) {
      writer.putInteger(ConfigKey.SLIDING_WINDOW.gguf(architecture), window);
    }
    if (!config.layerConfigs().equals(LayerConfig.alternating(config.layers(), window, config.layer(0).rope())) || window == 0) {
      writer.putBooleans(
          ConfigKey.SLIDING_WINDOW_PATTERN.gguf(architecture), config.layerConfigs().stream().map(LayerConfig::isLocal).toList());
    }
  }

  private void putVocabulary(Vocabulary vocabulary) {
    int size = vocabulary.size();
    String[] pieces = new String[size];
    int[] types = new int[size];
    for (int id = 0; id < size; id++) {
      TokenType type = vocabulary.types()[id];
      String piece = vocabulary.pieces()[id];
      // llama.cpp looks for user-defined pieces in the text as it is
      pieces[id] = type == TokenType.USER_DEFINED ? piece.replace('\u2581', ' ') : piece;
      types[id] = type.ordinal() + 1;
    }
    writer.putString("tokenizer.ggml.model", "llama");
    writer.putString("tokenizer.ggml.pre", "default");
    writer.putStrings("tokenizer.ggml.tokens", pieces);
    writer.putFloats("tokenizer.ggml.scores", vocabulary.scores());
    writer.putIntegers("tokenizer.ggml.token_type", types);
    writer.putInteger("tokenizer.ggml.bos_token_id", vocabulary.bos());
    writer.putInteger("tokenizer.ggml.eos_token_id", vocabulary.eos());
    writer.putInteger("tokenizer.ggml.unknown_token_id", vocabulary.unknown());
    writer.putInteger("tokenizer.ggml.padding_token_id", PADDING);
    writer.putBoolean("tokenizer.ggml.add_bos_token", true);
    writer.putBoolean("tokenizer.ggml.add_eos_token", false);
    writer.putBoolean("tokenizer.ggml.add_space_prefix", false);
  }

  private void addTensors() {
    addNorm(TensorRole.OUTPUT_NORM, 0, weights.outputNorm());
    for (int i = 0; i < weights.layers().size(); i++) {
      LayerWeights<WeightRows> layer = weights.layers().get(i);
      int index = i;
      addNorm(TensorRole.ATTENTION_NORM, i, layer.attentionNorm());
      addNorm(TensorRole.FEED_FORWARD_NORM, i, layer.feedForwardNorm());
      layer.postAttentionNorm().ifPresent(norm -> addNorm(TensorRole.POST_ATTENTION_NORM, index, norm));
      layer.postFeedForwardNorm().ifPresent(norm -> addNorm(TensorRole.POST_FEED_FORWARD_NORM, index, norm));
    }
    weights.map(
        (name, matrix) -> {
          long offset = writer.addTensor(name.gguf(), matrix.type(), matrix.rows(), matrix.columns());
          pending.add(new Pending(matrix, null, offset));
          return matrix;
        });
  }

  private void addNorm(TensorRole role, int layer, float[] norm) {
    pending.add(new Pending(null, norm, writer.addTensor(role.gguf(layer), TensorType.F32, norm.length)));
  }

  private void write(FileChannel channel, WorkerPool pool, DoubleConsumer progress) throws IOException {
    long start = writer.writeHeader(channel);
    long all = weights.matrices().stream().mapToLong(WeightRows::bytes).sum();
    AtomicLong done = new AtomicLong();
    for (Pending tensor : pending) {
      long at = start + tensor.offset;
      if (tensor.norm != null) {
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * tensor.norm.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(tensor.norm);
        GgufWriter.writeFully(channel, bytes, at);
        continue;
      }
      WeightRows matrix = tensor.rows;
      long rowBytes = matrix.type().bytes(matrix.columns());
      try {
        pool.run(
            Math.ceilDiv(matrix.rows(), ROWS_TOGETHER),
            (worker, part) -> {
              int first = part * ROWS_TOGETHER;
              int count = Math.min(ROWS_TOGETHER, matrix.rows() - first);
              writeRows(channel, matrix, first, count, at + first * rowBytes);
              progress.accept((double) done.addAndGet(count * rowBytes) / all);
            });
      } catch (UncheckedIOException e) {
        throw e.getCause();
      }
    }
  }

  private static void writeRows(FileChannel channel, WeightRows matrix, int first, int count, long position) {
    try {
      GgufWriter.writeFully(channel, matrix.rows(first, count).asByteBuffer(), position);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
