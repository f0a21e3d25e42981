package dev.gemmaspark.spark.rag;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.util.SerializableConfiguration;
import scala.Tuple2;

/** Where documents come from. */
public sealed interface DocumentSource {
  /** Where, for messages. */
  String place();

  /** All that are there. */
  List<Listed> list() throws IOException;

  /**
   * Documents to read, each list on an executor.
   *
   * @param wanted by whatever they are wanted together for
   */
  JavaPairRDD<Integer, Iterable<Content>> contents(Map<Integer, List<Listed>> wanted);

  /** A folder and those in it; files whose names begin with {@code .} or {@code _} are none. */
  static DocumentSource folder(JavaSparkContext spark, Configuration hadoop, String path) {
    return new Folder(spark, new SerializableConfiguration(hadoop), path);
  }

  /**
   * Rows, each a document.
   *
   * @param place where they come from, for messages
   * @param id the column that names them
   * @param text the column with the documents, in Markdown
   * @param title the column with their titles, or null
   */
  static DocumentSource table(JavaSparkContext spark, Dataset<Row> rows, String place, Column id, Column text, Column title) {
    return new Table(
        spark,
        rows.where(id.isNotNull().and(text.isNotNull()))
            .select(id.cast("string").as("id"), text.as("text"), (title == null ? functions.lit(null) : title).cast("string").as("title")),
        place);
  }

  /** Files. */
  record Folder(JavaSparkContext spark, SerializableConfiguration hadoop, String place) implements DocumentSource {
    @Override
    public List<Listed> list() throws IOException {
      Path root = new Path(place);
      FileSystem fileSystem = root.getFileSystem(hadoop.value());
      List<Listed> all = new ArrayList<>();
      try {
        FileStatus status = fileSystem.getFileStatus(root);
        Path base = status.isFile() ? status.getPath().getParent() : status.getPath();
        for (FileStatus file : "file".equals(fileSystem.getScheme()) ? localFiles(fileSystem, root) : files(fileSystem, root)) {
          String docId = base.toUri().relativize(file.getPath().toUri()).getPath();
          if (isVisible(docId)) {
            all.add(new Listed(docId, file.getPath().toString(), file.getLen(), file.getModificationTime(), null));
          }
        }
      } catch (FileNotFoundException e) {
        throw new DocumentsException("There are no documents at " + place + "; check --documents", e);
      }
      return "file".equals(fileSystem.getScheme()) ? once(all) : all;
    }

    private static List<FileStatus> files(FileSystem fileSystem, Path root) throws IOException {
      List<FileStatus> all = new ArrayList<>();
      RemoteIterator<LocatedFileStatus> files = fileSystem.listFiles(root, true);
      while (files.hasNext()) {
        all.add(files.next());
      }
      return all;
    }

    /** Without the files' permissions, which Hadoop asks of a process of its own for each local file. */
    private static List<FileStatus> localFiles(FileSystem fileSystem, Path root) throws IOException {
      List<FileStatus> all = new ArrayList<>();
      for (FileStatus each : fileSystem.listStatus(root)) {
        if (each.isDirectory()) {
          all.addAll(localFiles(fileSystem, each.getPath()));
        } else {
          all.add(each);
        }
      }
      return all;
    }

    /** Links may lead to a file by many ways, even in circles: it is known by its shortest name. */
    private static List<Listed> once(List<Listed> all) throws IOException {
      List<Listed> sorted = new ArrayList<>(all);
      sorted.sort(Comparator.comparingInt((Listed each) -> each.docId().length()).thenComparing(Listed::docId));
      Map<java.nio.file.Path, Listed> files = new LinkedHashMap<>();
      for (Listed each : sorted) {
        files.putIfAbsent(java.nio.file.Path.of(new Path(each.uri()).toUri().getPath()).toRealPath(), each);
      }
      return List.copyOf(files.values());
    }

    private static boolean isVisible(String docId) {
      for (String part : docId.split("/")) {
        if (part.startsWith(".") || part.startsWith("_")) {
          return false;
        }
      }
      return true;
    }

    @Override
    public JavaPairRDD<Integer, Iterable<Content>> contents(Map<Integer, List<Listed>> wanted) {
      List<Tuple2<Integer, List<Listed>>> lists = new ArrayList<>();
      wanted.forEach((key, list) -> lists.add(new Tuple2<>(key, list)));
      SerializableConfiguration configuration = hadoop;
      return spark
          .parallelizePairs(lists, Math.max(1, lists.size()))
          .mapValues(list -> list.stream().<Content>map(listed -> new FileContent(listed, configuration)).toList());
    }
  }

  /** A file that is read when it is its turn. */
  record FileContent(Listed listed, SerializableConfiguration hadoop) implements Content {
    private static final long serialVersionUID = 1L;

    @Override
    public String title() {
      return null;
    }

    @Override
    public String fileName() {
      return new Path(listed.uri()).getName();
    }

    @Override
    public byte[] read() throws IOException {
      Path path = new Path(listed.uri());
      if ("file".equals(path.toUri().getScheme()) && !Files.isRegularFile(java.nio.file.Path.of(path.toUri().getPath()))) {
        throw new IOException("it is no file that ends, but a pipe or a device");
      }
      try (InputStream in = path.getFileSystem(hadoop.value()).open(path)) {
        return in.readAllBytes();
      }
    }
  }

  /** Rows. */
  record Table(JavaSparkContext spark, Dataset<Row> rows, String place) implements DocumentSource {
    @Override
    public List<Listed> list() {
      Map<String, Listed> all = new TreeMap<>();
      Dataset<Row> listed =
          rows.select(
              functions.col("id"),
              functions.octet_length(functions.col("text")),
              functions.sha2(functions.concat_ws("\u0000", functions.col("title"), functions.col("text")), 256));
      for (Row row : listed.collectAsList()) {
        Listed one = new Listed(row.getString(0), place + "#" + row.getString(0), row.getInt(1), 0, row.getString(2));
        if (all.put(one.docId(), one) != null) {
          throw new DocumentsException(String.format(Locale.ROOT, "The documents of %s have the id '%s' more than once; ids must be different",
              place, one.docId()), null);
        }
      }
      return List.copyOf(all.values());
    }

    @Override
    public JavaPairRDD<Integer, Iterable<Content>> contents(Map<Integer, List<Listed>> wanted) {
      Map<String, Tuple2<Integer, Listed>> places = new TreeMap<>();
      wanted.forEach((key, list) -> list.forEach(listed -> places.put(listed.docId(), new Tuple2<>(key, listed))));
      Set<String> ids = Set.copyOf(places.keySet());
      return rows.toJavaRDD()
          .filter(row -> ids.contains(row.getString(0)))
          .mapToPair(
              row -> {
                Tuple2<Integer, Listed> place = places.get(row.getString(0));
                return new Tuple2<Integer, Content>(place._1(), new RowContent(place._2(), row.getString(1), row.getString(2)));
              })
          .groupByKey();
    }
  }

  /** A row. */
  record RowContent(Listed listed, String text, String title) implements Content {
    private static final long serialVersionUID = 1L;

    @Override
    public String fileName() {
      return "row.md";
    }

    @Override
    public byte[] read() {
      return text.getBytes(StandardCharsets.UTF_8);
    }
  }
}
