//! How many tokens a text costs a model, estimated without a tokenizer.
//!
//! The budget is a promise to the caller, so the estimate errs upwards: a test holds it against a real tokenizer.

/// Tokens of `text`, never fewer than a byte-pair tokenizer of today's size makes of ordinary text.
///
/// Words cost one token for every four letters begun, digits one for every two, every other sign one, and what is
/// not ASCII one for every two bytes.
#[must_use]
pub fn estimate(text: &str) -> usize {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Space,
        Letter,
        Digit,
        Sign,
        Other,
    }
    let class_of = |c: char| match c {
        c if c.is_whitespace() => Class::Space,
        c if c.is_ascii_alphabetic() => Class::Letter,
        c if c.is_ascii_digit() => Class::Digit,
        c if c.is_ascii() => Class::Sign,
        _ => Class::Other,
    };
    let cost = |class: Class, bytes: usize| match class {
        Class::Space => bytes.saturating_sub(1).div_ceil(2),
        Class::Letter => bytes.div_ceil(4),
        Class::Digit | Class::Other => bytes.div_ceil(2),
        Class::Sign => bytes,
    };
    let mut total = 0;
    let mut run = (Class::Space, 0);
    for c in text.chars() {
        let class = class_of(c);
        if class != run.0 {
            total += cost(run.0, run.1);
            run = (class, 0);
        }
        run.1 += c.len_utf8();
    }
    total + cost(run.0, run.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_not_below_the_tokenizer() {
        let tokenizer = tiktoken_rs::cl100k_base().unwrap();
        for text in [
            "Staging Postgres listens on 5433, not 5432; the pooler in front of it still says 5432.",
            "- [0707070a] (gotcha, 2026-05-01, work/acme/api, claude-code) parseHttpHeader drops `X-Forwarded-For`",
            "fn main() { println!(\"{}\", std::env::args().count()); } // src/main.rs:12",
            "データベースの接続は五分で切れる。再試行は三回まで。",
            "Die Übergabe läuft über die Schnittstelle für Störmeldungen; Rückfragen an Jürgen.",
            "{\"op\":\"recall\",\"input\":{\"query\":\"which port\",\"limit\":5}}",
            "018bcfe5-6800-7707-8707-070707070707 2026-05-01T10:00:00Z",
            "Привет, это проверка оценки количества токенов.",
        ] {
            let real = tokenizer.encode_ordinary(text).len();
            assert!(estimate(text) >= real, "{text}: estimated {}, really {real}", estimate(text));
            assert!(estimate(text) <= real * 3, "{text}: estimated {}, really {real}", estimate(text));
        }
    }
}
