package dev.gemmaspark.engine;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Finds what tests read: resources of the project, and bigger data that is not the project's. The latter is in the folder that the
 * environment variable {@code GEMMA_TEST_DATA} names, else in one named {@code shared} beside the checkout. Named and missing is a
 * failure, and so is neither on a build server ({@code CI=true}); elsewhere, without data the tests on it are not selected: annotate
 * them with {@code @EnabledIf("dev.gemmaspark.engine.TestData#isPresent")}.
 */
public final class TestData {
  private static final String VARIABLE = "GEMMA_TEST_DATA";

  private TestData() {}

  /** Whether tests on the bigger data are selected. Also where it ought to be present and is not, so that they fail. */
  public static boolean isPresent() {
    return System.getenv(VARIABLE) != null
        || "true".equals(System.getenv("CI"))
        || besideCheckout().isPresent();
  }

  /** A file or folder of the bigger data, which must exist. */
  public static Path path(String relative) {
    Path folder =
        Optional.ofNullable(System.getenv(VARIABLE))
            .map(Path::of)
            .or(TestData::besideCheckout)
            .orElseThrow(() -> new AssertionError(VARIABLE + " names no folder with test data"));
    Path path = folder.resolve(relative);
    if (!Files.exists(path)) {
      throw new AssertionError(path + " does not exist; " + VARIABLE + " names the folder of test data");
    }
    return path;
  }

  /** A file of {@code src/test/resources}. */
  public static Path resource(String name) {
    URL url = TestData.class.getResource("/" + name);
    if (url == null) {
      throw new AssertionError("no test resource " + name);
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static Optional<Path> besideCheckout() {
    Path folder = Path.of("").toAbsolutePath();
    while (folder != null && !Files.isDirectory(folder.resolve(".mvn"))) {
      folder = folder.getParent();
    }
    return Optional.ofNullable(folder).map(root -> root.resolveSibling("shared")).filter(Files::isDirectory);
  }
}
