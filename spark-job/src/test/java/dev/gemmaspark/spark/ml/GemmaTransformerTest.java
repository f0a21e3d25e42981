package dev.gemmaspark.spark.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.gemmaspark.engine.error.InvalidSettingException;
import dev.gemmaspark.spark.CountingGenerator;
import dev.gemmaspark.spark.executor.EngineFactory;
import dev.gemmaspark.spark.executor.ExecutorEngine;
import java.nio.file.Path;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.feature.SQLTransformer;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GemmaTransformerTest {
  private static SparkSession spark;

  @TempDir Path folder;
  private CountingGenerator engine;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
    ExecutorEngine.replaceFactory(EngineFactory::gemma);
  }

  @BeforeEach
  void newEngine() {
    engine = new CountingGenerator();
    ExecutorEngine.replaceFactory(settings -> engine);
  }

  private static Dataset<Row> docs() {
    return spark.sql("SELECT * FROM VALUES (1, 'a'), (2, 'BAD'), (3, NULL) AS t(id, body) ORDER BY id");
  }

  @Test
  void aPipelineThatWasSavedAndLoadedDoesTheSame() throws Exception {
    GemmaTransformer summaries =
        new GemmaTransformer()
            .setFunction("summarize")
            .setInputCol("body")
            .setOutputCol("summary")
            .setFailOnError(false)
            .setArgument("maxWords", 20)
            .setArgument("temperature", 0.5)
            .setArgument("seed", 7L)
            .setArgument("stop", new String[] {"x", "y"});
    SQLTransformer after = new SQLTransformer().setStatement("SELECT id, summary.result r, summary.errorMessage e FROM __THIS__");
    PipelineModel model = new Pipeline().setStages(new PipelineStage[] {summaries, after}).fit(docs());
    model.save(folder.resolve("pipeline").toString());
    PipelineModel loaded = PipelineModel.load(folder.resolve("pipeline").toString());
    assertThat(loaded.transform(docs()).collectAsList())
        .containsExactly(
            RowFactory.create(1, "[a]", null), RowFactory.create(2, null, "PROMPT_TOO_LONG: too long, says the test"), RowFactory.create(3, null, null));
    assertThat(engine.requests)
        .hasSize(2)
        .allMatch(request -> CountingGenerator.text(request).startsWith("Summarize the following document in one sentence. Use at most 20 words."))
        .allMatch(request -> request.sampling().temperature() == 0.5 && request.sampling().seed() == 7)
        .allMatch(request -> request.stop().stopSequences().size() == 2);
    Transformer stage = loaded.stages()[0];
    assertThat(stage.uid()).isEqualTo(summaries.uid());
    assertThat(stage.explainParams()).contains("maxWords: asks for at most so many words").contains("current: 20");
  }

  @Test
  void theSchemaIsKnownBeforeAnythingRuns() {
    StructType schema = docs().schema();
    GemmaTransformer texts = new GemmaTransformer().setInputCol("body").setOutputCol("text");
    assertThat(texts.transformSchema(schema).apply("text").dataType()).isEqualTo(DataTypes.StringType);
    assertThat(texts.transform(docs()).schema()).isEqualTo(texts.transformSchema(schema));
    texts.setDetails(true);
    assertThat(texts.transform(docs()).schema()).isEqualTo(texts.transformSchema(schema));
    assertThat(texts.copy(new org.apache.spark.ml.param.ParamMap()).transformSchema(schema)).isEqualTo(texts.transformSchema(schema));
    assertThat(engine.calls()).isZero();
  }

  @Test
  void whatIsWrongIsSaidWithItsName() {
    StructType schema = docs().schema();
    GemmaTransformer texts = new GemmaTransformer().setOutputCol("text");
    assertThatThrownBy(() -> texts.transformSchema(schema)).isInstanceOf(InvalidSettingException.class).hasMessageContaining("inputCol of gemma_");
    assertThatThrownBy(() -> texts.setInputCol("id").transformSchema(schema)).hasMessageContaining("there is no text column 'id' (inputCol)");
    assertThatThrownBy(() -> texts.setInputCol("body").setOutputCol("ID").transformSchema(schema)).hasMessageContaining("there is a column 'ID' already");
    assertThatThrownBy(() -> texts.setArgument("maxToken", 3)).hasMessageContaining("there is no argument 'maxToken'; there are [system, maxTokens");
    assertThatThrownBy(() -> texts.setArgument("temperature", -1.0)).hasMessageContaining("temperature given invalid value -1.0");
    assertThatThrownBy(() -> texts.setFunction("chat")).hasMessageContaining("function given invalid value chat");
  }
}
