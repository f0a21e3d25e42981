package dev.gemmaspark.engine;

import dev.gemmaspark.engine.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * Which model an engine runs.
 *
 * @param location {@link #DEMO}, or the path of a GGUF file or of a Hugging Face directory
 * @param quantization the type, or the mix of types, that the weights are brought to while loading, such as {@code Q4_K} or {@code Q4_K_M};
 *     empty for the file's own
 * @param lora the directory of a LoRA adapter that is merged while loading
 * @param sha256 the checksum that the model must have
 * @param chatTemplate to use in place of the model's own
 */
public record ModelSource(
    String location,
    Optional<String> quantization,
    Optional<Path> lora,
    Optional<String> sha256,
    Optional<ChatTemplate> chatTemplate) {
  /** The name of the model that the jar brings along. */
  public static final String DEMO = "demo";

  public ModelSource {
    Objects.requireNonNull(location, "location");
    Objects.requireNonNull(quantization, "quantization");
    Objects.requireNonNull(lora, "lora");
    Objects.requireNonNull(sha256, "sha256");
    Objects.requireNonNull(chatTemplate, "chatTemplate");
  }

  /** A model as its files have it. */
  public static ModelSource of(String location) {
    return new ModelSource(location, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
  }

  public boolean isDemo() {
    return location.equals(DEMO);
  }

  public ModelSource withQuantization(String value) {
    return new ModelSource(location, Optional.of(value), lora, sha256, chatTemplate);
  }

  public ModelSource withLora(Path value) {
    return new ModelSource(location, quantization, Optional.of(value), sha256, chatTemplate);
  }

  public ModelSource withSha256(String value) {
    return new ModelSource(location, quantization, lora, Optional.of(value), chatTemplate);
  }

  public ModelSource withChatTemplate(ChatTemplate value) {
    return new ModelSource(location, quantization, lora, sha256, Optional.of(value));
  }
}
