package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;
import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.LANES;

import dev.gemmaspark.engine.internal.tensor.PackedMatrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** {@link ScalarKernels}, a vector at a time and to the same bits. What does not fill a vector is left to the scalar twin. */
public final class VectorKernels implements Kernels {
  private final ScalarKernels scalar = new ScalarKernels();

  @Override
  public String description() {
    return "vectors of " + F.vectorBitSize() + " bits";
  }

  @Override
  public void multiplyPanels(PackedMatrix matrix, int panel, int panels, Activations x, KernelScratch scratch) {
    if (x.rows() == 1) {
      ProductKernel.multiplyRow(matrix, panel, panels, x, scratch);
    } else {
      ProductKernel.multiplyRows(matrix, panel, panels, x, scratch);
    }
  }

  @Override
  public void rmsNorm(
      float[] x, int xOffset, float[] weight, float[] y, int yOffset, int length, float epsilon, KernelScratch scratch) {
    if (length % Lanes.COUNT != 0) {
      scalar.rmsNorm(x, xOffset, weight, y, yOffset, length, epsilon, scratch);
      return;
    }
    for (int lane = 0; lane < Lanes.COUNT; lane += LANES) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = lane; i < length; i += Lanes.COUNT) {
        FloatVector value = FloatVector.fromArray(F, x, xOffset + i);
        sum = value.fma(value, sum);
      }
      sum.intoArray(scratch.lanes, lane);
    }
    float scale = ScalarKernels.inverseRootMean(Lanes.sum(scratch.lanes), length, epsilon);
    for (int i = 0; i < length; i += LANES) {
      FloatVector.fromArray(F, x, xOffset + i)
          .mul(scale)
          .mul(FloatVector.fromArray(F, weight, i))
          .intoArray(y, yOffset + i);
    }
  }

  @Override
  public void add(float[] x, int xOffset, float[] y, int yOffset, int length) {
    int whole = F.loopBound(length);
    for (int i = 0; i < whole; i += LANES) {
      FloatVector.fromArray(F, y, yOffset + i)
          .add(FloatVector.fromArray(F, x, xOffset + i))
          .intoArray(y, yOffset + i);
    }
    scalar.add(x, xOffset + whole, y, yOffset + whole, length - whole);
  }

  @Override
  public void geGlu(float[] gate, int gateOffset, float[] up, int upOffset, int length) {
    int whole = F.loopBound(length);
    for (int i = 0; i < whole; i += LANES) {
      VectorMath.gelu(FloatVector.fromArray(F, gate, gateOffset + i))
          .mul(FloatVector.fromArray(F, up, upOffset + i))
          .intoArray(gate, gateOffset + i);
    }
    scalar.geGlu(gate, gateOffset + whole, up, upOffset + whole, length - whole);
  }

  @Override
  public void softcap(float[] x, int offset, int length, float cap) {
    int whole = F.loopBound(length);
    for (int i = 0; i < whole; i += LANES) {
      VectorMath.tanh(FloatVector.fromArray(F, x, offset + i).div(cap)).mul(cap).intoArray(x, offset + i);
    }
    scalar.softcap(x, offset + whole, length - whole, cap);
  }

  @Override
  public void softmaxWeights(float[] logits, int offset, int length, float max, float scale, float[] weights) {
    int whole = F.loopBound(length);
    for (int i = 0; i < whole; i += LANES) {
      VectorMath.exp(FloatVector.fromArray(F, logits, offset + i).sub(max).mul(scale)).intoArray(weights, i);
    }
    scalar.softmaxWeights(logits, offset, length, max, scale, weights, whole);
  }

  @Override
  public void rotate(
      float[] x, int offset, int headDim, float[] cosines, float[] sines, int angle, float scale) {
    int half = headDim / 2;
    if (half % LANES != 0) {
      scalar.rotate(x, offset, headDim, cosines, sines, angle, scale);
      return;
    }
    for (int i = 0; i < half; i += LANES) {
      FloatVector a = FloatVector.fromArray(F, x, offset + i);
      FloatVector b = FloatVector.fromArray(F, x, offset + half + i);
      FloatVector cosine = FloatVector.fromArray(F, cosines, angle + i);
      FloatVector sine = FloatVector.fromArray(F, sines, angle + i);
      a.fma(cosine, b.mul(sine).neg()).mul(scale).intoArray(x, offset + i);
      b.fma(cosine, a.mul(sine)).mul(scale).intoArray(x, offset + half + i);
    }
  }

  @Override
  public void attend(
      AttentionShape shape,
      float[] queries,
      int at,
      int tokens,
      int position,
      MemorySegment[] blocks,
      int kvHead,
      float[] out,
      KernelScratch scratch) {
    AttentionKernel.attend(shape, queries, at, tokens, position, blocks, kvHead, out, scratch);
  }
}
