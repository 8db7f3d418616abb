//! Whether a text ends by asking something.

/// True where the last sentence is a question. What stands in brackets at the end (a caption, a remark), closing quotes and
/// emoji are no sentence.
#[must_use]
pub fn is_question(text: &str) -> bool {
    let mut rest = text.trim_end();
    loop {
        let before = match rest.chars().next_back() {
            Some(']') => rest.rfind('[').and_then(|start| rest.get(..start)),
            Some(')') => rest.rfind('(').and_then(|start| rest.get(..start)),
            Some('?' | '？' | '؟' | '⁇' | '‽') => return true,
            Some(c) if !c.is_alphanumeric() && !is_end(c) => rest.get(..rest.len() - c.len_utf8()),
            _ => return false,
        };
        match before {
            Some(before) => rest = before.trim_end(),
            None => return false,
        }
    }
}

/// Ends a sentence that is no question.
const fn is_end(c: char) -> bool {
    matches!(c, '.' | '!' | '…' | '。' | '！' | ';' | ':')
}

#[cfg(test)]
mod tests {
    use super::is_question;

    #[test]
    fn the_last_sentence_decides() {
        for text in [
            "Which port does it use?",
            "I moved. And you? 😊",
            "\"Really?\"",
            "Look! What is that? [image: a red bird]",
            "天気は？",
            "really? (just asking)",
        ] {
            assert!(is_question(text), "{text}");
        }
        for text in ["", "   ", "Which port? 5433.", "I wonder", "No! 😊", "a[0]", "(?)", "See https://x.y/?q=1"] {
            assert!(!is_question(text), "{text}");
        }
    }
}
