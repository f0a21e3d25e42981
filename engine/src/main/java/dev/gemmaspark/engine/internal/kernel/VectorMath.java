package dev.gemmaspark.engine.internal.kernel;

import static dev.gemmaspark.engine.internal.kernel.VectorSpeciesChoice.F;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** {@link ScalarMath}, a vector at a time and to the same bits. */
final class VectorMath {
  private VectorMath() {}

  static FloatVector exp(FloatVector x) {
    FloatVector clamped = x.max(ScalarMath.EXP_MIN).min(ScalarMath.EXP_MAX);
    FloatVector rounded = clamped.fma(FloatVector.broadcast(F, ScalarMath.LOG2_E), FloatVector.broadcast(F, ScalarMath.ROUND));
    FloatVector n = rounded.sub(ScalarMath.ROUND);
    FloatVector r =
        n.fma(FloatVector.broadcast(F, -ScalarMath.LN2_LOW), n.fma(FloatVector.broadcast(F, -ScalarMath.LN2_HIGH), clamped));
    FloatVector p = r.fma(FloatVector.broadcast(F, ScalarMath.C0), FloatVector.broadcast(F, ScalarMath.C1));
    p = p.fma(r, FloatVector.broadcast(F, ScalarMath.C2));
    p = p.fma(r, FloatVector.broadcast(F, ScalarMath.C3));
    p = p.fma(r, FloatVector.broadcast(F, ScalarMath.C4));
    p = p.fma(r, FloatVector.broadcast(F, ScalarMath.C5));
    p = p.fma(r.mul(r), r).add(1f);
    FloatVector power =
        rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).add(0x3F800000).reinterpretAsFloats();
    return p.mul(power);
  }

  static FloatVector tanh(FloatVector x) {
    FloatVector t = exp(x.abs().mul(-2f));
    FloatVector magnitude = FloatVector.broadcast(F, 1f).sub(t).div(t.add(1f));
    return magnitude.blend(magnitude.neg(), x.lt(0f));
  }

  static FloatVector gelu(FloatVector x) {
    FloatVector u =
        x.mul(ScalarMath.GELU_CUBIC).fma(x.mul(x), x).mul(ScalarMath.SQRT_2_OVER_PI);
    return x.div(exp(u.mul(-2f)).add(1f));
  }
}
