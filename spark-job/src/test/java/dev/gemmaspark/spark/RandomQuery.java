package dev.gemmaspark.spark;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Writes queries over the tables {@code t} (id, a, b, n, arr, m, s) and {@code u} (id, a, k). Calls are written {@value #CALL}, so that any
 * function of one text may take their place. Rows come out in an order of their own unless {@link #isOrdered()}.
 */
final class RandomQuery {
  static final String CALL = "CALL";

  private final Random random;
  private final String text;
  private boolean ordered;
  private int names;

  RandomQuery(long seed) {
    this.random = new Random(seed);
    this.text = query();
  }

  /** With {@code function} for the calls. */
  String text(String function) {
    return text.replace(CALL, function);
  }

  boolean isOrdered() {
    return ordered;
  }

  /** The columns that an expression may read: those of a table by its name, and the variables of lambda functions. */
  private record Scope(List<String> texts, List<String> ints, List<String> arrays, List<String> maps) {
    static Scope t(String name) {
      return new Scope(
          List.of(name + ".a", name + ".b", name + ".s.x"), List.of(name + ".id", name + ".n", name + ".s.y"), List.of(name + ".arr"), List.of(name + ".m"));
    }

    static Scope u(String name) {
      return new Scope(List.of(name + ".a", name + ".k"), List.of(name + ".id"), List.of(), List.of());
    }

    Scope and(Scope other) {
      return new Scope(joined(texts, other.texts), joined(ints, other.ints), joined(arrays, other.arrays), joined(maps, other.maps));
    }

    Scope withText(String name) {
      return new Scope(joined(List.of(name, name, name), texts), ints, arrays, maps);
    }

    Scope withInt(String name) {
      return new Scope(texts, joined(List.of(name), ints), arrays, maps);
    }

    private static List<String> joined(List<String> left, List<String> right) {
      List<String> all = new ArrayList<>(left);
      all.addAll(right);
      return all;
    }
  }

  private String query() {
    return switch (random.nextInt(16)) {
      case 0, 1, 2 -> limited(select("t", Scope.t("t")));
      case 3, 4 -> join();
      case 5 -> aggregate();
      case 6 -> window();
      case 7 -> setOperation();
      case 8, 9 -> subquery();
      case 10 -> common();
      case 11 -> lateral();
      case 12 -> nested();
      case 13 -> f("SELECT t.id, %s AS x FROM t LATERAL VIEW OUTER explode(%s) e AS z WHERE %s", text(2, Scope.t("t").withText("z")), array(2, Scope.t("t")), bool(1, Scope.t("t")));
      case 14 -> semanticFilters();
      default -> limited(f("SELECT t.id, %s FROM t", text(4, Scope.t("t"))));
    };
  }

  private String limited(String query) {
    return switch (random.nextInt(5)) {
      case 0 -> order(query + " ORDER BY id");
      case 1 -> order(query + " ORDER BY id DESC LIMIT " + (1 + random.nextInt(8)));
      case 2 -> order(f("SELECT * FROM (%s ORDER BY id LIMIT %d) q WHERE q.id > 1 ORDER BY q.id", query, 3 + random.nextInt(8)));
      case 3 -> order(f("%s ORDER BY %s, id LIMIT %d OFFSET %d", query, text(2, Scope.t("t")), 2 + random.nextInt(5), random.nextInt(3)));
      default -> query;
    };
  }

  private String order(String query) {
    ordered = true;
    return query;
  }

  private String select(String table, Scope scope) {
    return f("SELECT %s.id AS id, %s AS x, %s AS y FROM %s WHERE %s", table, text(3, scope), any(2, scope), table, bool(3, scope));
  }

  private String join() {
    Scope t = Scope.t("t");
    Scope u = Scope.u("u");
    Scope both = t.and(u);
    return switch (random.nextInt(6)) {
      case 0, 1 -> f("SELECT t.id, u.id, %s FROM t JOIN u ON t.id = u.id AND %s WHERE %s", text(2, both), bool(2, both), bool(2, both));
      case 2 -> f("SELECT t.id, u.id, %s FROM t LEFT JOIN u ON t.id = u.id AND %s WHERE %s", text(2, both), bool(2, pick(t, u)), bool(2, both));
      case 3 -> f("SELECT t.id, u.id, %s FROM t %s JOIN u ON %s = %s", text(2, both), pick("", "LEFT", "RIGHT", "FULL"), text(1, t), text(1, u));
      case 4 -> f("SELECT t.id, %s FROM t LEFT %s JOIN u ON t.id = u.id AND %s", text(2, t), pick("SEMI", "ANTI"), bool(2, pick(t, u)));
      default -> f("SELECT p.id, q.id, %s FROM t p JOIN t q ON p.n = q.id WHERE %s", text(2, Scope.t("p").and(Scope.t("q"))), bool(2, Scope.t("p").and(Scope.t("q"))));
    };
  }

  private String aggregate() {
    Scope t = Scope.t("t");
    String group = pick(text(1, t), CALL + "(t.a)", "t.n");
    String query =
        f(
            "SELECT %s AS g, count(%s) AS c, max(%s) AS h, array_join(sort_array(collect_list(%s)), '|') AS l, count(DISTINCT %s) AS d FROM t WHERE %s GROUP BY %s",
            group, text(2, t), text(2, t), text(1, t), text(1, t), bool(2, t), group);
    return switch (random.nextInt(4)) {
      case 0 -> query + f(" HAVING %s(max(t.a)) <> %s", CALL, literal());
      case 1 -> f("SELECT %s(concat(coalesce(CAST(g AS STRING), '-'), l)), c, h FROM (%s) q WHERE %s", CALL, query, bool(2, new Scope(List.of("q.h", "q.l"), List.of("q.c"), List.of(), List.of())));
      case 2 -> f("SELECT CASE WHEN count(*) > 2 THEN %s(max(t.b)) ELSE min(%s) END AS z, sum(length(%s)) FROM t GROUP BY t.n", CALL, text(1, t), text(2, t));
      default -> query;
    };
  }

  private String window() {
    Scope t = Scope.t("t");
    return switch (random.nextInt(3)) {
      case 0 -> f("SELECT t.id, max(%s) OVER (PARTITION BY %s), %s FROM t", text(2, t), pick("t.n", CALL + "(t.b)", text(1, t)), text(2, t));
      case 1 -> f("SELECT * FROM (SELECT t.id, %s AS x, row_number() OVER (PARTITION BY t.n ORDER BY %s, t.id) AS r FROM t) q WHERE q.r <= 2 AND %s", text(2, t), text(1, t), bool(2, new Scope(List.of("q.x"), List.of("q.id", "q.r"), List.of(), List.of())));
      default -> f("SELECT t.id, %s(lag(%s) OVER (ORDER BY t.id)) FROM t WHERE %s", CALL, text(1, t), bool(1, t));
    };
  }

  private String setOperation() {
    String operation = pick("UNION ALL", "UNION", "EXCEPT", "INTERSECT", "EXCEPT ALL");
    String query =
        f("SELECT %s AS x FROM t WHERE %s %s SELECT %s AS x FROM u", text(2, Scope.t("t")), bool(2, Scope.t("t")), operation, text(2, Scope.u("u")));
    return random.nextBoolean()
        ? query
        : f("SELECT %s, x FROM (%s) q WHERE %s", text(1, new Scope(List.of("q.x"), List.of(), List.of(), List.of())), query, bool(2, new Scope(List.of("q.x"), List.of(), List.of(), List.of())));
  }

  private String subquery() {
    Scope t = Scope.t("t");
    Scope u = Scope.u("u");
    return switch (random.nextInt(7)) {
      case 0 -> f("SELECT t.id, %s FROM t WHERE t.id %s (SELECT u.id FROM u WHERE %s)", text(2, t), pick("IN", "NOT IN"), bool(2, u));
      case 1 -> f("SELECT t.id FROM t WHERE %s(t.a) IN (SELECT %s FROM u)", CALL, text(2, u));
      case 2 -> f("SELECT t.id, %s FROM t WHERE %s EXISTS (SELECT 1 FROM u WHERE %s(u.a) = concat('[', t.a, ']') AND %s)", text(1, t), pick("", "NOT"), CALL, bool(1, u));
      case 3 -> f("SELECT t.id, (SELECT max(%s) FROM u WHERE u.id = t.id) AS m, %s FROM t", text(2, u), text(1, t));
      case 4 -> f("SELECT t.id, EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND %s) AS e, %s FROM t", bool(2, u), text(1, t));
      case 5 -> f("SELECT t.id FROM t WHERE %s > (SELECT min(%s) FROM u) OR %s", text(2, t), text(2, u), bool(2, t));
      default -> f("SELECT t.id, CASE WHEN t.id IN (SELECT u.id FROM u WHERE %s) THEN %s ELSE %s END FROM t", bool(1, u), text(2, t), text(1, t));
    };
  }

  private String common() {
    Scope q = new Scope(List.of("q.g", "q.h"), List.of("q.id"), List.of(), List.of());
    Scope r = new Scope(List.of("r.g", "r.h"), List.of("r.id"), List.of(), List.of());
    return f(
        "WITH c AS (SELECT t.id, %s AS g, %s AS h FROM t WHERE %s) SELECT q.id, r.id, %s FROM c q JOIN c r ON q.id = r.id %s",
        text(2, Scope.t("t")), text(1, Scope.t("t")), bool(2, Scope.t("t")), text(2, q.and(r)), pick("", "+ 1", "AND " + bool(2, q.and(r))));
  }

  private String lateral() {
    Scope both = Scope.t("t").and(Scope.u("u"));
    return f("SELECT t.id, l.x FROM t, LATERAL (SELECT %s AS x FROM u WHERE u.id = t.id AND %s) l", text(2, both), bool(1, Scope.u("u")));
  }

  private String nested() {
    Scope q = new Scope(List.of("q.x", "q.x", "q.y"), List.of("q.id"), List.of(), List.of());
    String inner = f("SELECT t.id AS id, %s AS x, %s AS y FROM t WHERE %s", text(2, Scope.t("t")), text(3, Scope.t("t")), bool(2, Scope.t("t")));
    String outer = f("SELECT q.id AS id, q.x, %s AS z FROM (%s) q WHERE %s", text(2, q), inner, bool(2, q));
    return random.nextBoolean() ? outer : order(outer + " ORDER BY q.id LIMIT 6");
  }

  private String semanticFilters() {
    return f(
        "SELECT t.id, %s(t.a) FROM t WHERE %s(t.a) %s %s AND (%s OR %s) ORDER BY %s(t.a), t.id",
        CALL, CALL, pick("<>", ">", "="), literal(), bool(2, Scope.t("t")), bool(2, Scope.t("t")), CALL);
  }

  private String any(int depth, Scope scope) {
    return switch (random.nextInt(4)) {
      case 0 -> array(depth, scope);
      case 1 -> f("CAST(%s AS STRING)", bool(depth, scope));
      case 2 -> number(depth, scope);
      default -> text(depth, scope);
    };
  }

  private String text(int depth, Scope scope) {
    if (depth == 0) {
      return random.nextInt(4) == 0 ? literal() : pick(scope.texts);
    }
    return switch (random.nextInt(15)) {
      case 0, 1, 2, 3 -> f("%s(%s)", CALL, text(depth - 1, scope));
      case 4 -> f("concat(%s, %s)", text(depth - 1, scope), text(depth - 1, scope));
      case 5 -> f("CASE WHEN %s THEN %s WHEN %s THEN %s%s END", bool(depth - 1, scope), text(depth - 1, scope), bool(depth - 1, scope), text(depth - 1, scope), random.nextBoolean() ? " ELSE " + text(depth - 1, scope) : "");
      case 6 -> f("IF(%s, %s, %s)", bool(depth - 1, scope), text(depth - 1, scope), text(depth - 1, scope));
      case 7 -> f("coalesce(%s, %s, %s)", text(depth - 1, scope), text(depth - 1, scope), text(depth - 1, scope));
      case 8 -> f("nullif(%s, %s)", text(depth - 1, scope), text(depth - 1, scope));
      case 9 -> f("upper(%s)", text(depth - 1, scope));
      case 10 -> f("array_join(%s, ',', 'none')", array(depth, scope));
      case 11 -> f("named_struct('p', %s, 'q', %s).p", text(depth - 1, scope), text(depth - 1, scope));
      case 12 -> f("CAST(%s AS STRING)", number(depth - 1, scope));
      case 13 -> f("nvl2(%s, %s, %s)", text(depth - 1, scope), text(depth - 1, scope), text(depth - 1, scope));
      default -> scope.maps.isEmpty() ? text(depth - 1, scope) : map(depth, scope);
    };
  }

  private String map(int depth, Scope scope) {
    String key = name("k");
    String value = name("v");
    Scope inside = scope.withText(key).withText(value);
    String map = pick(scope.maps);
    return switch (random.nextInt(3)) {
      case 0 -> f("CAST(transform_values(%s, (%s, %s) -> %s) AS STRING)", map, key, value, text(depth - 1, inside));
      case 1 -> f("CAST(map_filter(%s, (%s, %s) -> %s) AS STRING)", map, key, value, bool(depth - 1, inside));
      default -> f("CAST(transform_keys(%s, (%s, %s) -> concat(%s, coalesce(%s, ''))) AS STRING)", map, key, value, key, text(depth - 1, inside));
    };
  }

  private String array(int depth, Scope scope) {
    if (depth == 0 || scope.arrays.isEmpty() && random.nextBoolean()) {
      return scope.arrays.isEmpty() ? f("array(%s, %s)", text(0, scope), text(0, scope)) : pick(scope.arrays);
    }
    String x = name("x");
    String y = name("y");
    return switch (random.nextInt(6)) {
      case 0 -> f("array(%s, %s, NULL)", text(depth - 1, scope), text(depth - 1, scope));
      case 1 -> f("filter(%s, %s -> %s)", array(depth - 1, scope), x, bool(depth - 1, scope.withText(x)));
      case 2 -> f("transform(%s, (%s, %s) -> %s)", array(depth - 1, scope), x, y, text(depth - 1, scope.withText(x).withInt(y)));
      case 3 -> f("zip_with(%s, %s, (%s, %s) -> %s)", array(depth - 1, scope), array(depth - 1, scope), x, y, text(depth - 1, scope.withText(x).withText(y)));
      default -> f("transform(%s, %s -> %s)", array(depth - 1, scope), x, text(depth - 1, scope.withText(x)));
    };
  }

  private String number(int depth, Scope scope) {
    if (depth == 0) {
      return random.nextBoolean() && !scope.ints.isEmpty() ? pick(scope.ints) : String.valueOf(random.nextInt(5));
    }
    return switch (random.nextInt(4)) {
      case 0 -> f("length(%s)", text(depth - 1, scope));
      case 1 -> f("size(%s)", array(depth - 1, scope));
      case 2 -> f("IF(%s, %s, %s)", bool(depth - 1, scope), number(depth - 1, scope), number(depth - 1, scope));
      default -> f("(%s + %s)", number(depth - 1, scope), number(depth - 1, scope));
    };
  }

  private String bool(int depth, Scope scope) {
    if (depth == 0) {
      return random.nextBoolean() ? f("%s > %s", number(0, scope), number(0, scope)) : f("%s <> %s", text(0, scope), text(0, scope));
    }
    String x = name("x");
    return switch (random.nextInt(12)) {
      case 0 -> f("(%s AND %s)", bool(depth - 1, scope), bool(depth - 1, scope));
      case 1, 2 -> f("(%s OR %s)", bool(depth - 1, scope), bool(depth - 1, scope));
      case 3 -> f("NOT %s", bool(depth - 1, scope));
      case 4 -> f("%s IS %sNULL", text(depth - 1, scope), pick("", "NOT "));
      case 5 -> f("%s IN (%s, %s, %s)", text(depth - 1, scope), literal(), text(depth - 1, scope), literal());
      case 6 -> f("%s(%s, %s -> %s)", pick("exists", "forall"), array(depth - 1, scope), x, bool(depth - 1, scope.withText(x)));
      case 7 -> f("%s > %s", number(depth - 1, scope), number(depth - 1, scope));
      case 8 -> f("%s LIKE '[%%'", text(depth - 1, scope));
      default -> f("%s %s %s", text(depth - 1, scope), pick("=", "<>", ">", "<=>", "<="), text(depth - 1, scope));
    };
  }

  private String literal() {
    return pick("'a1'", "'[a2]'", "'b3'", "''", "'[b4]'");
  }

  private String name(String stem) {
    return stem + names++;
  }

  @SafeVarargs
  private <T> T pick(T... choices) {
    return choices[random.nextInt(choices.length)];
  }

  private <T> T pick(List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  private static String f(String format, Object... parts) {
    return String.format(Locale.ROOT, format, parts);
  }
}
