//! Chunks: the pieces of a long text that are embedded one by one.
//!
//! A model reads a few hundred tokens and drops the rest silently; chunks make every part of a text findable, and a
//! hit can point at its span.
//!
//! **Invariant:** spans start at 0, end at the text's end, leave no gap, each starts after the one before it, and all
//! ends lie on character boundaries.

use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation as _;

/// Bytes of a text.
pub type Span = Range<usize>;

/// Cuts `text` into spans of at most `max_tokens` tokens, sentence by sentence where sentences fit, else by words, else
/// by characters. Each span but the first repeats about `overlap` tokens (at most half of `max_tokens`) of the one
/// before it, so that a thought at a cut is whole in one of them. Tokens are estimated: a word of up to six letters,
/// three digits, or one sign each. No span for an empty text.
#[must_use]
pub fn chunks(text: &str, max_tokens: usize, overlap: usize) -> Vec<Span> {
    let max_tokens = max_tokens.max(1);
    let overlap = overlap.min(max_tokens / 2);
    let pieces = pieces(text, max_tokens);
    let mut out: Vec<Span> = Vec::new();
    let mut first = 0;
    while first < pieces.len() {
        let (mut tokens, mut next) = (0, first);
        while let Some((_, size)) = pieces.get(next).filter(|(_, size)| next == first || tokens + size <= max_tokens) {
            tokens += size;
            next += 1;
        }
        let start = pieces.get(first).map_or(0, |(span, _)| span.start);
        let end = pieces.get(next).map_or(text.len(), |(span, _)| span.start);
        out.push(start..end);
        if next >= pieces.len() {
            break;
        }
        let (mut back, mut repeated) = (next, 0);
        while let Some((_, size)) = back.checked_sub(1).filter(|i| *i > first).and_then(|i| pieces.get(i)) {
            // Room must be left for the piece that comes next, or the repetition would be all there is.
            let coming = pieces.get(next).map_or(0, |(_, size)| *size);
            if repeated + size > overlap || repeated + size + coming > max_tokens {
                break;
            }
            repeated += size;
            back -= 1;
        }
        // White space counts nothing and is not worth repeating.
        while back < next && pieces.get(back).is_some_and(|(_, size)| *size == 0) {
            back += 1;
        }
        first = back;
    }
    out
}

/// Consecutive pieces that cover the text, none larger than `max_tokens`.
fn pieces(text: &str, max_tokens: usize) -> Vec<(Span, usize)> {
    let mut out = Vec::new();
    for (start, sentence) in text.split_sentence_bound_indices() {
        let size = tokens(sentence);
        if size <= max_tokens {
            out.push((start..start + sentence.len(), size));
            continue;
        }
        for (offset, word) in sentence.split_word_bound_indices() {
            let start = start + offset;
            let size = tokens(word);
            if size <= max_tokens {
                out.push((start..start + word.len(), size));
                continue;
            }
            // A character is at most one token, so this many always fit.
            let indices: Vec<usize> = word.char_indices().map(|(i, _)| i).chain([word.len()]).collect();
            let mut from = 0;
            while let (Some(a), Some(b)) = (indices.get(from), indices.get((from + max_tokens).min(indices.len() - 1)))
            {
                if a == b {
                    break;
                }
                out.push((start + a..start + b, tokens(word.get(*a..*b).unwrap_or_default())));
                from += max_tokens;
            }
        }
    }
    out
}

/// Tokens of a piece, rather too many than too few, and never more than its characters: white space counts nothing.
fn tokens(text: &str) -> usize {
    let (mut count, mut letters, mut digits) = (0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            count += usize::from(letters.is_multiple_of(6));
            (letters, digits) = (letters + 1, 0);
        } else if c.is_ascii_digit() {
            count += usize::from(digits.is_multiple_of(3));
            (letters, digits) = (0, digits + 1);
        } else {
            count += usize::from(!c.is_whitespace());
            (letters, digits) = (0, 0);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str, max: usize, overlap: usize) -> Vec<&str> {
        chunks(text, max, overlap).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn sentences_stay_whole_where_they_fit() {
        let text = "One two three. Four five six. Seven eight nine. Ten.";
        assert_eq!(texts(text, 8, 0), ["One two three. Four five six. ", "Seven eight nine. Ten."]);
        assert_eq!(
            texts(text, 8, 4),
            ["One two three. Four five six. ", "Four five six. Seven eight nine. ", "Seven eight nine. Ten."]
        );
        assert_eq!(texts("short", 100, 10), ["short"]);
        assert_eq!(texts("", 100, 10), Vec::<&str>::new());
    }

    #[test]
    fn what_has_no_sentences_is_cut_by_words_and_characters() {
        assert_eq!(texts("a b c d e", 2, 0), ["a b ", "c d ", "e"]);
        assert_eq!(texts("日本語の文", 2, 0).concat(), "日本語の文");
        let blob = "x".repeat(1000);
        assert!(texts(&blob, 10, 3).iter().all(|chunk| tokens(chunk) <= 10));
    }

    proptest! {
        #[test]
        fn chunks_cover_the_text(text in "(\\PC{0,12}|[a-z]{1,9}[. ]){0,60}", max in 0usize..30, overlap in 0usize..40) {
            let spans = chunks(&text, max, overlap);
            prop_assert_eq!(spans.first().map_or(0, |span| span.start), 0);
            prop_assert_eq!(spans.last().map_or(0, |span| span.end), text.len());
            for pair in spans.windows(2) {
                prop_assert!(pair[1].start <= pair[0].end && pair[1].start > pair[0].start && pair[1].end > pair[0].end);
            }
            for span in spans {
                let chunk = text.get(span);
                prop_assert!(chunk.is_some_and(|chunk| tokens(chunk) <= max.max(1)), "{:?}", chunk);
            }
        }
    }
}
