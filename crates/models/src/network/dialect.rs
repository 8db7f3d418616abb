//! What is said to a server and what it answers, in the two ways in which servers of embeddings speak.
//!
//! **Invariant:** an answer becomes exactly one finite vector of the known length for each text, in the order of the texts, or
//! is refused with the reason; nothing of it but numbers is taken over.

use super::settings::Api;
use serde::Deserialize;
use serde_json::{Value, json};

/// The greatest length of a vector.
pub(super) const DIMENSION_MAX: usize = 4096;

/// Path below the base.
pub(super) const fn path(api: Api) -> &'static str {
    match api {
        Api::OpenAi => "embeddings",
        Api::Ollama => "api/embed",
    }
}

/// The request's body.
pub(super) fn body(api: Api, model: &str, texts: &[String]) -> Vec<u8> {
    let body = match api {
        Api::OpenAi => json!({"model": model, "input": texts}),
        // What is too long for the model is cut rather than refused: chunks are cut by an estimate.
        Api::Ollama => json!({"model": model, "input": texts, "truncate": true}),
    };
    body.to_string().into_bytes()
}

#[derive(Deserialize)]
struct OpenAiAnswer {
    data: Vec<OpenAiRow>,
}

#[derive(Deserialize)]
struct OpenAiRow {
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct OllamaAnswer {
    embeddings: Vec<Vec<f32>>,
}

/// The vectors of `texts` texts; of length `dimension` where it is known, else all of one length.
pub(super) fn vectors(
    api: Api,
    answer: &[u8],
    texts: usize,
    dimension: Option<usize>,
) -> Result<Vec<Vec<f32>>, String> {
    if answer.trim_ascii_start().first() == Some(&b'<') {
        return Err("it answered with a page, not with JSON".to_owned());
    }
    let no_answer = |_: serde_json::Error| format!("its answer is not what {} servers give", api.name());
    let vectors = match api {
        Api::Ollama => serde_json::from_slice::<OllamaAnswer>(answer).map_err(no_answer)?.embeddings,
        Api::OpenAi => ordered(serde_json::from_slice::<OpenAiAnswer>(answer).map_err(no_answer)?.data)?,
    };
    if vectors.len() != texts {
        return Err(format!("it gave {} vectors for {texts} texts", vectors.len()));
    }
    let wanted = dimension.or_else(|| vectors.first().map(Vec::len)).unwrap_or_default();
    if !(1..=DIMENSION_MAX).contains(&wanted) {
        return Err(format!("its vectors have {wanted} dimensions; 1 to {DIMENSION_MAX} are taken"));
    }
    for vector in &vectors {
        if vector.len() != wanted {
            return Err(format!("it gave a vector of {} dimensions, not of {wanted}", vector.len()));
        }
        if vector.iter().any(|value| !value.is_finite()) {
            return Err("it gave a vector with a value that is not a number".to_owned());
        }
        if vector.iter().all(|value| *value == 0.0) {
            return Err("it gave a vector of zeros".to_owned());
        }
        if !crate::vector::has_length(vector) {
            return Err("it gave a vector whose values are too small or too large for its length to be told".to_owned());
        }
    }
    Ok(vectors)
}

/// By `index`, where the rows have it.
fn ordered(mut rows: Vec<OpenAiRow>) -> Result<Vec<Vec<f32>>, String> {
    if rows.iter().any(|row| row.index.is_some()) {
        rows.sort_by_key(|row| row.index);
        if rows.iter().enumerate().any(|(place, row)| row.index != Some(place)) {
            return Err("its vectors are not numbered from 0 on".to_owned());
        }
    }
    Ok(rows.into_iter().map(|row| row.embedding).collect())
}

/// Letters of a key that must not stand in a message together.
const KEY_PART: usize = 12;

/// What the server says is wrong, `{"error": …}` in both dialects; none where it says nothing that can be read, or repeats a
/// good part of the key that it was sent.
pub(super) fn complaint(answer: &[u8], key: Option<&str>) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let error = answer.get("error")?;
    let text = error.as_str().or_else(|| error.get("message")?.as_str())?;
    // Before it is cut: a cut key is no whole key any more, and still most of one.
    let holds = |key: &str| {
        key.as_bytes()
            .windows(KEY_PART.min(key.len()))
            .any(|part| !part.is_empty() && text.as_bytes().windows(part.len()).any(|other| other == part))
    };
    if key.is_some_and(holds) {
        return None;
    }
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Some(jay_types::text::shorten(clean.trim(), 160)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn rows_are_ordered_by_their_index() {
        let answer = br#"{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}],"usage":{}}"#;
        assert_eq!(vectors(Api::OpenAi, answer, 2, None).unwrap(), [[1.0, 0.0], [0.0, 1.0]]);
        let answer = br#"{"data":[{"embedding":[0,1]},{"embedding":[1,0]}]}"#;
        assert_eq!(vectors(Api::OpenAi, answer, 2, Some(2)).unwrap(), [[0.0, 1.0], [1.0, 0.0]]);
        let answer = br#"{"model":"m","embeddings":[[0.5]]}"#;
        assert_eq!(vectors(Api::Ollama, answer, 1, Some(1)).unwrap(), [[0.5]]);
    }

    #[test]
    fn what_is_no_answer_is_refused_with_the_reason() {
        let said = |api, answer: &str, texts, dimension| vectors(api, answer.as_bytes(), texts, dimension).unwrap_err();
        let all = [
            said(Api::OpenAi, " <!doctype html><p>Sign in", 1, None),
            said(Api::OpenAi, "{}", 1, None),
            said(Api::Ollama, r#"{"data":[]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[[1],[2]]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[[]]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[[1,2],[3]]}"#, 2, None),
            said(Api::Ollama, r#"{"embeddings":[[1,2]]}"#, 1, Some(3)),
            said(Api::Ollama, r#"{"embeddings":[[1,NaN]]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[[1,1e300]]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[[0,0.0]]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[[3.4e38,3.4e38]]}"#, 1, None),
            said(Api::Ollama, r#"{"embeddings":[[1e-45,1e-45]]}"#, 1, None),
            said(Api::Ollama, &format!("{{\"embeddings\":[{:?}]}}", vec![1; 4097]), 1, None),
            said(Api::OpenAi, r#"{"data":[{"index":1,"embedding":[1]}]}"#, 1, None),
            said(Api::OpenAi, r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, 2, None),
        ];
        expect![[r#"
            it answered with a page, not with JSON
            its answer is not what openai servers give
            its answer is not what ollama servers give
            it gave 2 vectors for 1 texts
            it gave 0 vectors for 1 texts
            its vectors have 0 dimensions; 1 to 4096 are taken
            it gave a vector of 1 dimensions, not of 2
            it gave a vector of 2 dimensions, not of 3
            its answer is not what ollama servers give
            it gave a vector with a value that is not a number
            it gave a vector of zeros
            it gave a vector whose values are too small or too large for its length to be told
            it gave a vector whose values are too small or too large for its length to be told
            its vectors have 4097 dimensions; 1 to 4096 are taken
            its vectors are not numbered from 0 on
            its vectors are not numbered from 0 on"#]]
        .assert_eq(&all.join("\n"));
    }

    #[test]
    fn a_complaint_is_one_short_line() {
        let said = |text: &str| complaint(text.as_bytes(), None);
        assert_eq!(
            said(r#"{"error":"model \"x\" not found,\ntry pulling it"}"#).unwrap(),
            "model \"x\" not found, try pulling it"
        );
        assert_eq!(said(r#"{"error":{"message":"no such model","type":"t"}}"#).unwrap(), "no such model");
        assert!(said(&format!("{{\"error\":\"{}\"}}", "a".repeat(500))).unwrap().len() < 170);
        assert_eq!([said("<html>"), said("{}"), said(r#"{"error":{}}"#), said(r#"{"error":""}"#)], [const { None }; 4]);
    }

    #[test]
    fn a_complaint_that_repeats_the_key_is_not_told() {
        let key = "0123456789abcdefghij0123456789";
        let said = |text: &str| complaint(format!("{{\"error\":\"{text}\"}}").as_bytes(), Some(key));
        assert_eq!(said(&format!("no key {key}")), None);
        assert_eq!(said(&format!("{}Bearer {key}", "x".repeat(118))), None, "also where it would be cut");
        assert_eq!(said("no key 0123456789abcdefg***"), None, "nor most of it");
        assert_eq!(said("no key 0123***6789").unwrap(), "no key 0123***6789");
        assert_eq!(complaint(br#"{"error":"is k1 a key?"}"#, Some("k1")), None);
    }
}
