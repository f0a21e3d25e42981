package dev.gemmaspark.engine.cli;

import dev.gemmaspark.engine.GemmaEngine;
import dev.gemmaspark.engine.chat.ChatTurn;
import dev.gemmaspark.engine.error.GemmaException;
import dev.gemmaspark.engine.generation.GenerationRequest;
import dev.gemmaspark.engine.generation.Prompt;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "chat",
    description = "A conversation: one line is one turn; end it with Ctrl-D. A line '/new' forgets what was said.")
final class ChatCommand implements Callable<Integer> {
  private static final String FORGET = "/new";

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;
  @Mixin private SamplingOptions sampling;

  @Option(names = "--system", paramLabel = "TEXT", description = "Instructions for the whole conversation.")
  private String system;

  @Override
  public Integer call() throws Exception {
    PrintWriter err = spec.commandLine().getErr();
    Terminal terminal = new Terminal(err);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (GemmaEngine engine = GemmaEngine.openForChat(model.engineOptions(terminal))) {
      terminal.clear();
      List<ChatTurn> turns = opening();
      for (String line = ask(in, err, terminal); line != null; line = ask(in, err, terminal)) {
        if (line.strip().equals(FORGET)) {
          turns = opening();
        } else if (!line.isBlank()) {
          answer(engine, turns, line);
        }
      }
    }
    return 0;
  }

  private List<ChatTurn> opening() {
    List<ChatTurn> turns = new ArrayList<>();
    if (system != null) {
      turns.add(ChatTurn.system(system));
    }
    return turns;
  }

  private static String ask(BufferedReader in, PrintWriter err, Terminal terminal) throws Exception {
    if (terminal.isInteractive()) {
      err.print("> ");
      err.flush();
    }
    return in.readLine();
  }

  /** A turn that cannot be answered is not part of the conversation. */
  private void answer(GemmaEngine engine, List<ChatTurn> turns, String line) throws Exception {
    turns.add(ChatTurn.user(line));
    GenerationRequest request =
        GenerationRequest.of(new Prompt.Chat(turns)).with(sampling.sampling()).with(sampling.stopConditions());
    try {
      Streaming.Timed timed = Streaming.run(engine, request, spec.commandLine().getOut());
      turns.add(ChatTurn.model(timed.completion().text()));
    } catch (GemmaException e) {
      turns.removeLast();
      spec.commandLine().getErr().println(e.getMessage() + " ('" + FORGET + "' starts anew)");
    }
  }
}
