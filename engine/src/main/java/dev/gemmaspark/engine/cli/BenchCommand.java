package dev.gemmaspark.engine.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.gemmaspark.engine.Benchmark;
import dev.gemmaspark.engine.EngineOptions;
import dev.gemmaspark.engine.ModelIdentity;
import dev.gemmaspark.engine.error.GemmaException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
    name = "bench",
    description = {
      "How fast a model runs here, against what the machine allows: prefill of one sequence, and decoding of several.",
      "The roofline is the time that the machine's peaks, measured in the same run, allow at best."
    })
final class BenchCommand implements Callable<Integer> {
  /** A peak below what the model reached was measured wrongly, and so is every fraction. */
  private static final double IMPOSSIBLE_FRACTION = 1.02;

  @Spec private CommandSpec spec;
  @Mixin private ModelOptions model;

  @Option(
      names = "--synthetic",
      paramLabel = "SHAPE",
      description = "Random weights in the shape of Gemma 2 2b or 9b, instead of a model file.")
  private String synthetic;

  @Option(
      names = "--type",
      paramLabel = "T",
      defaultValue = "Q4_0",
      description = "Of synthetic weights: a type that the engine runs, or Q4_K_M (default: ${DEFAULT-VALUE}).")
  private String type;

  @Option(
      names = "--prompt-tokens",
      paramLabel = "N",
      defaultValue = "512",
      description = "Tokens of the prefill (default: ${DEFAULT-VALUE}).")
  private int promptTokens;

  @Option(
      names = "--generate-tokens",
      paramLabel = "N",
      defaultValue = "32",
      description = "Steps of a decode (default: ${DEFAULT-VALUE}).")
  private int generateTokens;

  @Option(
      names = "--depth",
      paramLabel = "N",
      defaultValue = "0",
      description = "Positions before a decode starts (default: ${DEFAULT-VALUE}).")
  private int depth;

  @Option(
      names = "--batch",
      paramLabel = "N",
      split = ",",
      defaultValue = "1,16",
      description = "Sequences that decode together (default: ${DEFAULT-VALUE}).")
  private List<Integer> batches;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    Terminal terminal = new Terminal(spec.commandLine().getErr());
    EngineOptions options = model.engineOptions(terminal);
    if (synthetic != null && spec.commandLine().getParseResult().hasMatchedOption("--model")) {
      throw new ParameterException(spec.commandLine(), "--synthetic takes the place of --model; name one of them");
    }
    Benchmark.Plan plan = new Benchmark.Plan(promptTokens, generateTokens, depth, batches);
    Benchmark.Report report =
        synthetic == null ? Benchmark.run(options, plan) : Benchmark.runSynthetic(options, synthetic, type, plan);
    terminal.clear();
    PrintWriter out = spec.commandLine().getOut();
    String name =
        synthetic == null ? ModelIdentity.of(options).name() : "synthetic " + synthetic + " " + type;
    if (json) {
      out.println(json(report, name));
    } else {
      table(report, name, out);
    }
    out.flush();
    for (Benchmark.Result result : report.results()) {
      if (result.rooflineFraction() > IMPOSSIBLE_FRACTION) {
        throw new GemmaException(
            String.format(
                Locale.ROOT, "%s of %d ran at %.2f of the machine's peak, so the peak was measured wrongly; is something else running? Try again",
                result.phase(), result.batch(), result.rooflineFraction()));
      }
    }
    return 0;
  }

  private static void table(Benchmark.Report report, String name, PrintWriter out) {
    out.printf(
        Locale.ROOT, "machine  %d threads, vectors of %d bits, FMA %.0f GFLOP/s, reading %.1f GB/s, Java %s%n",
        report.threads(), report.vectorBits(), report.fmaGflops(), report.readGbPerSecond(), Runtime.version());
    out.printf(
        Locale.ROOT, "model    %s, %s, %.2f GB, loaded in %.2f s%n%n", name, report.types(), report.bytes() / 1e9, report.loadSeconds());
    out.printf(Locale.ROOT, "%-8s %6s %7s %7s %11s %9s %7s %9s%n", "phase", "batch", "prompt", "depth", "tokens/s", "GFLOP/s", "GB/s", "roofline");
    for (Benchmark.Result result : report.results()) {
      out.printf(
          Locale.ROOT, "%-8s %6d %7d %7d %11.2f %9.1f %7.1f %9.2f%n",
          result.phase(),
          result.batch(),
          result.promptTokens(),
          result.depth(),
          result.tokensPerSecond(),
          result.gflops(),
          result.gbPerSecond(),
          result.rooflineFraction());
    }
  }

  private static ObjectNode json(Benchmark.Report report, String name) {
    ObjectNode root = JsonLines.MAPPER.createObjectNode();
    root.putObject("machine")
        .put("threads", report.threads())
        .put("vectorBits", report.vectorBits())
        .put("fmaGflops", report.fmaGflops())
        .put("readGbPerSecond", report.readGbPerSecond())
        .put("java", Runtime.version().toString());
    root.putObject("model").put("name", name).put("type", report.types()).put("bytes", report.bytes());
    root.put("loadSeconds", report.loadSeconds());
    ArrayNode results = root.putArray("results");
    for (Benchmark.Result result : report.results()) {
      results
          .addObject()
          .put("phase", result.phase())
          .put("batch", result.batch())
          .put("promptTokens", result.promptTokens())
          .put("depth", result.depth())
          .put("tokensPerSecond", result.tokensPerSecond())
          .put("gflops", result.gflops())
          .put("gbPerSecond", result.gbPerSecond())
          .put("rooflineFraction", result.rooflineFraction());
    }
    return root;
  }
}
