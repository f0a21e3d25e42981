package dev.gemmaspark.spark.rag;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.StopFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.classic.ClassicFilter;
import org.apache.lucene.analysis.classic.ClassicTokenizer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.analysis.tokenattributes.OffsetAttribute;

/**
 * Words to search terms. A word with digits and hyphens, such as {@code T-76537}, is one term, for that is what it means; its numbers are terms
 * beside it, for people leave the letters out. English words lose their endings.
 */
final class PassageAnalyzer extends Analyzer {
  /** Rises when the same text would give other terms. */
  static final int VERSION = 1;

  /** Most terms of a question; what follows them is not looked for. */
  static final int MOST_TERMS = 256;

  /** A number with so many digits on end is the name of something; a date, a sum or a version is not. */
  private static final Pattern NUMBER = Pattern.compile(".*\\d{5}.*");

  /** From so many digits on a word that has letters too is the name of something: {@code Q3}, {@code COVID-19} and {@code sha256} are common words. */
  private static final int DIGITS_OF_A_NAME = 4;

  /** A quantity: {@code 2nd}, {@code 1990s}, {@code 1080p}, {@code 5000km}. */
  private static final Pattern QUANTITY = Pattern.compile("[\\d.,]+\\p{L}{1,3}");

  private static final int PARTS = WordDelimiterGraphFilter.PRESERVE_ORIGINAL | WordDelimiterGraphFilter.GENERATE_NUMBER_PARTS;

  private final Language language;

  PassageAnalyzer(Language language) {
    this.language = language;
  }

  @Override
  protected TokenStreamComponents createComponents(String field) {
    Tokenizer words = new ClassicTokenizer();
    TokenStream terms = new LowerCaseFilter(new WordDelimiterGraphFilter(new ClassicFilter(words), PARTS, null));
    if (language == Language.ENGLISH) {
      terms = new PorterStemFilter(new StopFilter(terms, EnglishAnalyzer.ENGLISH_STOP_WORDS_SET));
    }
    return new TokenStreamComponents(words, terms);
  }

  /**
   * The different terms of a question, in their order, at most {@link #MOST_TERMS}. What is syntax to Lucene is not to this. The numbers in a
   * word are left out, for who asks for {@code INC-2024-76537} does not mean {@code INC-2023-76537}.
   */
  List<String> terms(String text) {
    Set<String> terms = new LinkedHashSet<>();
    try (TokenStream tokens = tokenStream("", text)) {
      CharTermAttribute term = tokens.addAttribute(CharTermAttribute.class);
      OffsetAttribute place = tokens.addAttribute(OffsetAttribute.class);
      tokens.reset();
      int end = -1;
      while (terms.size() < MOST_TERMS && tokens.incrementToken()) {
        // a word comes before its parts
        if (place.startOffset() >= end) {
          terms.add(term.toString());
          end = place.endOffset();
        }
      }
      tokens.end();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new ArrayList<>(terms);
  }

  /**
   * Whether a term is the name of one thing: a word of letters and four digits and more that is no quantity, or a number of five digits and
   * more on end. A passage without any of a question's is no evidence for it.
   */
  static boolean isIdentifier(String term) {
    boolean letters = term.chars().anyMatch(Character::isLetter);
    boolean named = letters && term.chars().filter(Character::isDigit).count() >= DIGITS_OF_A_NAME && !QUANTITY.matcher(term).matches();
    return named || NUMBER.matcher(term).matches();
  }
}
