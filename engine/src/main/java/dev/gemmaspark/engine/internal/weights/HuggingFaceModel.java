package dev.gemmaspark.engine.internal.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.gemmaspark.engine.error.ModelFormatException;
import dev.gemmaspark.engine.error.ModelNotFoundException;
import dev.gemmaspark.engine.error.UnsupportedModelException;
import dev.gemmaspark.engine.internal.safetensors.SafetensorsFile;
import dev.gemmaspark.engine.internal.tensor.StoredTensor;
import dev.gemmaspark.engine.internal.tensor.WeightRows;
import dev.gemmaspark.engine.internal.tokenizer.Vocabulary;
import dev.gemmaspark.engine.internal.tokenizer.VocabularyReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** A model in a directory as Hugging Face's transformers writes it: configuration, tokenizer, and weights in safetensors files. */
final class HuggingFaceModel implements TensorSource {
  static final String CONFIG = "config.json";
  static final String GENERATION_CONFIG = "generation_config.json";
  static final String TOKENIZER_CONFIG = "tokenizer_config.json";
  static final String CHAT_TEMPLATE = "chat_template.jinja";
  static final String WEIGHTS = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  /** Before the names of all tensors, in most directories. */
  private static final String PREFIX = "model.";

  private static final Map<String, String> QUANTIZED =
      Map.of(
          ".quant_state.bitsandbytes__", "bitsandbytes in 4 bits",
          ".weight.absmax", "bitsandbytes in 4 bits",
          ".SCB", "bitsandbytes in 8 bits",
          ".qweight", "GPTQ or AWQ",
          ".weight_scale", "FP8 or compressed-tensors",
          ".weight_packed", "compressed-tensors");

  private static final long LARGEST_TEMPLATE = 1 << 20;

  private final Path directory;
  private final Architecture architecture;
  private final HeadKind head;
  private final Map<String, SafetensorsFile> files = new HashMap<>();

  private HuggingFaceModel(Path directory, Architecture architecture, HeadKind head) {
    this.directory = directory;
    this.architecture = architecture;
    this.head = head;
    Path single = directory.resolve(WEIGHTS);
    if (Files.exists(single)) {
      addAll(SafetensorsFile.open(single));
    } else {
      addShards(directory.resolve(INDEX));
    }
    files.keySet().forEach(this::refuseQuantized);
  }

  /** Libraries that quantize leave tensors beside the weights by which they are known, whatever the configuration says. */
  private void refuseQuantized(String name) {
    QUANTIZED.forEach(
        (part, library) -> {
          if (name.contains(part)) {
            throw new UnsupportedModelException(
                String.format(Locale.ROOT,
                    "%s: the weights are quantized by %s (tensor %s), which is not supported; get the model before it was quantized, or as GGUF",
                    directory, library, name));
          }
        });
  }

  static ModelWeights<WeightRows> load(Path directory) {
    JsonNode config = JsonFile.read(directory.resolve(CONFIG));
    HuggingFaceConfigReader reader = new HuggingFaceConfigReader(directory.resolve(CONFIG), config);
    ModelConfig modelConfig = reader.read();
    JsonNode tied = config.path("tie_word_embeddings");
    Vocabulary vocabulary = VocabularyReader.read(directory);
    return WeightsReader.read(
        new HuggingFaceModel(directory, modelConfig.architecture(), tied.asBoolean(true) ? HeadKind.EMBEDDING : HeadKind.OWN),
        modelConfig,
        vocabulary,
        chatTemplate(directory),
        stopTokens(directory, config, vocabulary));
  }

  /** A small file that need not be there, with no field that nobody knows. */
  private static JsonNode optionalFile(Path file, Set<String> known) {
    if (!Files.exists(file)) {
      return MissingNode.getInstance();
    }
    JsonNode json = JsonFile.read(file);
    Unread.refuse(file, "", json, known);
    return json;
  }

  private static Optional<String> chatTemplate(Path directory) {
    JsonNode template = optionalFile(directory.resolve(TOKENIZER_CONFIG), KnownFields.TOKENIZER_CONFIG).path("chat_template");
    Path file = directory.resolve(CHAT_TEMPLATE);
    if (Files.exists(file)) {
      return Optional.of(templateFile(file));
    }
    if (template.isArray()) {
      // several, by name
      for (JsonNode named : template) {
        if (named.path("name").asText().equals("default")) {
          return Optional.of(named.path("template").asText());
        }
      }
    }
    // what is there and cannot be read is none that anybody knows
    return Unread.meansNone("chat_template", template) ? Optional.empty() : Optional.of(template.asText());
  }

  private static String templateFile(Path file) {
    try {
      if (Files.size(file) > LARGEST_TEMPLATE) {
        throw new ModelFormatException(
            file,
            ModelFormatException.NO_OFFSET,
            String.format(Locale.ROOT, "the chat template has %d bytes; at most %d expected", Files.size(file), LARGEST_TEMPLATE));
      }
      return Files.readString(file);
    } catch (IOException e) {
      throw new ModelNotFoundException("The file " + file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /** What generation_config.json says, else config.json; and the end of a turn, whatever they say. */
  private static Set<Integer> stopTokens(Path directory, JsonNode config, Vocabulary vocabulary) {
    Set<Integer> ids = new HashSet<>();
    ids.add(vocabulary.eos());
    vocabulary.endOfTurn().ifPresent(ids::add);
    JsonNode generation = optionalFile(directory.resolve(GENERATION_CONFIG), KnownFields.GENERATION_CONFIG);
    JsonNode said = generation.isMissingNode() ? config.path("eos_token_id") : generation.path("eos_token_id");
    for (JsonNode id : said.isArray() ? said : List.of(said)) {
      if (id.isMissingNode() || id.isNull()) {
        continue;
      }
      if (!id.canConvertToInt() || id.asInt() < 0 || id.asInt() >= vocabulary.size()) {
        throw new ModelFormatException(
            directory,
            ModelFormatException.NO_OFFSET,
            String.format(Locale.ROOT, "eos_token_id is %s; a number or a list of numbers below %d expected", id, vocabulary.size()));
      }
      ids.add(id.asInt());
    }
    return ids;
  }

  private void addAll(SafetensorsFile file) {
    file.names().forEach(name -> files.put(name, file));
  }

  /** Every tensor must be in the shard that the index names, and no other. */
  private void addShards(Path index) {
    Map<String, SafetensorsFile> shards = new TreeMap<>();
    for (Path shard : shards(index)) {
      SafetensorsFile file = SafetensorsFile.open(shard);
      shards.put(shard.getFileName().toString(), file);
      for (String name : file.names()) {
        SafetensorsFile other = files.put(name, file);
        if (other != null) {
          throw broken(String.format(Locale.ROOT, "tensor %s stands in both %s and %s",
              name, other.path().getFileName(), shard.getFileName()));
        }
      }
    }
    JsonFile.read(index)
        .path("weight_map")
        .properties()
        .forEach(
            entry -> {
              String shard = entry.getValue().asText();
              if (!shards.get(shard).names().contains(entry.getKey())) {
                throw broken(String.format(Locale.ROOT, "tensor %s is not in %s, where the index has it", entry.getKey(), shard));
              }
            });
  }

  /** The files that an index names, in the order of their names; they must lie beside it. */
  static List<Path> shards(Path index) {
    JsonNode map = JsonFile.read(index).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw new ModelFormatException(index, ModelFormatException.NO_OFFSET, "there is no weight_map that says which file has which tensor");
    }
    Set<String> names = new TreeSet<>();
    map.forEach(name -> names.add(name.asText()));
    List<Path> shards = new ArrayList<>();
    for (String name : names) {
      if (!name.matches("[A-Za-z0-9_.-]+\\.safetensors") || name.contains("..")) {
        throw new ModelFormatException(
            index, ModelFormatException.NO_OFFSET, String.format(
                Locale.ROOT, "the index names a file '%s'; plain names of safetensors files are allowed",
                name));
      }
      Path shard = index.resolveSibling(name);
      if (!Files.exists(shard)) {
        throw new ModelNotFoundException(
            String.format(Locale.ROOT, "%s names %s, but there is no such file beside it; get the whole model", index, name));
      }
      shards.add(shard);
    }
    return shards;
  }

  @Override
  public Path path() {
    return directory;
  }

  @Override
  public String name(TensorName name) {
    String plain = name.role().huggingFace(architecture, name.layer());
    return name.role() == TensorRole.HEAD ? plain : PREFIX + plain;
  }

  @Override
  public Optional<StoredTensor> find(TensorName name) {
    String full = name(name);
    Optional<StoredTensor> tensor = find(full);
    return tensor.isPresent() || !full.startsWith(PREFIX) ? tensor : find(full.substring(PREFIX.length()));
  }

  private Optional<StoredTensor> find(String name) {
    return Optional.ofNullable(files.get(name)).flatMap(file -> file.tensor(name));
  }

  @Override
  public Set<String> names() {
    return files.keySet();
  }

  /** Old versions saved the frequencies of positions, which they computed anew when loading; towers for images see no text. */
  @Override
  public boolean isHarmless(String name) {
    String plain = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
    return plain.endsWith(".rotary_emb.inv_freq") || plain.startsWith("vision_tower.") || plain.startsWith("multi_modal_projector.");
  }

  @Override
  public HeadKind head() {
    return head;
  }

  @Override
  public float normOffset() {
    return 1;
  }

  private ModelFormatException broken(String problem) {
    return new ModelFormatException(directory, ModelFormatException.NO_OFFSET, problem);
  }
}
