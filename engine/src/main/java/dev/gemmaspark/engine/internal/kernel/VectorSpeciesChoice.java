package dev.gemmaspark.engine.internal.kernel;

import dev.gemmaspark.engine.error.InvalidSettingException;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shape of all kernels, chosen once: constants, or C2 makes objects of vectors. The machine's widest; {@code
 * -Dgemmaspark.vectorBits} asks for another of 128, 256 and 512.
 */
final class VectorSpeciesChoice {
  static final String PROPERTY = "gemmaspark.vectorBits";

  static final VectorSpecies<Float> F = floats();
  static final int LANES = F.length();
  static final VectorSpecies<Integer> I = IntVector.SPECIES_128.withShape(F.vectorShape());

  /** As many bytes as there are lanes, or eight, the fewest that a vector can have. */
  static final VectorSpecies<Byte> B =
      LANES == 16 ? ByteVector.SPECIES_128 : ByteVector.SPECIES_64;

  /** As many 16-bit numbers as there are lanes. */
  static final VectorSpecies<Short> S =
      ShortVector.SPECIES_64.withShape(VectorShape.forBitSize(16 * LANES));

  private VectorSpeciesChoice() {}

  private static VectorSpecies<Float> floats() {
    String bits = System.getProperty(PROPERTY);
    return switch (bits) {
      case null -> FloatVector.SPECIES_PREFERRED.length() > 16 ? FloatVector.SPECIES_512 : FloatVector.SPECIES_PREFERRED;
      case "128" -> FloatVector.SPECIES_128;
      case "256" -> FloatVector.SPECIES_256;
      case "512" -> FloatVector.SPECIES_512;
      default -> throw new InvalidSettingException(PROPERTY + " is " + bits + "; it must be 128, 256 or 512");
    };
  }
}
