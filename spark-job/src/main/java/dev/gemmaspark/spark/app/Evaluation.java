package dev.gemmaspark.spark.app;

import dev.gemmaspark.spark.rag.Citations;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;

/**
 * How good answers are, retrieval and generation apart: one number would hide which of them is to blame. Recall and mean reciprocal rank as trec_eval
 * has them, token F1 as SQuAD, citation precision and recall after ALCE (arXiv 2305.14627), with the known source for the judge.
 *
 * @param rows of the table: a name, and a figure for each kind of question
 */
record Evaluation(List<String> kinds, Map<String, List<Double>> rows) {
  /** Ranks that count for the mean reciprocal rank. */
  private static final int DEEPEST_RANK = 10;

  /**
   * A question, what is known of its answer, and what was answered.
   *
   * @param kind {@code answerable}, or why there is no answer
   * @param answer that is expected; null if none is known
   * @param source document that has it; null if none has
   * @param retrieved documents, best first
   * @param shown of them, those that the model was shown
   * @param said the answer, null if there is none
   * @param status of {@link AnswerTable.Status}
   * @param cited documents by their markers; null for markers that are wrong
   */
  record Item(String kind, String answer, String source, List<String> retrieved, int shown, String said, String status, List<String> cited) {
    boolean isAnswerable() {
      return source != null;
    }

    int rank() {
      return retrieved.indexOf(source) + 1;
    }

    boolean isFound() {
      return rank() > 0 && rank() <= shown;
    }

    boolean isAbstention() {
      return status.equals(AnswerTable.Status.NO_EVIDENCE.name());
    }

    boolean isExact() {
      return !isAbstention() && said != null && answer != null && normal(said).equals(normal(answer));
    }

    boolean isCitedRight() {
      return !cited.isEmpty() && cited.stream().allMatch(source::equals);
    }

    double f1() {
      List<String> want = words(answer);
      List<String> have = said == null ? List.of() : words(said);
      Map<String, Integer> left = new HashMap<>();
      want.forEach(word -> left.merge(word, 1, Integer::sum));
      long common = have.stream().filter(word -> left.merge(word, -1, Integer::sum) >= 0).count();
      return common == 0 ? 0 : 2.0 * common / (want.size() + have.size());
    }

    private static List<String> words(String text) {
      return Arrays.stream(normal(text).split("[^\\p{L}\\p{N}]+")).filter(word -> !word.isEmpty()).toList();
    }

    private static String normal(String text) {
      return Citations.withoutMarkers(text).toLowerCase(Locale.ROOT);
    }
  }

  static Evaluation of(List<Item> items, int depth) {
    List<String> kinds = new ArrayList<>(List.of("all"));
    items.stream().map(Item::kind).distinct().sorted().forEach(kinds::add);
    Map<String, List<Double>> rows = new LinkedHashMap<>();
    for (String kind : kinds) {
      List<Item> of = items.stream().filter(item -> kind.equals("all") || item.kind.equals(kind)).toList();
      List<Item> answerable = of.stream().filter(Item::isAnswerable).toList();
      List<Item> found = answerable.stream().filter(Item::isFound).toList();
      List<Item> answered = of.stream().filter(item -> item.status.equals(AnswerTable.Status.ANSWERED.name())).toList();
      List<Item> citing = answered.stream().filter(item -> !item.cited.isEmpty()).toList();
      add(rows, "questions", of.size());
      add(rows, "recall@1", share(answerable, item -> item.rank() == 1));
      if (depth > 1) {
        add(rows, "recall@" + depth, share(answerable, item -> item.rank() > 0 && item.rank() <= depth));
      }
      add(rows, "MRR@10", mean(answerable.stream().map(item -> item.rank() > 0 && item.rank() <= DEEPEST_RANK ? 1.0 / item.rank() : 0.0).toList()));
      add(rows, "source retrieved", share(answerable, Item::isFound));
      add(rows, "exact, of those", share(found, Item::isExact));
      add(rows, "token F1, of those", mean(found.stream().filter(item -> item.answer != null).map(Item::f1).toList()));
      add(rows, "all citations right, of those", share(found, Item::isCitedRight));
      add(rows, "citations that exist", mean(citing.stream().flatMap(item -> item.cited.stream()).map(cited -> cited != null ? 1.0 : 0.0).toList()));
      add(
          rows,
          "citation precision",
          mean(citing.stream().filter(Item::isAnswerable).flatMap(item -> item.cited.stream().map(cited -> item.source.equals(cited) ? 1.0 : 0.0)).toList()));
      add(rows, "citation recall", share(answered.stream().filter(Item::isAnswerable).toList(), item -> item.cited.contains(item.source)));
      add(rows, "abstained", share(of, Item::isAbstention));
      add(rows, "failed", share(of, item -> item.status.equals(AnswerTable.Status.ERROR.name())));
    }
    return new Evaluation(List.copyOf(kinds), rows);
  }

  private static void add(Map<String, List<Double>> rows, String name, double value) {
    rows.computeIfAbsent(name, each -> new ArrayList<>()).add(value);
  }

  private static double share(List<Item> items, Predicate<Item> condition) {
    return items.isEmpty() ? Double.NaN : (double) items.stream().filter(condition).count() / items.size();
  }

  private static double mean(List<Double> values) {
    return values.isEmpty() ? Double.NaN : values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  /** A figure; NaN where there is nothing to measure. */
  double figure(String name, String kind) {
    return rows.get(name).get(kinds.indexOf(kind));
  }

  /** For a terminal. */
  String table() {
    StringBuilder table = new StringBuilder(String.format(Locale.ROOT, "%-32s", ""));
    kinds.forEach(kind -> table.append(String.format(Locale.ROOT, "%18s", kind)));
    rows.forEach(
        (name, figures) -> {
          table.append(String.format(Locale.ROOT, "%n%-32s", name));
          for (double figure : figures) {
            table.append(
                Double.isNaN(figure)
                    ? String.format(Locale.ROOT, "%18s", "-")
                    : String.format(Locale.ROOT, name.equals("questions") ? "%18.0f" : "%18.3f", figure));
          }
        });
    return table.toString();
  }

  /** By name, then by kind; what cannot be measured is left out. */
  Map<String, Map<String, Double>> byName() {
    Map<String, Map<String, Double>> all = new LinkedHashMap<>();
    rows.forEach(
        (name, figures) -> {
          Map<String, Double> of = new LinkedHashMap<>();
          for (int i = 0; i < figures.size(); i++) {
            if (!Double.isNaN(figures.get(i))) {
              of.put(kinds.get(i), figures.get(i));
            }
          }
          all.put(name, of);
        });
    return all;
  }
}
