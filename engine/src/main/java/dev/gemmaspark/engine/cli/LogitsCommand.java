package dev.gemmaspark.engine.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gemmaspark.engine.KvCacheType;
import dev.gemmaspark.engine.LogitsProbe;
import dev.gemmaspark.engine.error.GemmaException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "logits",
    description = {
      "What the model makes of given tokens, for comparing it with another implementation.",
      "Lines {\"tokens\": [...], \"greedy\": N} in; lines {\"argmax\": [... after every token], \"last_logits\": [...],"
          + " \"greedy\": [... the next N tokens]} out."
    })
final class LogitsCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(names = "--jsonl", paramLabel = "FILE", description = "Where the lines are (default: standard input).")
  private Path file;

  @Option(
      names = "--chunk",
      paramLabel = "N",
      defaultValue = "512",
      description = "Most tokens of a line in one step (default: ${DEFAULT-VALUE}).")
  private int chunk;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      description = "Lines that run together (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Override
  public Integer call() throws Exception {
    List<LogitsProbe.Query> queries = new ArrayList<>();
    for (JsonNode line : JsonLines.read(file)) {
      queries.add(query(line, queries.size()));
    }
    Terminal terminal = new Terminal(spec.commandLine().getErr());
    PrintWriter out = spec.commandLine().getOut();
    try (LogitsProbe probe = LogitsProbe.open(model.engineOptions(terminal, KvCacheType.F32), chunk, batch)) {
      for (int from = 0; from < queries.size(); from += batch) {
        terminal.count("lines", from, queries.size());
        for (LogitsProbe.Answer answer :
            probe.ask(queries.subList(from, Math.min(from + batch, queries.size())))) {
          out.println(json(answer));
        }
      }
      terminal.clear();
    }
    return 0;
  }

  private static LogitsProbe.Query query(JsonNode line, int index) {
    JsonNode tokens = JsonLines.field(line, "tokens", index);
    int[] ids = new int[tokens.size()];
    for (int i = 0; i < ids.length; i++) {
      if (!tokens.get(i).canConvertToInt()) {
        throw new GemmaException(String.format(Locale.ROOT, "object %d: \"tokens\" must be token ids", index + 1));
      }
      ids[i] = tokens.get(i).asInt();
    }
    return new LogitsProbe.Query(ids, line.path("greedy").asInt(0));
  }

  private static ObjectNode json(LogitsProbe.Answer answer) {
    ObjectNode node = JsonLines.MAPPER.createObjectNode();
    node.putPOJO("argmax", answer.argmax());
    node.putPOJO("last_logits", answer.lastLogits());
    node.putPOJO("greedy", answer.greedy());
    return node;
  }
}
