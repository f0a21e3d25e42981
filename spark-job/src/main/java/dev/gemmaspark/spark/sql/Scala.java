package dev.gemmaspark.spark.sql;

import java.util.List;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/** Scala's immutable sequences as Java's lists, and back. */
final class Scala {
  private Scala() {}

  static <T> Seq<T> seq(List<? extends T> list) {
    return CollectionConverters.<T>asScala(List.<T>copyOf(list)).toSeq();
  }

  static <T> List<T> list(scala.collection.Seq<? extends T> seq) {
    return List.copyOf(CollectionConverters.asJava(seq));
  }
}
