package dev.gemmaspark.spark.rag;

import java.io.IOException;
import java.util.Locale;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads documents of any kind; what cannot be read is an outcome, not an exception. */
final class DocumentReader {
  /** Rises when the same file would give another text. */
  static final int VERSION = 2;

  private static final Logger LOG = LoggerFactory.getLogger(DocumentReader.class);
  private static final int LARGEST_BYTES = 64 << 20;

  private DocumentReader() {}

  /** How reading a document ended. */
  enum Status {
    OK,
    /** There is no text in it. */
    EMPTY,
    /** Of a kind that is not read. */
    UNSUPPORTED,
    /** More bytes than are read. */
    TOO_LARGE,
    /** It could not be read, or is broken. */
    FAILED
  }

  /**
   * What came of a document.
   *
   * @param document present if the status is {@link Status#OK}
   * @param sha256 of its bytes; null where they were not read
   * @param mime its kind
   * @param error why there is no text; or that there is one of a guess
   */
  record Outcome(Status status, Optional<ParsedDocument> document, String sha256, String mime, String error) {}

  static Outcome read(Content content) {
    String name = content.fileName();
    Optional<DocumentFormat> format = DocumentFormat.of(name);
    String mime = format.map(DocumentFormat::mime).orElse("application/octet-stream");
    if (content.listed().length() > LARGEST_BYTES) {
      return failure(Status.TOO_LARGE, null, mime, String.format(Locale.ROOT, "it has %d bytes; at most %d are read",
          content.listed().length(), LARGEST_BYTES));
    }
    String sha256 = null;
    try {
      byte[] bytes = content.read();
      sha256 = content.listed().sha256() == null ? Hashes.sha256(bytes) : content.listed().sha256();
      if (format.isEmpty()) {
        return TikaProcess.handles(name)
            ? parsed(TikaProcess.parse(bytes, name), content, sha256, mime, null)
            : failure(Status.UNSUPPORTED, sha256, mime, "files like this are not read; text, Markdown and HTML are, and with Tika PDF and Office");
      }
      DocumentText text = DocumentText.of(bytes, format.get() == DocumentFormat.HTML);
      return parsed(format.get().parse(text.text(), stem(name)), content, sha256, mime, text.guess());
    } catch (TikaProcess.UnavailableException e) {
      return failure(Status.UNSUPPORTED, sha256, mime, e.getMessage());
    } catch (IOException e) {
      return failure(Status.FAILED, sha256, mime, reason(e));
    } catch (RuntimeException | StackOverflowError e) {
      // without its message, which may quote the document
      LOG.warn("The document {} could not be read: {} at {}", content.listed().docId(), e.getClass().getName(), e.getStackTrace().length == 0 ? "" : e.getStackTrace()[0]);
      return failure(Status.FAILED, sha256, mime, "it is broken, or nested too deep for its reader");
    }
  }

  /** What our readers say is a reason by itself; of what the system says, some messages are a mere path or a number. */
  private static String reason(IOException e) {
    return e.getClass() == IOException.class && e.getMessage() != null
        ? e.getMessage()
        : "it cannot be read (" + e.getClass().getSimpleName() + (e.getMessage() == null ? "" : ": " + e.getMessage()) + ")";
  }

  private static Outcome parsed(ParsedDocument document, Content content, String sha256, String mime, String guess) {
    if (document.isEmpty()) {
      return failure(Status.EMPTY, sha256, mime, "there is no text in it; if it is a scan, it needs character recognition first");
    }
    ParsedDocument titled =
        content.title() == null
            ? document
            : new ParsedDocument(content.title(), document.text(), document.sections(), document.removedHiddenCharacters());
    return new Outcome(Status.OK, Optional.of(titled), sha256, mime, guess);
  }

  private static Outcome failure(Status status, String sha256, String mime, String error) {
    return new Outcome(status, Optional.empty(), sha256, mime, error);
  }

  private static String stem(String name) {
    int dot = name.lastIndexOf('.');
    return dot > 0 ? name.substring(0, dot) : name;
  }
}
