package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.conf.GemmaConf;
import dev.gemmaspark.spark.executor.ExecutorTokenizer;
import dev.gemmaspark.spark.executor.ModelLocation;
import dev.gemmaspark.spark.rag.IndexManifest.ShardFile;
import java.io.IOException;
import java.io.OutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.apache.hadoop.fs.Path;
import org.apache.spark.util.SerializableConfiguration;

/** Builds shards, on executors. */
record ShardBuilder(SerializableConfiguration hadoop, String index, GemmaConf conf, PassageIndex.Rules rules) implements Serializable {
  private static final long serialVersionUID = 1L;

  record Built(ShardFile file, List<DocumentResult> documents) implements Serializable {
    private static final long serialVersionUID = 1L;
  }

  record DocumentResult(
      Listed listed, String sha256, String mime, String title, String status, String error, int passages, int removedHiddenCharacters)
      implements Serializable {
    private static final long serialVersionUID = 1L;
  }

  Built build(int number, Iterable<Content> contents) throws IOException {
    java.nio.file.Path local = ShardFiles.temporary(ModelLocation.cacheDirectory(conf));
    try {
      List<DocumentResult> documents = new ArrayList<>();
      try (Shard.Writer writer = new Shard.Writer(local, new PassageAnalyzer(rules.language()))) {
        PassageSplitter splitter = new PassageSplitter(ExecutorTokenizer.get(conf)::count, rules.sizes());
        for (Content content : contents) {
          documents.add(write(content, splitter, writer));
        }
      }
      return new Built(publish(number, local), documents);
    } finally {
      ShardFiles.delete(local);
    }
  }

  private static DocumentResult write(Content content, PassageSplitter splitter, Shard.Writer writer) throws IOException {
    DocumentReader.Outcome outcome = DocumentReader.read(content);
    List<Passage> passages = outcome.document().map(document -> splitter.split(content.listed().docId(), document)).orElse(List.of());
    String title = outcome.document().map(ParsedDocument::title).orElse(null);
    for (Passage passage : passages) {
      writer.add(new Shard.TitledPassage(passage, title));
    }
    return new DocumentResult(
        content.listed(), outcome.sha256(), outcome.mime(), title, outcome.status().name(), outcome.error(), passages.size(),
        outcome.document().map(ParsedDocument::removedHiddenCharacters).orElse(0));
  }

  private ShardFile publish(int number, java.nio.file.Path local) throws IOException {
    Shard.Statistics statistics;
    try (Shard shard = Shard.open(local)) {
      statistics = shard.statistics();
    }
    // by a name of its own: a task that is tried twice, or in two places at once, does no harm
    String name = String.format(Locale.ROOT, "shard-%05d-%s.zip", number, UUID.randomUUID());
    Path target = IndexManifest.shard(new Path(index), name);
    try (OutputStream out = target.getFileSystem(hadoop.value()).create(target, false)) {
      ShardFiles.pack(local, out);
    }
    return new ShardFile(number, name, (int) statistics.passages(), statistics.terms(), statistics.pairs());
  }
}
