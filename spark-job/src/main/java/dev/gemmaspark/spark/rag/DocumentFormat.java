package dev.gemmaspark.spark.rag;

import dev.gemmaspark.spark.rag.HiddenText.Cleaned;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Comment;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.Node;
import org.jsoup.nodes.TextNode;
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
      Matcher first = LONE_FIRST_LINE.matcher(text);
      if (first.lookingAt() && first.group(1).length() <= LONGEST_TITLE) {
        headings.open(1, first.group(1).strip(), 0, first.end());
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
        Matcher heading = MARKDOWN_HEADING.matcher(line);
        if (!code && heading.lookingAt()) {
          headings.open(heading.group(1).length(), heading.group(2).strip(), at, end);
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
  private static final Pattern LONE_FIRST_LINE =
      Pattern.compile("\\s*([^\\n]*[^\\s.!?:;,])[ \\t\\r]*\\n[ \\t\\r]*\\n(?=\\s*\\S)");
  private static final Pattern MARKDOWN_HEADING = Pattern.compile(" {0,3}(#{1,6})[ \\t]+(.*?)[ \\t]*#*[ \\t]*\\r?\\n?$");

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

  /** Takes out what a browser does not show, and counts its characters. */
  private static int removeHidden(Document document) {
    int removed = 0;
    for (Element element :
        document.select("script, style, noscript, template, [hidden], [aria-hidden=true], [style~=(?i)display\\s*:\\s*none], [style~=(?i)visibility\\s*:\\s*hidden], [style~=(?i)font-size\\s*:\\s*0]")) {
      removed += element.text().length();
      element.remove();
    }
    int[] comments = new int[1];
    document.traverse(
        (node, depth) -> {
          if (node instanceof Comment comment) {
            comments[0] += comment.getData().length();
          }
        });
    return removed + comments[0];
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
