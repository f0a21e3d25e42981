package dev.gemmaspark.spark.sql;

import dev.gemmaspark.spark.execution.CallSpec;
import dev.gemmaspark.spark.execution.EvalGemmaEvaluatorFactory;
import dev.gemmaspark.spark.execution.GemmaMetrics;
import dev.gemmaspark.spark.executor.EngineSettings;
import dev.gemmaspark.spark.executor.TaskWatch;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.Attribute;
import org.apache.spark.sql.catalyst.expressions.AttributeSet;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.SortOrder;
import org.apache.spark.sql.catalyst.plans.physical.Partitioning;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.UnaryExecNode;
import org.apache.spark.sql.execution.metric.SQLMetric;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.collection.Iterator;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Map;
import scala.collection.immutable.Map$;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;

/**
 * {@link EvalGemma}, run:
 *
 * <pre>
 * child's rows ─► arguments of the calls ─► Arrow columns ─► the executor's engine
 *      └──────── kept ───────────────────► joined, in order ◄──── Arrow columns
 * </pre>
 */
@SuppressWarnings("serial") // Scala's sequences are serializable, which their interface does not say
public final class EvalGemmaExec extends SparkPlan implements UnaryExecNode {
  private static final long serialVersionUID = 1L;

  private final Seq<Expression> calls;
  private final Seq<Attribute> results;
  private final SparkPlan child;
  private transient GemmaMetrics metrics;
  private transient Map<String, SQLMetric> named;

  /** Public, and with these parameters, because Spark copies nodes by reflection. */
  public EvalGemmaExec(Seq<Expression> calls, Seq<Attribute> results, SparkPlan child) {
    this.calls = calls;
    this.results = results;
    this.child = child;
  }

  @Override
  public SparkPlan child() {
    return child;
  }

  @Override
  public Seq<SparkPlan> children() {
    return Scala.seq(List.of(child));
  }

  @Override
  public Seq<Attribute> output() {
    List<Attribute> all = new ArrayList<>(Scala.<Attribute>list(child.output()));
    all.addAll(Scala.<Attribute>list(results));
    return Scala.seq(all);
  }

  @Override
  public AttributeSet producedAttributes() {
    return AttributeSet.apply(Scala.<Expression>seq(Scala.<Attribute>list(results)));
  }

  @Override
  public Partitioning outputPartitioning() {
    return child.outputPartitioning();
  }

  @Override
  public Seq<SortOrder> outputOrdering() {
    return child.outputOrdering();
  }

  @Override
  public synchronized Map<String, SQLMetric> metrics() {
    if (named == null) {
      metrics = new GemmaMetrics(sparkContext());
      named = Map$.MODULE$.from(CollectionConverters.asScala(metrics.byKey()));
    }
    return named;
  }

  @Override
  public RDD<InternalRow> doExecute() {
    metrics();
    TaskWatch.of(sparkContext());
    List<CallSpec> specs = new ArrayList<>();
    List<Expression> arguments = new ArrayList<>();
    int batchRows = Integer.MAX_VALUE;
    for (Expression expression : Scala.<Expression>list(calls)) {
      ElementCalls elements = expression instanceof ElementCalls each ? each : null;
      GemmaCall call = Calls.asked(expression);
      EngineSettings engine = EngineSettings.of(call.conf(), sparkContext().getConf());
      specs.add(call.spec(engine, expression.references(), elements != null ? elements.depth() : 0, arguments.size()));
      arguments.addAll(elements != null ? Scala.<Expression>list(elements.children()) : call.values());
      batchRows = Math.min(batchRows, call.conf().batchRows());
    }
    EvalGemmaEvaluatorFactory evaluators =
        new EvalGemmaEvaluatorFactory(
            new ArrayList<>(specs),
            Scala.seq(arguments),
            child.output(),
            outputSchema(),
            batchRows,
            metrics);
    return child.execute().mapPartitionsWithEvaluator(evaluators, ClassTag$.MODULE$.apply(InternalRow.class));
  }

  private StructType outputSchema() {
    StructType schema = new StructType();
    for (Attribute attribute : Scala.<Attribute>list(output())) {
      schema = schema.add(new StructField(attribute.name(), attribute.dataType(), attribute.nullable(), attribute.metadata()));
    }
    return schema;
  }

  @Override
  public SparkPlan withNewChildInternal(SparkPlan newChild) {
    return new EvalGemmaExec(calls, results, newChild);
  }

  @Override
  public SparkPlan withNewChildrenInternal(IndexedSeq<SparkPlan> newChildren) {
    return new EvalGemmaExec(calls, results, newChildren.head());
  }

  /** What EXPLAIN shows: which models, besides what they are asked. */
  @Override
  public Iterator<Object> stringArgs() {
    String models =
        Scala.<Expression>list(calls).stream().map(call -> Calls.asked(call).conf().model()).distinct().collect(Collectors.joining(", "));
    return Scala.seq(List.<Object>of(calls, results, "model " + models)).iterator();
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof EvalGemmaExec;
  }

  @Override
  public int productArity() {
    return 3;
  }

  @Override
  public Object productElement(int index) {
    return switch (index) {
      case 0 -> calls;
      case 1 -> results;
      case 2 -> child;
      default -> throw new IndexOutOfBoundsException(index);
    };
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof EvalGemmaExec node
        && calls.equals(node.calls)
        && results.equals(node.results)
        && child.equals(node.child);
  }

  @Override
  public int hashCode() {
    return Objects.hash(calls, results, child);
  }
}
