package dev.gemmaspark.engine.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.ModelSource;
import dev.gemmaspark.engine.TokenCounter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "tokenize",
    description = {
      "Text to token ids, without <bos>. The weights are not read.",
      "Lines {\"text\": ...} in; lines {\"ids\": [...]} out."
    })
final class TokenizeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @ArgGroup private Source source = new Source();

  @Option(names = "--jsonl", paramLabel = "FILE", description = "Where the lines are (default: standard input).")
  private Path file;

  @Option(
      names = "--control-tokens",
      description = "Let the text of a control token, such as <start_of_turn>, be that token; else it is ordinary text.")
  private boolean controlTokens;

  private static final class Source {
    @Option(
        names = "--model",
        paramLabel = "M",
        description = "A GGUF file, a Hugging Face directory, or 'demo' for the small model that comes along (default: demo).")
    private String model = ModelSource.DEMO;

    @Option(
        names = "--tokenizer",
        paramLabel = "FILE",
        description = "A tokenizer.json of Hugging Face, or a tokenizer.model of SentencePiece.")
    private Path tokenizer;
  }

  @Override
  public Integer call() throws Exception {
    TokenCounter counter =
        source.tokenizer != null
            ? TokenCounter.ofTokenizer(source.tokenizer)
            : TokenCounter.ofModel(EngineOptions.forModel(source.model));
    List<JsonNode> lines = JsonLines.read(file);
    PrintWriter out = spec.commandLine().getOut();
    for (int i = 0; i < lines.size(); i++) {
      String text = JsonLines.field(lines.get(i), "text", i).asText();
      int[] ids = controlTokens ? counter.idsWithControlTokens(text) : counter.ids(text);
      out.println(JsonLines.MAPPER.createObjectNode().putPOJO("ids", ids));
    }
    return 0;
  }
}
