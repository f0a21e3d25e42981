package dev.gemmaspark.engine.internal.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Broken and hostile safetensors files, and what a user sees of each. */
class SafetensorsFileTest {
  @TempDir Path folder;

  static Stream<Arguments> malformed() {
    return Stream.of(
        raw("empty", new byte[0], "the file has 0 bytes"),
        raw("seven bytes", new byte[7], "the file has 7 bytes"),
        raw("header longer than the file", SafetensorsBuilder.file(1000, new byte[2], new byte[0]), "the header has 1000 bytes, but 2 are left"),
        raw("header length -1", SafetensorsBuilder.file(-1, new byte[2], new byte[0]), "the header has 18446744073709551615 bytes"),
        raw("header length 2^62", SafetensorsBuilder.file(1L << 62, new byte[2], new byte[0]), "the header has 4611686018427387904 bytes"),
        raw("html", "<!DOCTYPE html><html></html>".getBytes(StandardCharsets.UTF_8), "this is no safetensors file"),
        header("no header", "", "does not start with '{'"),
        header("an array", "[1]", "does not start with '{'"),
        header("white space first", " {}", "does not start with '{'"),
        header("no JSON", "{a}", "not the JSON of a safetensors file"),
        header("cut short", "{\"a\":{\"dtype\":", "not the JSON of a safetensors file"),
        header("two objects", "{}{}", "goes on after its end"),
        header("a tensor twice", String.format(Locale.ROOT, "{\"a\":{%1$s},\"a\":{%1$s}}", EMPTY), "Duplicate field"),
        header("a field twice", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", "Duplicate field"),
        header("deep", "{\"a\":{\"shape\":" + "[".repeat(100_000), "START_ARRAY where VALUE_NUMBER_INT is expected"),
        header("deep metadata", "{\"__metadata__\":" + "[".repeat(100_000), "not the JSON of a safetensors file"),
        header("a tensor is a number", "{\"a\":1}", "VALUE_NUMBER_INT where START_OBJECT is expected"),
        header("unknown field", String.format(Locale.ROOT, "{\"a\":{%s,\"x\":1}}", EMPTY), "an unknown field x"),
        header("unknown type", "{\"a\":{\"dtype\":\"F7\",\"shape\":[0],\"data_offsets\":[0,0]}}", "the unknown type F7"),
        header("no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}", "lacks its type, its shape"),
        header("one offset", "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0]}}", "or its two offsets"),
        header("three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0,0]}}", "more than 2 numbers"),
        header("nine dimensions", "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,1,1,1,1,1,1,1,1],\"data_offsets\":[0,0]}}", "more than 8 numbers"),
        header("negative size", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,0]}}", "negative"),
        header("fraction", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,0]}}", "VALUE_NUMBER_FLOAT where VALUE_NUMBER_INT"),
        header("number too large", "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,0]}}", "out of range of long"),
        header("number of a megabyte", "{\"a\":{\"dtype\":\"F32\",\"shape\":[" + "9".repeat(1 << 20) + "]}}", "not the JSON of a safetensors file"),
        header("sizes overflow", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", "larger than any file"),
        header("offsets backwards", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "has those from 4 to 0"),
        header("size and offsets differ", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "needs 12 bytes by its shape"),
        header("beyond the end", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "needs bytes 0 to 8 of the data, which has 0"),
        raw("hole", new SafetensorsBuilder().bytes(4).floats("a", new float[2], 2).build(), "begins at byte 4 of the data, where the one before ends at 0"),
        raw("overlap", new SafetensorsBuilder().floats("a", new float[2], 2).entry("\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}").build(), "begins at byte 4 of the data, where the one before ends at 8"),
        raw("trailing bytes", new SafetensorsBuilder().floats("a", new float[2], 2).bytes(3).build(), "3 bytes after the last tensor"),
        raw("not UTF-8", SafetensorsBuilder.file(new byte[] {'{', (byte) 0xC3, 0x28, '}'}, new byte[0]), "the header is not UTF-8"));
  }

  private static final String EMPTY = "\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]";

  @ParameterizedTest(name = "{0}")
  @MethodSource("malformed")
  void aBrokenFileIsSaidToBe(String name, byte[] content, String message) throws IOException {
    Path path = Files.write(folder.resolve("model.safetensors"), content);
    assertThatThrownBy(() -> SafetensorsFile.open(path))
        .isInstanceOf(GemmaException.class)
        .hasMessageContaining(message)
        .hasMessageContaining("model.safetensors");
  }

  @Test
  void soundTwinsAreRead() throws IOException {
    SafetensorsFile file = open(sound());
    StoredTensor tensor = file.tensor("w").orElseThrow();
    assertThat(tensor.type()).isEqualTo(TensorType.F32);
    assertThat(tensor.shape()).containsExactly(2, 3);
    assertThat(tensor.data().byteSize()).isEqualTo(24);
    assertThat(file.tensor("none")).isEmpty();
    assertThat(file.tensor("scalar").orElseThrow().shape()).isEmpty();
    assertThat(file.tensor("nothing").orElseThrow().data().byteSize()).isZero();
    assertThatThrownBy(() -> file.tensor("ids")).isInstanceOf(UnsupportedModelException.class).hasMessageContaining("tensor ids is I64");
  }

  private static byte[] sound() {
    return new SafetensorsBuilder()
        .entry("\"__metadata__\":{\"format\":\"pt\"}")
        .floats("w", new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
        .floats("scalar", new float[] {7})
        .floats("nothing", new float[0], 0)
        .entry("\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[28,36]}")
        .bytes(8)
        .build();
  }

  @Test
  void everyTruncationIsAnErrorOfOurs() throws IOException {
    byte[] whole = sound();
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> open(cut)).isInstanceOf(GemmaException.class);
    }
  }

  @Test
  void flippedBitsAreHarmlessOrAnErrorOfOurs() throws IOException {
    byte[] whole = sound();
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    int refused = 0;
    for (int i = 0; i < 5000; i++) {
      byte[] broken = whole.clone();
      for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
        broken[random.nextInt(broken.length)] ^= (byte) (1 << random.nextInt(8));
      }
      long start = System.nanoTime();
      try {
        SafetensorsFile file = open(broken);
        for (String name : file.names()) {
          file.tensor(name);
        }
      } catch (GemmaException e) {
        refused++;
      }
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
    }
    assertThat(refused).isGreaterThan(3000);
  }

  private SafetensorsFile open(byte[] content) throws IOException {
    return SafetensorsFile.open(Files.write(folder.resolve("model.safetensors"), content));
  }

  private static Arguments header(String name, String header, String message) {
    return raw(name, SafetensorsBuilder.file(header.getBytes(StandardCharsets.UTF_8), new byte[0]), message);
  }

  private static Arguments raw(String name, byte[] content, String message) {
    return Arguments.of(name, content, message);
  }
}
