package dev.gemmaspark.engine;

import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.internal.gguf.GgufBuilder;
import dev.gemmaspark.engine.internal.tensor.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Opens models whose sizes are wrong at random, in a JVM of its own: half of them GGUF files, of which some have tensors to match, half of them
 * configurations of a directory. Ends with the first that ends otherwise than well or with an error of ours, or takes too long.
 */
final class HostileShapes {
  private static final long LONGEST_NANOS = 20_000_000_000L;
  private static final int LARGEST_FILE = 8 << 20;
  private static final Pattern NUMBER = Pattern.compile("(?<=: )\\d+(?=,?\n)");

  private final RandomGenerator random;
  private final Path folder;
  private int opened;
  private int refused;

  private HostileShapes(long seed, Path folder) {
    this.random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    this.folder = folder;
  }

  /** @param arguments seed, how many, folder to write to, directory of a sound model */
  public static void main(String[] arguments) throws IOException {
    HostileShapes shapes = new HostileShapes(Long.parseLong(arguments[0]), Path.of(arguments[2]));
    Path sound = Path.of(arguments[3]);
    Path directory = Files.createDirectories(shapes.folder.resolve("directory"));
    try (Stream<Path> files = Files.list(sound)) {
      for (Path file : files.toList()) {
        Files.copy(file, directory.resolve(file.getFileName()));
      }
    }
    String config = Files.readString(sound.resolve("config.json"));
    for (int i = 0; i < Integer.parseInt(arguments[1]) / 2; i++) {
      Path file = shapes.folder.resolve("shapes.gguf");
      Files.write(file, shapes.gguf());
      shapes.open(file);
      Files.writeString(directory.resolve("config.json"), shapes.corrupted(config));
      shapes.open(directory);
    }
    System.out.println("opened " + shapes.opened + ", refused " + shapes.refused);
  }

  private void open(Path model) throws IOException {
    Path cache = folder.resolve("cache");
    EngineOptions options =
        EngineOptions.forModel(model.toString()).withThreads(1).withMaxSequences(2).withKvCacheBytes(1 << 20).withCacheDirectory(cache);
    if (random.nextInt(8) == 0) {
      options = options.withContextLength(1 << 24);
    }
    long start = System.nanoTime();
    try {
      GemmaEngine.open(options).close();
      opened++;
    } catch (GemmaException e) {
      refused++;
    }
    if (System.nanoTime() - start > LONGEST_NANOS) {
      throw new IllegalStateException("took " + (System.nanoTime() - start) / 1_000_000 + " ms");
    }
    if (Files.exists(cache.resolve("packed"))) {
      try (Stream<Path> packed = Files.list(cache.resolve("packed"))) {
        for (Path file : packed.toList()) {
          Files.delete(file);
        }
      }
    }
  }

  /** One number, or some, become others. */
  private String corrupted(String config) {
    List<int[]> places = NUMBER.matcher(config).results().map(m -> new int[] {m.start(), m.end()}).toList();
    String changed = config;
    int[] place = places.get(random.nextInt(places.size()));
    for (int i = random.nextInt(1, 3); i > 0; i--) {
      changed = changed.substring(0, place[0]) + size() + changed.substring(place[1]);
      Matcher next = NUMBER.matcher(changed);
      List<int[]> again = next.results().map(m -> new int[] {m.start(), m.end()}).toList();
      place = again.get(random.nextInt(again.size()));
    }
    return changed;
  }

  private long size() {
    return switch (random.nextInt(5)) {
      case 0 -> random.nextInt(0, 4);
      case 1 -> 1L << random.nextInt(40);
      case 2 -> (1L << random.nextInt(33)) + random.nextInt(-2, 3);
      case 3 -> 2 * random.nextInt(1, 600);
      default -> random.nextInt(Integer.MAX_VALUE);
    };
  }

  /** A model of one layer whose tensors have the shapes that the keys say, where they are not too large for a test. */
  private byte[] gguf() {
    Map<String, Integer> sizes = new LinkedHashMap<>();
    sizes.put("embedding_length", 32);
    sizes.put("feed_forward_length", 32);
    sizes.put("attention.head_count", 2);
    sizes.put("attention.head_count_kv", 1);
    sizes.put("attention.key_length", 16);
    List<String> keys = List.copyOf(sizes.keySet());
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      sizes.put(keys.get(random.nextInt(keys.size())), (int) size());
    }
    int context = random.nextInt(3) == 0 ? (int) size() : 64;
    long hidden = sizes.get("embedding_length");
    long wide = sizes.get("feed_forward_length");
    long queries = sizes.get("attention.head_count") * (long) sizes.get("attention.key_length");
    long keyed = sizes.get("attention.head_count_kv") * (long) sizes.get("attention.key_length");
    GgufBuilder model = new GgufBuilder().string("general.architecture", "gemma2").u32("gemma2.block_count", 1);
    sizes.forEach((key, size) -> model.u32("gemma2." + key, size));
    model.u32("gemma2.attention.value_length", sizes.get("attention.key_length")).f32("gemma2.attention.layer_norm_rms_epsilon", 1e-6f);
    model.u32("gemma2.context_length", context).vocabulary(GgufBuilder.vocabulary());
    long[][] shapes = {
      {hidden, GgufBuilder.vocabulary().size()}, {hidden}, {hidden}, {hidden, queries}, {hidden, keyed}, {hidden, keyed},
      {queries, hidden}, {hidden}, {hidden}, {hidden, wide}, {hidden, wide}, {wide, hidden}, {hidden}
    };
    String[] names = {
      "token_embd", "output_norm", "blk.0.attn_norm", "blk.0.attn_q", "blk.0.attn_k", "blk.0.attn_v",
      "blk.0.attn_output", "blk.0.post_attention_norm", "blk.0.ffn_norm", "blk.0.ffn_gate", "blk.0.ffn_up", "blk.0.ffn_down",
      "blk.0.post_ffw_norm"
    };
    long bytes = 0;
    for (int i = 0; i < names.length; i++) {
      TensorType type = shapes[i].length == 2 && shapes[i][0] % 32 == 0 ? TensorType.Q4_0 : TensorType.F32;
      long elements = shapes[i].length == 1 ? shapes[i][0] : shapes[i][0] * shapes[i][1];
      boolean fits = elements > 0 && elements < LARGEST_FILE && (bytes += type.bytes(elements)) < LARGEST_FILE;
      if (fits) {
        model.tensor(names[i] + ".weight", type, shapes[i]);
      } else {
        model.header(names[i] + ".weight", shapes[i].length, shapes[i], type.ggufId(), 0);
      }
    }
    return model.build();
  }
}
