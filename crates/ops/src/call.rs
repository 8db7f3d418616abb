//! The one way in: every door ends here, whatever it reads bytes from.

use crate::check::{help_command, refuse, shape};
use crate::names;
use crate::operation::{Access, Progress, Spec};
use crate::schema::{Field, IDEMPOTENCY_KEY, Shape, fields};
use jay_core::{ActorKind, Call, Caller, Door, Engine, Idempotency, Surroundings};
use jay_types::bounds::{QUERY_MAX_BYTES, Word};
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Result};
use serde_json::{Map, Value};

/// Who calls, what they call upon, and where time and randomness come from.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The engine.
    pub engine: &'a Engine,
    /// Who calls, through which door.
    pub caller: &'a Caller,
    /// Time and randomness.
    pub surroundings: &'a dyn Surroundings,
}

/// Fields that ask for what only a person may see, and only where a person looks.
const FOR_PEOPLE: [&str; 2] = ["include_forgotten", "reveal"];

/// Runs `spec` with `input`, the JSON object of its fields.
///
/// # Errors
/// `bad_input` where the input is not one of the operation; `refused` where this door or caller may not; and
/// whatever the operation answers.
pub fn call(spec: &Spec, context: &Context<'_>, input: Value) -> Result<Value> {
    call_with_progress(spec, context, input, &mut |_, _, _| {})
}

/// [`call()`], telling how far a long operation has come.
///
/// # Errors
/// As [`call()`].
pub fn call_with_progress(
    spec: &Spec,
    context: &Context<'_>,
    input: Value,
    progress: &mut Progress<'_>,
) -> Result<Value> {
    let caller = context.caller;
    let started = context.surroundings.now();
    let span = tracing::info_span!("operation", op = spec.name, door = ?caller.door, actor = ?caller.kind);
    let _entered = span.enter();
    let answer = prepared(spec, context, input, progress).map_err(|error| helped(spec, error));
    let outcome = answer.as_ref().map_or_else(|error| error.code.name(), |_| "ok");
    let milliseconds = (context.surroundings.now().0 - started.0) / 1000;
    let is_defect = matches!(&answer, Err(error) if matches!(error.code, Code::Internal | Code::Damaged));
    // At the command line the failure is printed for the same reader; elsewhere the log is all that an operator sees.
    if is_defect && caller.door != Door::Cli {
        tracing::error!(op = spec.name, outcome, milliseconds, "operation failed");
    } else {
        tracing::info!(outcome, milliseconds, "operation done");
    }
    answer
}

/// A failure that says what helps: no door answers one that does not.
fn helped(spec: &Spec, error: Error) -> Error {
    if error.hint.is_some() {
        return error;
    }
    let hint = match error.code {
        Code::BadInput | Code::Ambiguous => format!("`{}` lists every field and its bounds.", help_command(spec.name)),
        Code::NotFound => "`jay list` shows the memories here, `jay session list` the sessions.".to_owned(),
        Code::Busy => "Send it again; `jay status` tells what waits.".to_owned(),
        _ => "`jay doctor` tells what is wrong with the store.".to_owned(),
    };
    error.hint(hint)
}

fn prepared(spec: &Spec, context: &Context<'_>, input: Value, progress: &mut Progress<'_>) -> Result<Value> {
    offered(spec, context.caller)?;
    names::actor(context.caller)?;
    let Value::Object(mut input) = input else {
        return Err(refuse(spec.name, "input", "must be a JSON object"));
    };
    let fields = fields(spec.input_schema());
    let cut = cut_long_query(&mut input, &fields, context.caller.door);
    shape(spec.name, &fields, &input)?;
    permitted(spec, context.caller, &input)?;
    if spec.access.writes() {
        names::without_secrets(spec, context.caller, &input)?;
    }
    let idempotency = idempotency(spec, &mut input, &context.caller.namespace)?;
    let call = Call { engine: context.engine, caller: context.caller, now: context.surroundings.now(), idempotency };
    let mut answer = spec.run(&call, &Value::Object(input), progress)?;
    if let (true, Some(notes)) = (cut, answer.get_mut("notes").and_then(Value::as_array_mut)) {
        notes.push(format!("query cut to {QUERY_MAX_BYTES} bytes").into());
    }
    Ok(answer)
}

/// Whether `spec` is offered at the caller's door, to this kind of actor.
fn offered(spec: &Spec, caller: &Caller) -> Result<()> {
    let words = spec.words();
    if !spec.doors.contains(&caller.door) {
        let error = Error::new(Code::Refused, format!("{} is not offered at this door", spec.name));
        return Err(if spec.doors.contains(&Door::Cli) {
            error.hint(format!("Run `jay {words}` at the command line."))
        } else {
            error.hint(format!("Send it as a line of `jay call`: {{\"op\":\"{}\",\"input\":{{…}}}}.", spec.name))
        });
    }
    if matches!(spec.access, Access::Admin | Access::Arrange) && caller.kind != ActorKind::Person {
        return Err(Error::new(Code::Refused, format!("{} is for people only", spec.name))
            .hint(format!("Ask the person you work for to run `jay {words}`.")));
    }
    Ok(())
}

/// Whether the caller may see what the input asks for.
fn permitted(spec: &Spec, caller: &Caller, input: &Map<String, Value>) -> Result<()> {
    let looks_itself = caller.kind == ActorKind::Person && matches!(caller.door, Door::Cli | Door::Web);
    match FOR_PEOPLE.into_iter().find(|field| input.get(*field) == Some(&Value::Bool(true))) {
        Some(field) if !looks_itself => {
            Err(Error::new(Code::Refused, format!("`{field}` is for people only, at the command line or the web"))
                .hint(format!(
                    "Ask the person you work for to run `jay {} --{}`.",
                    spec.words(),
                    field.replace('_', "-")
                )))
        }
        _ => Ok(()),
    }
}

/// A query from the command line may be a pasted page: it is cut where HTTP and MCP refuse it. True where it was.
fn cut_long_query(input: &mut Map<String, Value>, fields: &[Field], door: Door) -> bool {
    let bounded =
        |field: &&Field| matches!(field.shape, Shape::Text { max_bytes } if max_bytes == Some(QUERY_MAX_BYTES as u64));
    if !matches!(door, Door::Cli | Door::Call) {
        return false;
    }
    let Some(field) = fields.iter().find(bounded) else { return false };
    match input.get_mut(&field.name) {
        Some(Value::String(query)) if query.len() > QUERY_MAX_BYTES => {
            *query = cut_query(query);
            true
        }
        _ => false,
    }
}

/// The first occurrence of each word of `query`, as many as fit: a repeated word finds nothing more.
fn cut_query(query: &str) -> String {
    let mut seen = std::collections::HashSet::new();
    let mut cut = String::new();
    for word in query.split_whitespace().filter(|word| seen.insert(*word)) {
        if cut.len() + word.len() + 1 > QUERY_MAX_BYTES {
            if cut.is_empty() {
                let end = (0..=QUERY_MAX_BYTES).rev().find(|at| word.is_char_boundary(*at)).unwrap_or(0);
                cut.push_str(word.get(..end).unwrap_or_default());
            }
            break;
        }
        if !cut.is_empty() {
            cut.push(' ');
        }
        cut.push_str(word);
    }
    cut
}

/// Takes the idempotency key out of the input; the hash is over what is left, so that spelling order does not matter,
/// and over where the caller stands: the same words in another namespace are another write.
fn idempotency(spec: &Spec, input: &mut Map<String, Value>, here: &NamespacePath) -> Result<Option<Idempotency>> {
    if !spec.access.writes() {
        return Ok(None);
    }
    let Some(Value::String(key)) = input.remove(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = Word::new(key).map_err(|reason| refuse(spec.name, IDEMPOTENCY_KEY, reason))?;
    let mut canonical = String::new();
    let mut hashed = input.clone();
    let namespace = hashed.entry("namespace").or_insert(Value::Null);
    if namespace.is_null() {
        *namespace = here.as_str().into();
    }
    write_canonical(&Value::Object(hashed), &mut canonical);
    Ok(Some(Idempotency { operation: spec.name, key, input_hash: *blake3::hash(canonical.as_bytes()).as_bytes() }))
}

/// JSON with sorted keys and without fields that are `null`, which mean the same as fields not given.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().filter(|(_, value)| !value.is_null()).collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (key, value) in entries {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_input_in_another_order_has_the_same_hash() {
        let spec = crate::find("remember").unwrap();
        let hash_in = |here: &str, input: Value| {
            let mut input = input.as_object().unwrap().clone();
            let key = idempotency(spec, &mut input, &NamespacePath::parse(here).unwrap()).unwrap().unwrap();
            assert!(!input.contains_key(IDEMPOTENCY_KEY) && !input.contains_key("namespace"));
            key.input_hash
        };
        let hash = |input: Value| hash_in("work", input);
        let first = hash(json!({"text": "a", "tags": ["x"], "idempotency_key": "k"}));
        assert_eq!(first, hash(json!({"idempotency_key": "other", "tags": ["x"], "title": null, "text": "a"})));
        assert_ne!(first, hash(json!({"text": "b", "tags": ["x"], "idempotency_key": "k"})));
        assert_ne!(first, hash_in("home", json!({"text": "a", "tags": ["x"], "idempotency_key": "k"})));
    }

    #[test]
    fn a_long_query_keeps_each_word_once() {
        assert_eq!(cut_query("a b a c"), "a b c");
        let words: String = (0..100_000).map(|i| format!("word{i} ")).collect();
        let cut = cut_query(&words);
        assert!(cut.len() <= QUERY_MAX_BYTES && cut.starts_with("word0 word1 "));
        assert_eq!(cut_query(&"é".repeat(QUERY_MAX_BYTES)).len(), QUERY_MAX_BYTES);
    }
}
