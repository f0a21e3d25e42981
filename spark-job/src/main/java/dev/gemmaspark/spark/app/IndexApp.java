package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.rag.PassageIndex;
import java.io.PrintWriter;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkUserAppException;
import org.apache.spark.sql.SparkSession;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Brings an index of documents up to date. */
@Command(
    name = "index",
    description = {
      "Index documents for 'answer': cut them into passages, and write what is searched.",
      "A second run does what has changed, and no more."
    },
    mixinStandardHelpOptions = true,
    version = "gemma-spark 0.1.0")
public final class IndexApp extends Application {
  @picocli.CommandLine.Mixin private IndexOptions options;

  @Option(names = "--index", paramLabel = "PATH", required = true, description = "The folder of the index.")
  private String index;

  @Option(names = "--model", paramLabel = "M", description = {GenerationOptions.MODELS + ".", "Passages are measured in its tokens (default: spark.gemma.model, else demo)."})
  private String model;

  /** For spark-submit. */
  public static void main(String[] arguments) throws SparkUserAppException {
    Application.main(new IndexApp(), arguments);
  }

  @Override
  void check() {
    if (!options.hasDocuments()) {
      throw new UsageException("Which documents? Name them with --documents");
    }
  }

  @Override
  void run(SparkSession spark, PrintWriter out) throws Exception {
    Configuration hadoop = spark.sessionState().newHadoopConf();
    options.requireApart(hadoop, "--index", index);
    OutputOptions.requireNoFile(hadoop, "--index", index);
    if (model != null) {
      spark.conf().set(GemmaConf.MODEL.name(), model);
    }
    GemmaConf conf = conf(spark);
    options.update(spark, conf, new PassageIndex(spark, conf, index), out);
  }
}
