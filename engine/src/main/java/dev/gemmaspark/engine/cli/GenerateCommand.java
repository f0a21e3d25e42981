package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.Prompt;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(name = "generate", description = "Complete one prompt, and print the text as it is made.")
final class GenerateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private SamplingOptions sampling;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "What to answer (default: standard input).")
  private String prompt;

  @Option(names = "--system", paramLabel = "TEXT", description = "Instructions that come before the prompt.")
  private String system;

  @Option(names = "--raw", description = "Continue the text as it stands, without chat turns.")
  private boolean raw;

  @Option(names = "--stats", description = "Print times and counts to standard error.")
  private boolean stats;

  @Override
  public Integer call() throws Exception {
    if (raw && system != null) {
      throw new ParameterException(spec.commandLine(), "--system needs chat turns; it cannot go with --raw");
    }
    GenerationRequest request =
        GenerationRequest.of(prompt()).with(sampling.sampling()).with(sampling.stopConditions());
    Terminal terminal = new Terminal(spec.commandLine().getErr());
    try (GemmaEngine engine = open(model.engineOptions(terminal))) {
      terminal.clear();
      Streaming.Timed timed = Streaming.run(engine, request, spec.commandLine().getOut());
      if (stats) {
        spec.commandLine()
            .getErr()
            .printf(Locale.ROOT, "loaded in %.2f s; %s%n", engine.model().loadNanos() / 1e9, timed.summary());
      }
    }
    return 0;
  }

  private GemmaEngine open(EngineOptions options) {
    return raw ? GemmaEngine.open(options) : GemmaEngine.openForChat(options);
  }

  private static String standardInput() throws IOException {
    // nobody who only forgot the prompt should have to find out why nothing happens
    boolean terminal = System.console() != null && System.console().isTerminal();
    return terminal ? "" : new String(System.in.readAllBytes(), StandardCharsets.UTF_8).strip();
  }

  private Prompt prompt() throws Exception {
    String text = prompt != null ? prompt : standardInput();
    if (text.isBlank()) {
      throw new ParameterException(spec.commandLine(), "There is no prompt; give one with --prompt TEXT, or pipe a text to standard input");
    }
    if (raw) {
      return new Prompt.Raw(text);
    }
    List<ChatTurn> turns = new ArrayList<>();
    if (system != null) {
      turns.add(ChatTurn.system(system));
    }
    turns.add(ChatTurn.user(text));
    return new Prompt.Chat(turns);
  }
}
