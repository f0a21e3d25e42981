package dev.gemmaspark.engine.internal.quantization;

import dev.gemmaspark.engine.internal.tensor.PanelFormat;
import dev.gemmaspark.engine.internal.tensor.PanelFormats;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import java.lang.foreign.MemorySegment;

/** A matrix in another type, made as its rows are asked for. Safe for use by many threads. */
public final class QuantizedRows implements WeightRows {
  private final WeightRows source;
  private final TensorType type;
  private final RowChange change;

  /** Changes the weights of a row before they are quantized. */
  @FunctionalInterface
  public interface RowChange {
    /**
     * @param row its index in the matrix
     * @param weights the row
     */
    void apply(int row, float[] weights);
  }

  private QuantizedRows(WeightRows source, TensorType type, RowChange change) {
    this.source = source;
    this.type = type;
    this.change = change;
  }

  /** The matrix in this type, or as near to it as its width allows; the matrix itself if it has that type. */
  public static WeightRows of(WeightRows source, TensorType wanted) {
    TensorType type = fitting(wanted, source.columns());
    return source.type() == type ? source : new QuantizedRows(source, type, (row, weights) -> {});
  }

  /** The matrix, changed row by row, in this type, or as near to it as its width allows. */
  public static WeightRows changed(WeightRows source, TensorType wanted, RowChange change) {
    return new QuantizedRows(source, fitting(wanted, source.columns()), change);
  }

  /** The type itself, or the finest that divides the width, where its own block does not: Q8_0, else F16. */
  public static TensorType fitting(TensorType wanted, int columns) {
    if (columns % wanted.blockSize() == 0) {
      return wanted;
    }
    return columns % TensorType.Q8_0.blockSize() == 0 ? TensorType.Q8_0 : TensorType.F16;
  }

  @Override
  public String name() {
    return source.name();
  }

  @Override
  public TensorType type() {
    return type;
  }

  @Override
  public int rows() {
    return source.rows();
  }

  @Override
  public int columns() {
    return source.columns();
  }

  @Override
  public MemorySegment rows(int first, int count) {
    long rowBytes = type.bytes(columns());
    MemorySegment out = MemorySegment.ofArray(new byte[Math.toIntExact(count * rowBytes)]);
    Quantizer quantizer = Quantizer.to(type);
    float[] weights = new float[columns()];
    MemorySegment rows = source.rows(first, count);
    for (int row = 0; row < count; row++) {
      dequantize(rows, row * source.type().bytes(columns()), weights);
      change.apply(first + row, weights);
      long offset = row * rowBytes;
      for (int column = 0; column < columns(); column += type.blockSize()) {
        quantizer.quantize(weights, column, out, offset);
        offset += type.blockBytes();
      }
    }
    return out;
  }

  private void dequantize(MemorySegment rows, long offset, float[] weights) {
    PanelFormat format = PanelFormats.of(source.type());
    for (int column = 0; column < weights.length; column += source.type().blockSize()) {
      format.dequantize(rows, offset, weights, column);
      offset += source.type().blockBytes();
    }
  }
}
