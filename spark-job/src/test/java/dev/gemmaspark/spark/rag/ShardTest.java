package dev.gemmaspark.spark.rag;

import static org.assertj.core.api.Assertions.assertThat;

import dev.gemmaspark.spark.rag.Shard.Bm25;
import dev.gemmaspark.spark.rag.Shard.Frequency;
import dev.gemmaspark.spark.rag.Shard.Hit;
import dev.gemmaspark.spark.rag.Shard.Statistics;
import dev.gemmaspark.spark.rag.Shard.TitledPassage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranking: that of one index, however many shards there are. */
class ShardTest {
  private static final PassageAnalyzer ANALYZER = new PassageAnalyzer(Language.ENGLISH);

  @TempDir Path folder;

  @Test
  void shardsRankAsOneIndexDoes() throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(17);
    for (int round = 0; round < 4; round++) {
      List<TitledPassage> passages = new ArrayList<>();
      for (int i = 0; i < 400; i++) {
        passages.add(passage(i, "doc" + i % 130, text(random)));
      }
      List<String> questions = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        questions.add(text(random));
      }
      // a term of one passage alone, and one of none
      passages.add(passage(1000, "rare", "zanzibar w1 w2"));
      questions.add("zanzibar w1");
      questions.add("nowhere");
      List<List<Hit>> one = search(round + "-one", List.of(passages), questions);
      assertThat(one.get(40).getFirst().passage().docId()).isEqualTo("rare");
      assertThat(one.get(41)).isEmpty();
      for (int shards : new int[] {2, 7}) {
        List<List<TitledPassage>> cut = new ArrayList<>();
        for (int i = 0; i < shards + 1; i++) {
          cut.add(new ArrayList<>());
        }
        // the last stays empty
        passages.forEach(each -> cut.get(Math.floorMod(each.passage().docId().hashCode(), shards)).add(each));
        List<List<Hit>> many = search(round + "-" + shards, cut, questions);
        for (int q = 0; q < questions.size(); q++) {
          assertThat(many.get(q)).extracting(hit -> hit.passage().chunkId()).isEqualTo(one.get(q).stream().map(hit -> hit.passage().chunkId()).toList());
          for (int i = 0; i < many.get(q).size(); i++) {
            assertThat(many.get(q).get(i).score()).isCloseTo(one.get(q).get(i).score(), org.assertj.core.api.Assertions.within(1e-5f));
          }
        }
      }
    }
  }

  @Test
  void identifiersAreWordsAndAPassageWithoutThemIsNoEvidence() throws Exception {
    List<TitledPassage> passages =
        List.of(
            passage(1, "a", "Ticket T-76537 is about a lamp."),
            passage(2, "b", "Ticket T-11111 is about a lamp, another lamp and a lamp."),
            passage(3, "c", "Lamps are bright. Order 99."));
    List<String> questions = List.of("What is T-76537 about? lamp lamp", "Who opened T-99999 about the lamp?", "ticket 11111?", "order 99 lamp", "INC-76537 lamp");
    List<List<Hit>> found = search("ids", List.of(passages), questions);
    assertThat(documents(found.get(0))).containsExactly("a");
    assertThat(documents(found.get(1))).isEmpty();
    assertThat(documents(found.get(2))).containsExactly("b");
    assertThat(documents(found.get(3))).startsWith("c").hasSize(3);
    // the same number of something else
    assertThat(documents(found.get(4))).isEmpty();
  }

  @Test
  void commonWordsWithDigitsDoNotDecideThatThereIsNoEvidence() throws Exception {
    List<TitledPassage> passages =
        List.of(
            passage(1, "a", "The lamp was sold in the third quarter, on 12 March 2024, at 17:00."),
            passage(2, "b", "Hospitals closed in the pandemic. Lamps stayed on."));
    List<String> questions =
        List.of(
            "Was the lamp the 2nd thing sold?", "Was the lamp sold at 5pm?", "Was the lamp sold in Q3?", "Did hospitals close for COVID-19?",
            "Was the lamp made in the 1990s?", "Was the lamp sold on 2024-03-12?", "Was the lamp sold for 1,000,000 euros?", "Is the lamp's sum SHA256?");
    for (List<Hit> hits : search("common", List.of(passages), questions)) {
      assertThat(hits).isNotEmpty();
    }
  }

  @Test
  void theNumberInsideANameIsNoNameOfItsOwn() throws Exception {
    List<TitledPassage> passages = List.of(passage(1, "a", "INC-2023-76537 was about a lamp."), passage(2, "b", "INC-2024-11111 was about a lamp."));
    List<List<Hit>> found =
        search("parts", List.of(passages), List.of("What was INC-2024-76537 about? A lamp?", "What was INC-2023-76537 about?", "And 76537?"));
    assertThat(documents(found.get(0))).isEmpty();
    assertThat(documents(found.get(1))).containsExactly("a");
    assertThat(documents(found.get(2))).containsExactly("a");
  }

  @Test
  void whatIsSyntaxToLuceneIsPlainText() throws Exception {
    List<TitledPassage> passages = List.of(passage(1, "a", "regex and field are words"));
    String endless = String.join(" ", Stream.iterate(0, i -> i + 1).limit(5000).map(i -> "word" + i).toList());
    List<List<Hit>> found =
        search("syntax", List.of(passages), List.of("*:*", "/.*/", "searched:regex AND (", "\"unclosed", "~ ^ [a TO b}", "the of and", endless, ""));
    assertThat(found.get(0)).isEmpty();
    assertThat(found.get(1)).isEmpty();
    assertThat(documents(found.get(2))).containsExactly("a");
    assertThat(found.subList(3, 8)).allMatch(List::isEmpty);
    assertThat(ANALYZER.terms(endless)).hasSize(PassageAnalyzer.MOST_TERMS);
  }

  private static List<String> documents(List<Hit> hits) {
    return hits.stream().map(hit -> hit.passage().docId()).toList();
  }

  private static TitledPassage passage(int id, String document, String text) {
    return new TitledPassage(new Passage(String.format(Locale.ROOT, "%08d", id * 7919 % 100_003), document, 0, 0, text.length(), "", text, 3), "");
  }

  private static String text(RandomGenerator random) {
    StringBuilder text = new StringBuilder();
    for (int length = 1 + random.nextInt(30); length > 0; length--) {
      // few words are frequent, many are rare
      text.append('w').append((char) ('a' + (int) (26 * Math.pow(random.nextDouble(), 3)))).append((char) ('a' + random.nextInt(4))).append(' ');
    }
    return text.toString();
  }

  private List<List<Hit>> search(String name, List<List<TitledPassage>> cut, List<String> questions) throws IOException {
    List<Shard> shards = new ArrayList<>();
    Statistics all = Statistics.NONE;
    Map<String, Frequency> frequencies = new HashMap<>();
    List<String> terms = questions.stream().flatMap(question -> ANALYZER.terms(question).stream()).distinct().toList();
    for (int i = 0; i < cut.size(); i++) {
      Path place = folder.resolve(name + "-" + i);
      try (Shard.Writer writer = new Shard.Writer(place, ANALYZER)) {
        for (TitledPassage each : cut.get(i)) {
          writer.add(each);
        }
      }
      Shard shard = Shard.open(place);
      shards.add(shard);
      all = all.plus(shard.statistics());
      shard.frequencies(terms).forEach((term, frequency) -> frequencies.merge(term, frequency, Frequency::plus));
    }
    List<List<Hit>> found = new ArrayList<>();
    for (String question : questions) {
      List<Hit> merged = new ArrayList<>();
      for (Shard shard : shards) {
        merged.addAll(shard.search(all, frequencies, Bm25.DEFAULT).best(ANALYZER.terms(question), 10));
      }
      found.add(merged.stream().sorted(Hit.BEST_FIRST).limit(10).toList());
    }
    for (Shard shard : shards) {
      shard.close();
    }
    return found;
  }
}
