package dev.gemmaspark.spark.rag;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The numbers in square brackets of an answer, checked: each must be the number of a passage that was shown, and what the cited sentence puts
 * in quotation marks must stand in that passage. Others are taken out of the answer. Brackets that are part of what is said stay, and are no
 * citations: those in code (between backticks), with numbers that no passage can have, such as {@code [2024]}, joined to the word before them
 * without being the number of a passage, such as {@code a[10]}, and those that a passage has itself.
 *
 * @param answer without those that are wrong
 * @param citations right and wrong, in their order
 */
public record Citations(String answer, List<Citation> citations) {
  private static final Pattern MARKER = Pattern.compile("\\[(\\d{1,4}(?:\\s*[,;]\\s*\\d{1,4})*)]");
  private static final Pattern QUOTE = Pattern.compile("[\"\u201C]([^\"\u201C\u201D]{8,})[\"\u201D]");
  private static final Pattern NUMBERS = Pattern.compile("\\s*[,;]\\s*");

  /** No answer is shown more. */
  public static final int MOST_PASSAGES = 100;

  /**
   * A number that the answer cites.
   *
   * @param marker as the answer has it, from 1
   * @param valid whether it is right
   * @param start of the sentence that it stands for, in the answer
   * @param end of the sentence, before the bracket
   */
  public record Citation(int marker, boolean valid, int start, int end) {}

  public Citations {
    citations = List.copyOf(citations);
  }

  /** Checks an answer against the passages that were shown, the first of which is number 1. */
  public static Citations check(String said, List<String> passages) {
    String text = said.strip();
    StringBuilder answer = new StringBuilder();
    List<Citation> citations = new ArrayList<>();
    Matcher markers = MARKER.matcher(text);
    int at = 0;
    int sentence = 0;
    int sentenceEnd = 0;
    while (markers.find()) {
      List<String> numbers = List.of(NUMBERS.split(markers.group(1)));
      if (isPartOfText(text, markers, numbers, passages)) {
        continue;
      }
      String before = text.substring(at, markers.start());
      answer.append(before);
      if (!before.isBlank()) {
        // not another marker of the same sentence
        sentence = sentenceStart(answer, sentenceEnd);
        sentenceEnd = end(answer);
      }
      List<String> right = new ArrayList<>();
      for (String number : numbers) {
        int marker = Integer.parseInt(number);
        boolean valid = marker >= 1 && marker <= passages.size() && quotes(answer.substring(sentence, sentenceEnd), passages.get(marker - 1));
        citations.add(new Citation(marker, valid, sentence, sentenceEnd));
        if (valid) {
          right.add(number);
        }
      }
      if (right.isEmpty()) {
        answer.setLength(end(answer));
      } else {
        answer.append('[').append(String.join(", ", right)).append(']');
      }
      at = markers.end();
    }
    answer.append(text, at, text.length());
    return new Citations(answer.toString().stripTrailing(), citations);
  }

  private static boolean isPartOfText(String text, Matcher marker, List<String> numbers, List<String> passages) {
    long ticks = text.substring(0, marker.start()).chars().filter(c -> c == '`').count();
    if (ticks % 2 == 1 || numbers.stream().anyMatch(number -> Integer.parseInt(number) > MOST_PASSAGES)) {
      return true;
    }
    boolean shown = numbers.stream().mapToInt(Integer::parseInt).anyMatch(number -> number >= 1 && number <= passages.size());
    boolean joined = marker.start() > 0 && Character.isLetterOrDigit(text.charAt(marker.start() - 1));
    return !shown && (joined || passages.stream().anyMatch(passage -> passage.contains(marker.group())));
  }

  /**
   * Whether an answer says that there is none.
   *
   * @param abstention what it begins with then, in any case; nothing if that is blank
   */
  public static boolean isAbstention(String answer, String abstention) {
    String words = plain(abstention);
    return !words.isEmpty() && plain(MARKER.matcher(answer).replaceAll("")).startsWith(words);
  }

  /** Whether an instruction has the words of an abstention. */
  public static boolean saysAbstention(String instruction, String abstention) {
    return plain(instruction).contains(plain(abstention));
  }

  /** An answer as a person would say it: without brackets. */
  public static String withoutMarkers(String answer) {
    return MARKER.matcher(answer).replaceAll("").replaceAll("\\s+", " ").replaceAll(" ([.,;!?])", "$1").strip();
  }

  private static int end(CharSequence text) {
    int end = text.length();
    while (end > 0 && Character.isWhitespace(text.charAt(end - 1))) {
      end--;
    }
    return end;
  }

  /** Behind the sentence before the last one; a sentence that ends where the text does is the last one. */
  private static int sentenceStart(CharSequence text, int from) {
    int start = from;
    int end = end(text);
    for (int i = from; i < end - 1; i++) {
      char c = text.charAt(i);
      if ((c == '.' || c == '!' || c == '?' || c == ']') && Character.isWhitespace(text.charAt(i + 1))) {
        start = i + 1;
      }
    }
    while (start < end && (Character.isWhitespace(text.charAt(start)) || text.charAt(start) == ']' || text.charAt(start) == '.')) {
      start++;
    }
    return start;
  }

  private static boolean quotes(String sentence, String passage) {
    String plain = plain(passage);
    Matcher quotes = QUOTE.matcher(sentence);
    while (quotes.find()) {
      if (!plain.contains(plain(quotes.group(1)))) {
        return false;
      }
    }
    return true;
  }

  private static String plain(String text) {
    return text.replaceAll("\\s+", " ").strip().toLowerCase(Locale.ROOT).replaceAll("[.,!\u3002]+$", "");
  }
}
