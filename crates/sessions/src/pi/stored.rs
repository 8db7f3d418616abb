//! Pi's rows as databases hold them: an entry's own text in one column, or what is common to all entries in columns and the rest as a
//! payload.
//!
//! **Invariant:** what a file would hold comes out, the text of every value untouched, so that a session that its client moved
//! from a file into a database is the same messages as before.

use crate::json::Fields;
use serde_json::Value;
use serde_json::value::RawValue;

/// The row of a file that stands in the row of a database; the kind of what is not known, or an empty text, where it says
/// nothing. None where `fields` are no row of a database.
pub(crate) fn inner(fields: &Fields<'_>) -> Option<Result<String, String>> {
    let (table, row) = (fields.text("table")?, fields.object("row")?);
    Some(match table.as_str() {
        "transcript_events" => event(&row),
        "sessions" if row.get("session_id").is_none() => Ok(header(&row)),
        "sessions" | "session_windows" => Err(String::new()),
        "entries" => payload(&row, "entry"),
        "records" => payload(&row, "record"),
        "lane_moves" => Ok(r#"{"kind":"lane"}"#.to_owned()),
        "facts" => Ok(fact(&row)),
        _ => Err(format!("table:{table}")),
    })
}

/// An event as it was; the time of its row where it tells none.
fn event(row: &Fields<'_>) -> Result<String, String> {
    let text = row.text("event_json").ok_or("(event that is no text)")?;
    let fields = Fields::parse(&text).ok_or("(event that is no object)")?;
    match row.get("created_at") {
        Some(at) if fields.get("timestamp").is_none() => Ok(joined([("timestamp", at.get())], &fields)),
        _ => Ok(text),
    }
}

fn header(row: &Fields<'_>) -> String {
    let names = [("id", "id"), ("createdAt", "created_at"), ("cwd", "cwd"), ("parentSessionId", "parent_session_id")];
    let told = names.iter().filter_map(|(name, column)| Some((*name, row.get(column)?.get())));
    joined([("kind", "\"header\"")].into_iter().chain(told), &Fields::default())
}

/// An entry or a record whose payload lacks what has a column of its own.
fn payload(row: &Fields<'_>, kind: &str) -> Result<String, String> {
    let text = row.text("payload").ok_or("(payload that is no text)")?;
    let fields = Fields::parse(&text).ok_or("(payload that is no object)")?;
    let kind = format!("\"{kind}\"");
    let names = [("id", "id"), ("type", "type"), ("timestamp", "timestamp")];
    let told = names.iter().filter_map(|(name, column)| Some((*name, row.get(column)?.get())));
    // The root of a tree says so.
    let parent = row.get("parent_id").map_or("null", |parent| parent.get());
    Ok(joined([("kind", kind.as_str()), ("parentId", parent)].into_iter().chain(told), &fields))
}

/// What is told of a session or an entry beside the tree; the value is JSON in a text.
fn fact(row: &Fields<'_>) -> String {
    let fact = Value::from(row.text("kind")).to_string();
    let text = row.text("value").unwrap_or_else(|| "null".to_owned());
    let value = if serde_json::from_str::<&RawValue>(&text).is_ok() { text } else { Value::from(text).to_string() };
    joined([("kind", "\"fact\""), ("fact", fact.as_str()), ("value", value.as_str())], &Fields::default())
}

/// An object of `first` and of what `rest` has beside it.
fn joined<'a>(first: impl IntoIterator<Item = (&'a str, &'a str)>, rest: &Fields<'_>) -> String {
    let mut out = String::from("{");
    let mut known = Vec::new();
    let mut push = |name: &str, raw: &str| {
        if out.len() > 1 {
            out.push(',');
        }
        out += &format!("{}:{raw}", Value::from(name));
    };
    for (name, raw) in first {
        push(name, raw);
        known.push(name.to_owned());
    }
    for (name, raw) in rest.iter().filter(|(name, _)| !known.iter().any(|known| known == name)) {
        push(name, raw.get());
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match inner(&Fields::parse(text).unwrap()) {
            Some(Ok(text)) => text,
            Some(Err(kind)) => format!("not known: {kind}"),
            None => "no row of a database".to_owned(),
        }
    }

    #[test]
    fn rows_of_databases_are_rows_of_files() {
        let cases = [
            (
                r#"{"table":"entries","row":{"seq":2,"id":"e","parent_id":null,"type":"message","timestamp":"T","payload":"{\"message\":{\"n\":1.0},\"id\":\"x\"}"}}"#,
                r#"{"kind":"entry","parentId":null,"id":"e","type":"message","timestamp":"T","message":{"n":1.0}}"#,
            ),
            (r#"{"table":"entries","row":{"payload":"{\"message\""}}"#, "not known: (payload that is no object)"),
            (r#"{"table":"records","row":{"payload":7}}"#, "not known: (payload that is no text)"),
            (
                r#"{"table":"facts","row":{"kind":"name","value":"\"Buoys\""}}"#,
                r#"{"kind":"fact","fact":"name","value":"Buoys"}"#,
            ),
            (r#"{"table":"facts","row":{"kind":null,"value":null}}"#, r#"{"kind":"fact","fact":null,"value":null}"#),
            (r#"{"table":"sessions","row":{"id":"s","cwd":"/a"}}"#, r#"{"kind":"header","id":"s","cwd":"/a"}"#),
            (
                r#"{"table":"transcript_events","row":{"event_json":"{\"id\": 1}","created_at":5}}"#,
                r#"{"timestamp":5,"id":1}"#,
            ),
            (
                r#"{"table":"transcript_events","row":{"event_json":"{\"timestamp\": 1}","created_at":5}}"#,
                r#"{"timestamp": 1}"#,
            ),
            (r#"{"table":"omens","row":{}}"#, "not known: table:omens"),
            (r#"{"table":"entries"}"#, "no row of a database"),
        ];
        for (row, wanted) in cases {
            assert_eq!(told(row), wanted, "{row}");
        }
    }
}
