package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.rag.HiddenText.Cleaned;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Comment;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.Node;
import org.jsoup.nodes.TextNode;
import org.jsoup.select.NodeFilter;
import org.jsoup.select.NodeTraversor;
import org.jsoup.select.NodeVisitor;

/** Kinds of documents that are read here; a new one is a row here. */
enum DocumentFormat {
  TEXT(List.of("txt", "text", "log"), "text/plain") {
    /** A first line that stands alone is a heading, unless it is a sentence or all there is. */
    @Override
    ParsedDocument parse(String source, String name) {
      Cleaned cleaned = HiddenText.clean(source);
      String text = cleaned.text();
      Headings headings = new Headings();
      int start = text.length() - text.stripLeading().length();
      int end = text.indexOf('\n', start);
      int next = end < 0 ? -1 : text.indexOf('\n', end + 1);
      if (next >= 0 && end - start <= LONGEST_TITLE && text.substring(end, next).isBlank() && !text.substring(next).isBlank()) {
        String line = text.substring(start, end).strip();
        if (SENTENCE_ENDS.indexOf(line.charAt(line.length() - 1)) < 0) {
          headings.open(1, line, 0, next + 1);
        }
      }
      return new ParsedDocument(headings.title(name), text, headings.end(text.length()), cleaned.removed());
    }
  },

  MARKDOWN(List.of("md", "markdown"), "text/markdown") {
    @Override
    ParsedDocument parse(String source, String name) {
      Cleaned cleaned = HiddenText.cleanMarkdown(source);
      String text = cleaned.text();
      Headings headings = new Headings();
      boolean code = false;
      int at = 0;
      while (at < text.length()) {
        int newline = text.indexOf('\n', at);
        int end = newline < 0 ? text.length() : newline + 1;
        String line = text.substring(at, end);
        if (line.startsWith("```") || line.startsWith("~~~")) {
          code = !code;
        }
        int level = code ? 0 : headingLevel(line);
        if (level > 0) {
          headings.open(level, headingText(line), at, end);
        }
        at = end;
      }
      return new ParsedDocument(headings.title(name), text, headings.end(text.length()), cleaned.removed());
    }
  },

  HTML(List.of("html", "htm", "xhtml"), "text/html") {
    @Override
    ParsedDocument parse(String source, String name) {
      Document document = Jsoup.parse(source);
      int hidden = removeHidden(document);
      HtmlText text = new HtmlText();
      document.body().traverse(text);
      String title = document.title().isBlank() ? text.headings.title(name) : document.title().strip();
      return new ParsedDocument(title, text.text.toString(), text.headings.end(text.text.length()), hidden + text.removed);
    }
  };

  private static final int LONGEST_TITLE = 120;
  private static final String SENTENCE_ENDS = ".!?:;,";
  private static final int DEEPEST_HEADING = 6;
  private static final Set<String> HIDDEN_ELEMENTS = Set.of("script", "style", "noscript", "template");
  private static final Pattern HIDING_STYLE = Pattern.compile("display:none|visibility:hidden|font-size:0(?:[a-z%;]|$)");

  private final List<String> extensions;
  private final String mime;

  DocumentFormat(List<String> extensions, String mime) {
    this.extensions = extensions;
    this.mime = mime;
  }

  /** Of a file, by its name. */
  static Optional<DocumentFormat> of(String fileName) {
    String extension = fileName.substring(fileName.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    return Arrays.stream(values()).filter(format -> format.extensions.contains(extension)).findFirst();
  }

  String mime() {
    return mime;
  }

  /**
   * Reads a document.
   *
   * @param name stands for a title where there is none
   */
  abstract ParsedDocument parse(String source, String name);

  /** 0 if the line is no heading. No regular expressions: a hostile line would take them quadratic time. */
  private static int headingLevel(String line) {
    int start = 0;
    while (start < 3 && start < line.length() && line.charAt(start) == ' ') {
      start++;
    }
    int end = start;
    while (end < line.length() && line.charAt(end) == '#') {
      end++;
    }
    boolean isHeading = end > start && end - start <= DEEPEST_HEADING && end < line.length() && (line.charAt(end) == ' ' || line.charAt(end) == '\t');
    return isHeading ? end - start : 0;
  }

  private static String headingText(String line) {
    String text = line.strip();
    int from = 0;
    while (from < text.length() && text.charAt(from) == '#') {
      from++;
    }
    int to = text.length();
    while (to > from && text.charAt(to - 1) == '#') {
      to--;
    }
    return text.substring(from, to).strip();
  }

  /** Takes out what a browser does not show, and counts its characters. */
  private static int removeHidden(Document document) {
    int[] removed = new int[1];
    NodeTraversor.filter(
        (node, depth) -> {
          if (node instanceof Comment comment) {
            removed[0] += comment.getData().length();
            return NodeFilter.FilterResult.REMOVE;
          }
          if (node instanceof Element element && isHidden(element)) {
            removed[0] += element.text().length();
            return NodeFilter.FilterResult.REMOVE;
          }
          return NodeFilter.FilterResult.CONTINUE;
        },
        document);
    return removed[0];
  }

  private static boolean isHidden(Element element) {
    String style = element.attr("style").toLowerCase(Locale.ROOT).replaceAll("\\s", "");
    return HIDDEN_ELEMENTS.contains(element.normalName())
        || element.hasAttr("hidden")
        || element.attr("aria-hidden").equals("true")
        || HIDING_STYLE.matcher(style).find();
  }

  /** Text as it is seen: blocks are paragraphs, what is inside them runs on. */
  private static final class HtmlText implements NodeVisitor {
    private final StringBuilder text = new StringBuilder();
    private final Headings headings = new Headings();
    private int removed;
    private int headingStart;

    @Override
    public void head(Node node, int depth) {
      if (node instanceof TextNode words) {
        Cleaned cleaned = HiddenText.clean(words.text());
        removed += cleaned.removed();
        append(cleaned.text());
      } else if (node instanceof Element element) {
        if (element.nameIs("br")) {
          text.append('\n');
        } else if (element.isBlock()) {
          endParagraph();
        }
        if (isHeading(element)) {
          headingStart = text.length();
        }
      }
    }

    @Override
    public void tail(Node node, int depth) {
      if (!(node instanceof Element element)) {
        return;
      }
      if (isHeading(element)) {
        String heading = text.substring(headingStart).strip();
        endParagraph();
        headings.open(element.normalName().charAt(1) - '0', heading, headingStart, text.length());
      } else if (element.isBlock()) {
        endParagraph();
      }
    }

    private static boolean isHeading(Element element) {
      return element.normalName().matches("h[1-6]");
    }

    private void append(String words) {
      boolean atBorder = text.isEmpty() || Character.isWhitespace(text.charAt(text.length() - 1));
      text.append(atBorder ? words.stripLeading() : words);
    }

    private void endParagraph() {
      int end = text.length();
      while (end > 0 && Character.isWhitespace(text.charAt(end - 1))) {
        end--;
      }
      text.setLength(end);
      if (end > 0) {
        text.append("\n\n");
      }
    }
  }
}
