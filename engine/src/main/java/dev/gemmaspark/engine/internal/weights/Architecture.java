package dev.gemmaspark.engine.internal.weights;

/** The families of Gemma that differ in their forward pass. */
public enum Architecture {
  /** Gemma 1: no soft caps, no sliding window, no post norms. */
  GEMMA1("gemma"),
  /** Gemma 2: soft caps, a sliding window on even layers, norms after attention and feed-forward. */
  GEMMA2("gemma2");

  private final String label;

  Architecture(String label) {
    this.label = label;
  }

  /** The name that GGUF's {@code general.architecture} and Hugging Face's {@code model_type} have for it. */
  public String label() {
    return label;
  }
}
