package dev.gemmaspark.spark.app;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gemmaspark.spark.storage.SmallFile;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * What a run is and how far it is: a JSON file in the output folder, written anew after every slice.
 *
 * @param application its name
 * @param runId of the run that wrote it last
 * @param mode what it does with the output that was there: {@code replaces}, {@code adds}, or {@code begins} where there was none
 * @param input where rows come from
 * @param model its name
 * @param modelSha256 its checksum
 * @param parameters all that decides what the model makes of a row
 * @param state {@code running}, {@code finished} or {@code failed}
 * @param rows of the input
 * @param doneBefore of these, rows that earlier runs had done
 * @param slices what has been written
 * @param seconds since the run began
 */
record RunReport(
    String application,
    String runId,
    String mode,
    String input,
    String model,
    String modelSha256,
    Map<String, String> parameters,
    String state,
    long rows,
    long doneBefore,
    List<Slice> slices,
    double seconds) {
  static final String NAME = "_gemma_run.json";
  static final String RUNNING = "running";
  static final String FINISHED = "finished";
  static final String FAILED = "failed";
  static final String BEGINS = "begins";
  static final String REPLACES = "replaces";
  static final String ADDS = "adds";

  private static final JsonMapper MAPPER =
      JsonMapper.builder().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false).build();

  /** Some rows that were written together. */
  record Slice(int number, long rows, long failed, long promptTokens, long completionTokens, double seconds) {}

  RunReport {
    parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
    slices = List.copyOf(slices);
  }

  /** A name for a run: when it began, and something that no other has. */
  static String newRunId() {
    return Instant.now().toString().substring(0, 19).replace(":", "") + "-" + UUID.randomUUID().toString().substring(0, 8);
  }

  static Optional<RunReport> read(FileSystem fileSystem, Path folder) throws IOException {
    SmallFile file = new SmallFile(fileSystem, new Path(folder, NAME));
    Optional<byte[]> json = file.read();
    try {
      return json.isEmpty() ? Optional.empty() : Optional.of(MAPPER.readValue(json.get(), RunReport.class));
    } catch (JacksonException e) {
      throw new UsageException(String.format(Locale.ROOT, "The report %s is broken (%s); delete it to start anew", file.path(), e.getOriginalMessage()));
    }
  }

  void write(FileSystem fileSystem, Path folder) throws IOException {
    new SmallFile(fileSystem, new Path(folder, NAME)).write(MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(this));
  }

  boolean isFinished() {
    return state.equals(FINISHED);
  }

  long rowsDone() {
    return slices.stream().mapToLong(Slice::rows).sum();
  }

  long failed() {
    return slices.stream().mapToLong(Slice::failed).sum();
  }

  long tokens() {
    return slices.stream().mapToLong(slice -> slice.promptTokens + slice.completionTokens).sum();
  }

  RunReport with(Slice slice, double seconds) {
    List<Slice> more = new ArrayList<>(slices);
    more.add(slice);
    return new RunReport(application, runId, mode, input, model, modelSha256, parameters, state, rows, doneBefore, more, seconds);
  }

  RunReport ended(String state, double seconds) {
    return new RunReport(application, runId, mode, input, model, modelSha256, parameters, state, rows, doneBefore, slices, seconds);
  }

  /** Of a run that goes on with one that had this mode. */
  RunReport in(String mode) {
    return new RunReport(application, runId, mode, input, model, modelSha256, parameters, state, rows, doneBefore, slices, seconds);
  }

  RunReport over(long rows, long doneBefore) {
    return new RunReport(application, runId, mode, input, model, modelSha256, parameters, state, rows, doneBefore, slices, seconds);
  }

  /** Why that run cannot go on as this one, if it cannot. */
  Optional<String> difference(RunReport now) {
    if (!application.equals(now.application)) {
      return Optional.of("it was made by '" + application + "'");
    }
    if (!modelSha256.equals(now.modelSha256) || !model.equals(now.model)) {
      return Optional.of(String.format(Locale.ROOT, "it was made by the model %s (%.12s…), and this is %s (%.12s…)",
          model, modelSha256, now.model, now.modelSha256));
    }
    for (Map.Entry<String, String> parameter : now.parameters.entrySet()) {
      String before = parameters.get(parameter.getKey());
      if (!parameter.getValue().equals(before)) {
        return Optional.of(String.format(Locale.ROOT, "%s was %s, and is %s", parameter.getKey(), before, parameter.getValue()));
      }
    }
    return parameters.size() == now.parameters.size() ? Optional.empty() : Optional.of("it was made with " + parameters);
  }
}
