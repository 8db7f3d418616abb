//! Words of the command line to the JSON input of an operation.

use crate::arguments::{global, has_namespace, shown};
use clap::ArgMatches;
use jay_ops::Spec;
use jay_ops::schema::{Field, Shape, fields};
use jay_types::bounds::{BODY_MAX_BYTES, QUERY_MAX_BYTES};
use jay_types::namespace::NamespacePath;
use jay_types::{Error, Result};
use serde_json::{Map, Value};
use std::io::Read;

/// Bytes of the longest line that is read for a field; the catalogue judges what is shorter.
const LINE_MAX_BYTES: usize = 4096;

/// The input that `matches` spell for `spec`. `-` in place of a long text reads it from `stdin`, and in place of a secret a line.
///
/// # Errors
/// `io` or `bad_input` where stdin cannot be read as text.
pub(crate) fn input(spec: &Spec, matches: &ArgMatches, stdin: &mut dyn Read) -> Result<Value> {
    let all = fields(spec.input_schema());
    let mut input = object(&shown(&all), matches, "", stdin)?;
    if let (true, Some(path)) = (has_namespace(spec), matches.get_one::<String>(global::NAMESPACE)) {
        input.insert("namespace".to_owned(), path.as_str().into());
    }
    Ok(Value::Object(input))
}

/// True where `given` is no namespace to stand in, and the operation has a field of that name to which it is given.
pub(crate) fn is_only_a_fields(matches: &ArgMatches, given: &str) -> bool {
    let has_field = || crate::app::operation_of(matches).is_some_and(|(spec, _)| has_namespace(spec));
    NamespacePath::parse(given).is_err() && has_field()
}

fn object(fields: &[Field], matches: &ArgMatches, path: &str, stdin: &mut dyn Read) -> Result<Map<String, Value>> {
    let mut object = Map::new();
    for field in fields {
        let id = format!("{path}{}", field.name);
        let value = match &field.shape {
            Shape::Object(inner) => {
                let inner = self::object(inner, matches, &format!("{id}."), stdin)?;
                (!inner.is_empty()).then_some(Value::Object(inner))
            }
            Shape::Bool if !field.nullable => matches.get_flag(&id).then_some(Value::Bool(true)),
            Shape::List { item, .. } => {
                let words = matches.get_many::<String>(&id);
                words.map(|words| Value::Array(words.map(|word| from_word(item, word)).collect()))
            }
            Shape::Text { .. } if field.is_secret && matches.get_one::<String>(&id).is_some_and(|word| word == "-") => {
                Some(Value::String(read_line(&field.name, stdin)?))
            }
            shape => match matches.get_one::<String>(&id) {
                Some(word) if word == "-" && is_long_text(shape) => Some(Value::String(read_text(stdin)?)),
                word => word.map(|word| from_word(shape, word)),
            },
        };
        if let Some(value) = value {
            object.insert(field.name.clone(), value);
        }
    }
    Ok(object)
}

/// The value that a word spells. One that spells none stays text, which the catalogue refuses by name.
fn from_word(shape: &Shape, word: &str) -> Value {
    let text = || Value::String(word.to_owned());
    match shape {
        Shape::Integer { .. } => word.parse::<i64>().map_or_else(|_| text(), Value::from),
        Shape::Number => {
            word.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or_else(text, Value::Number)
        }
        Shape::Bool => word.parse::<bool>().map_or_else(|_| text(), Value::from),
        Shape::Any => serde_json::from_str(word).unwrap_or_else(|_| text()),
        _ => text(),
    }
}

fn is_long_text(shape: &Shape) -> bool {
    matches!(shape, Shape::Text { max_bytes: Some(max) } if *max >= QUERY_MAX_BYTES as u64)
}

fn read_text(stdin: &mut dyn Read) -> Result<String> {
    let mut bytes = Vec::new();
    let limit = BODY_MAX_BYTES as u64 + 1;
    stdin.take(limit).read_to_end(&mut bytes).map_err(|error| Error::io("cannot read stdin", &error))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::bad_input("what stands on stdin is not UTF-8 text"))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// One line, byte by byte: what stands after it is another field's.
fn read_line(name: &str, stdin: &mut dyn Read) -> Result<String> {
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        crate::output::to_stderr(&format!("{name}: "));
    }
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while bytes.len() < LINE_MAX_BYTES {
        let read = stdin.read(&mut byte).map_err(|error| Error::io("cannot read stdin", &error))?;
        if read == 0 || byte == *b"\n" {
            break;
        }
        bytes.extend(byte);
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::bad_input("what stands on stdin is not UTF-8 text"))?;
    Ok(text.trim_end_matches('\r').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spelled(words: &[&str], stdin: &str) -> Value {
        let matches = crate::arguments::command().try_get_matches_from(std::iter::once(&"jay").chain(words)).unwrap();
        let (spec, matches) = crate::app::operation_of(&matches).unwrap();
        input(spec, matches, &mut stdin.as_bytes()).unwrap()
    }

    #[test]
    fn words_and_json_are_the_same_input() {
        let same = |words: &[&str], expected: Value| assert_eq!(spelled(words, ""), expected, "{words:?}");
        same(&["remember", "a b"], json!({"text": "a b"}));
        same(
            &[
                "remember",
                "x",
                "--kind",
                "gotcha",
                "-t",
                "db",
                "--tag",
                "net",
                "--source-session",
                "s1",
                "--pinned",
                "--importance",
                "0.5",
            ],
            json!({"text": "x", "kind": "gotcha", "tags": ["db", "net"], "importance": 0.5, "pinned": true, "source": {"session": "s1"}}),
        );
        same(&["-n", "work/x", "remember", "x"], json!({"text": "x", "namespace": "work/x"}));
        same(
            &["recall", "which port", "--limit", "5", "--kind", "fact", "--all"],
            json!({"query": "which port", "all": true, "kinds": ["fact"], "limit": 5}),
        );
        same(&["get", "abcdef", "ghijkl"], json!({"ids": ["abcdef", "ghijkl"]}));
        same(
            &["update", "abcdef", "--pinned=false", "--clear", "key", "--if-version", "3"],
            json!({"id": "abcdef", "pinned": false, "clear": ["key"], "if_version": 3}),
        );
        same(&["move", "abcdef", "--to", "a/b"], json!({"id": "abcdef", "to": "a/b"}));
        same(&["namespace", "alias", "a", "b", "--remove"], json!({"path": "a", "alias": "b", "remove": true}));
        same(
            &["session", "sync", "generic", "--path", "f", "--dry-run"],
            json!({"clients": ["generic"], "path": "f", "dry_run": true}),
        );
        same(
            &["session", "search", "OCC", "--role", "user", "--group", "session"],
            json!({"query": "OCC", "role": "user", "group": "session"}),
        );
        same(&["status", "--json"], json!({}));
    }

    #[test]
    fn wrong_values_are_left_for_the_catalogue() {
        assert_eq!(
            spelled(&["recall", "a", "--limit", "many", "--kind", "wisdom"], ""),
            json!({"query": "a", "limit": "many", "kinds": ["wisdom"]})
        );
        assert_eq!(spelled(&["remember", "a", "--importance", "-1"], ""), json!({"text": "a", "importance": -1.0}));
    }

    #[test]
    fn a_hyphen_reads_the_text_from_stdin() {
        assert_eq!(spelled(&["remember", "-"], "line 1\nline 2\n"), json!({"text": "line 1\nline 2"}));
        assert_eq!(
            spelled(&["update", "abcdef", "--text", "-", "--title", "-"], "new\n"),
            json!({"id": "abcdef", "text": "new", "title": "-"})
        );
        // A secret is a line, so that no list of processes shows it.
        assert_eq!(
            spelled(&["vault", "join", "home", "--code", "-", "--passphrase", "-"], "one two\r\nthree \nrest"),
            json!({"remote": "home", "code": "one two", "passphrase": "three "})
        );
        assert_eq!(spelled(&["vault", "add", "--passphrase", "-"], "words"), json!({"passphrase": "words"}));
    }
}
