package dev.gemmaspark.spark.app;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PushbackReader;
import java.io.Reader;
import java.io.Serializable;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.compress.CompressionCodec;
import org.apache.hadoop.io.compress.CompressionCodecFactory;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Looks for quotes of CSV files that are not closed where their value ends: a reader whose values may have several lines takes all up to the
 * next quote, wherever that is, for one value, and rows are gone without a word.
 *
 * @param escape stands before a quote within a value; often a quote itself
 * @param skipsBlanks whether a quote behind blanks begins a value
 */
record CsvQuotes(char delimiter, char quote, char escape, boolean skipsBlanks, String encoding) implements Serializable {
  private static final long serialVersionUID = 1L;

  /** By the options of Spark's reader; nothing where values have one line, or no quotes. */
  static Optional<CsvQuotes> of(Map<String, String> options) {
    String quote = options.getOrDefault("quote", "\"");
    if (quote.isEmpty() || !Boolean.parseBoolean(options.get("multiLine"))) {
      return Optional.empty();
    }
    return Optional.of(
        new CsvQuotes(
            options.getOrDefault("delimiter", options.getOrDefault("sep", ",")).charAt(0),
            quote.charAt(0),
            options.getOrDefault("escape", "\\").charAt(0),
            Boolean.parseBoolean(options.get("ignoreLeadingWhiteSpace")),
            options.getOrDefault("encoding", options.getOrDefault("charset", "UTF-8"))));
  }

  /**
   * Reads files, each in a task.
   *
   * @throws UsageException if one has such a quote
   */
  void check(SparkSession spark, List<String> files) {
    SerializableConfiguration hadoop = new SerializableConfiguration(spark.sessionState().newHadoopConf());
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    List<String> wrong =
        context.parallelize(files, Math.max(1, files.size())).map(file -> problem(hadoop.value(), file)).filter(Objects::nonNull).take(1);
    if (!wrong.isEmpty()) {
      throw new UsageException(wrong.getFirst() + "; mend it, or say --input-option multiLine=false, which takes every line for a row");
    }
  }

  /** What is wrong with a file, or NULL: of its path, as Spark's {@code _metadata} has it. Reads a file once for all its rows that a task has. */
  UserDefinedFunction problem(SparkSession spark) {
    SerializableConfiguration hadoop = new SerializableConfiguration(spark.sessionState().newHadoopConf());
    return functions.udf(new FileProblem(this, hadoop), DataTypes.StringType);
  }

  private static final class FileProblem implements UDF1<String, String> {
    private static final long serialVersionUID = 1L;

    private final CsvQuotes quotes;
    private final SerializableConfiguration hadoop;
    private transient String file;
    private transient String problem;

    FileProblem(CsvQuotes quotes, SerializableConfiguration hadoop) {
      this.quotes = quotes;
      this.hadoop = hadoop;
    }

    @Override
    public synchronized String call(String path) throws IOException {
      if (!path.equals(file)) {
        problem = quotes.problem(hadoop.value(), path);
        file = path;
      }
      return problem;
    }
  }

  private String problem(Configuration hadoop, String file) throws IOException {
    Path path = new Path(URI.create(file));
    CompressionCodec codec = new CompressionCodecFactory(hadoop).getCodec(path);
    try (InputStream in = path.getFileSystem(hadoop).open(path);
        Reader reader = new InputStreamReader(codec == null ? in : codec.createInputStream(in), encoding)) {
      long line = wrongLine(reader);
      return line < 0 ? null : String.format(Locale.ROOT, "Line %d of %s has a quote that is not closed where its value ends", line, path);
    }
  }

  /** The line of the first such quote, from 1, or -1 if there is none. */
  long wrongLine(Reader text) throws IOException {
    PushbackReader in = new PushbackReader(new BufferedReader(text));
    long line = 1;
    long opened = 0;
    boolean quoted = false;
    boolean atStart = true;
    for (int c = in.read(); c >= 0; c = in.read()) {
      if (c == '\n') {
        line++;
      }
      if (!quoted) {
        if (atStart && c == quote) {
          quoted = true;
          opened = line;
        }
        atStart = c == delimiter || c == '\n' || c == '\r' || (atStart && skipsBlanks && c == ' ');
      } else if (c == escape && c != quote) {
        int next = in.read();
        if (next == '\n') {
          line++;
        }
      } else if (c == quote) {
        int next = in.read();
        if (next == quote && escape == quote) {
          continue;
        }
        if (next >= 0 && next != delimiter && next != '\n' && next != '\r' && next != ' ') {
          return opened;
        }
        if (next >= 0) {
          in.unread(next);
        }
        quoted = false;
        atStart = false;
      }
    }
    return quoted ? opened : -1;
  }
}
