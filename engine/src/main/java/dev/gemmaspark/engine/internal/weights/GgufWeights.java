package dev.gemmaspark.engine.internal.weights;

import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.gguf.GgufFile;
import dev.gemmaspark.engine.internal.gguf.GgufTensorInfo;
import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightMatrix;
import java.util.Optional;

/** Finds a model's tensors in a GGUF file by their names, and checks their shapes. */
final class GgufWeights {
  static final String EMBEDDING = "token_embd.weight";

  private static final String OUTPUT_NORM = "output_norm.weight";
  private static final String OUTPUT = "output.weight";

  private final GgufFile file;
  private final ModelConfig config;

  GgufWeights(GgufFile file, ModelConfig config) {
    this.file = file;
    this.config = config;
    if (file.tensor(OUTPUT).isPresent()) {
      throw new UnsupportedModelException(
          "%s has an output head of its own (%s); Gemma's is its embedding".formatted(file.path(), OUTPUT));
    }
  }

  WeightMatrix embedding() {
    return matrix(EMBEDDING, config.vocabSize(), config.hiddenSize());
  }

  float[] outputNorm() {
    return norm(OUTPUT_NORM);
  }

  LayerWeights layer(int layer) {
    String prefix = "blk." + layer + ".";
    int queryWidth = config.attentionHeads() * config.headDim();
    int kvWidth = config.kvHeads() * config.headDim();
    int hidden = config.hiddenSize();
    int intermediate = config.intermediateSize();
    boolean postNorms = config.architecture() == Architecture.GEMMA2;
    boolean fused = file.tensor(prefix + "attn_qkv.weight").isPresent();
    WeightMatrix all =
        fused ? matrix(prefix + "attn_qkv.weight", queryWidth + 2 * kvWidth, hidden) : null;
    return new LayerWeights(
        norm(prefix + "attn_norm.weight"),
        fused ? all.rows(0, queryWidth) : matrix(prefix + "attn_q.weight", queryWidth, hidden),
        fused ? all.rows(queryWidth, kvWidth) : matrix(prefix + "attn_k.weight", kvWidth, hidden),
        fused ? all.rows(queryWidth + kvWidth, kvWidth) : matrix(prefix + "attn_v.weight", kvWidth, hidden),
        matrix(prefix + "attn_output.weight", hidden, queryWidth),
        postNorms ? Optional.of(norm(prefix + "post_attention_norm.weight")) : Optional.empty(),
        norm(prefix + "ffn_norm.weight"),
        matrix(prefix + "ffn_gate.weight", intermediate, hidden),
        matrix(prefix + "ffn_up.weight", intermediate, hidden),
        matrix(prefix + "ffn_down.weight", hidden, intermediate),
        postNorms ? Optional.of(norm(prefix + "post_ffw_norm.weight")) : Optional.empty());
  }

  private WeightMatrix matrix(String name, int rows, int columns) {
    GgufTensorInfo tensor = tensor(name);
    if (!tensor.hasShape(columns, rows)) {
      throw wrongShape(tensor, rows + " x " + columns);
    }
    return new WeightMatrix(name, tensor.type(), rows, columns, tensor.data());
  }

  /** GGUF stores the factors themselves: the converter has added the one. */
  private float[] norm(String name) {
    GgufTensorInfo tensor = tensor(name);
    if (!tensor.hasShape(config.hiddenSize())) {
      throw wrongShape(tensor, "" + config.hiddenSize());
    }
    if (tensor.type() != TensorType.F32 && tensor.type() != TensorType.F16 && tensor.type() != TensorType.BF16) {
      throw broken("tensor %s is %s; a norm is F32, F16 or BF16".formatted(name, tensor.type()));
    }
    PanelFormat format = PanelFormats.of(tensor.type());
    float[] norm = new float[config.hiddenSize()];
    for (int i = 0; i < norm.length; i++) {
      format.dequantize(tensor.data(), (long) i * tensor.type().blockBytes(), norm, i);
      if (!Float.isFinite(norm[i])) {
        throw broken("tensor %s has a weight that is infinite or not a number; get a sound copy".formatted(name));
      }
    }
    return norm;
  }

  private GgufTensorInfo tensor(String name) {
    return file.tensor(name).orElseThrow(() -> missing(file, name));
  }

  static ModelFormatException missing(GgufFile file, String name) {
    return new ModelFormatException(
        file.path(),
        ModelFormatException.NO_OFFSET,
        "tensor %s is missing; the file is not a whole Gemma: get it again".formatted(name));
  }

  private ModelFormatException wrongShape(GgufTensorInfo tensor, String expected) {
    return broken("tensor %s is %s; %s expected".formatted(tensor.name(), tensor.shapeText(), expected));
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(file.path(), ModelFormatException.NO_OFFSET, problem);
  }
}
