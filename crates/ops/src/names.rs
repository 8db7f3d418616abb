//! Names that a caller makes: its own, a namespace's, a git remote's.
//!
//! A name is no text that a purge reaches: it stands in the journal's actors and namespaces for good, and in every
//! answer. So a secret in one is not masked but refused, and an actor's name is bounded like every other word.
//!
//! **Invariant:** no refusal holds the secret. Names that are there already can be named, so that they can be renamed.

use crate::check::refuse;
use crate::operation::Spec;
use jay_core::{Caller, secrets};
use jay_types::namespace::normalise_git_remote;
use jay_types::text::commands_the_terminal;
use jay_types::{Error, Result};
use serde_json::{Map, Value};

/// Bytes of the longest name of an actor.
pub(crate) const ACTOR_MAX_BYTES: usize = 256;

/// The fields in which an operation is told a new name.
const NEW_NAMES: [(&str, &str); 9] = [
    ("remember", "namespace"),
    ("move", "to"),
    ("namespace_rename", "to"),
    ("namespace_alias", "alias"),
    ("namespace_set", "path"),
    ("namespace_set", "add_remotes"),
    ("session_append", "client"),
    ("session_append", "namespace"),
    ("git_ingest", "namespace"),
];
/// The operations that make the namespace in which their caller stands.
const MAKE_THEIR_OWN: [&str; 5] = ["git_ingest", "remember", "remember_batch", "session_append", "session_sync"];

/// Whether the caller's name is one.
pub(crate) fn actor(caller: &Caller) -> Result<()> {
    let hint = "Set another with `--actor NAME` or JAY_ACTOR.";
    let bad = |reason: String| Err(Error::bad_input(format!("`actor`: {reason}")).hint(hint));
    let name = &caller.name;
    if name.trim().is_empty() {
        return bad("must not be empty".to_owned());
    }
    if name.len() > ACTOR_MAX_BYTES {
        return bad(format!("must be at most {ACTOR_MAX_BYTES} bytes, not {}", name.len()));
    }
    if name.chars().any(commands_the_terminal) {
        return bad("must not hold a line break or another control character".to_owned());
    }
    Ok(())
}

/// Whether a write brings no secret in as a name.
pub(crate) fn without_secrets(spec: &Spec, caller: &Caller, input: &Map<String, Value>) -> Result<()> {
    if let Some(reason) = secret(&caller.name) {
        let error = Error::bad_input(format!("`actor`: {reason}"));
        return Err(error.hint("Set another with `--actor NAME` or JAY_ACTOR; nothing was stored."));
    }
    let is_removal = input.get("remove") == Some(&Value::Bool(true));
    for (_, field) in NEW_NAMES.iter().filter(|(op, _)| *op == spec.name && !is_removal) {
        named(spec, field, input.get(*field))?;
    }
    for (i, memory) in input.get("memories").and_then(Value::as_array).into_iter().flatten().enumerate() {
        named(spec, &format!("memories[{i}].namespace"), memory.get("namespace"))?;
    }
    let names_another = input.get("namespace").is_some_and(Value::is_string);
    if MAKE_THEIR_OWN.contains(&spec.name) && !names_another {
        named(spec, "namespace", Some(&caller.namespace.as_str().into()))?;
    }
    Ok(())
}

fn named(spec: &Spec, field: &str, value: Option<&Value>) -> Result<()> {
    match value {
        Some(Value::String(name)) => {
            // A password in a remote's URL is not kept: only what is left of it is a name.
            let kept = if field == "add_remotes" { normalise_git_remote(name) } else { None };
            match secret(kept.as_deref().unwrap_or(name)) {
                Some(reason) => Err(refuse(spec.name, field, reason)
                    .hint("Choose a name without it, `--namespace work/acme` for one; nothing was stored.")),
                None => Ok(()),
            }
        }
        Some(Value::Array(names)) => names.iter().try_for_each(|name| named(spec, field, Some(name))),
        _ => Ok(()),
    }
}

fn secret(name: &str) -> Option<String> {
    let found = secrets::scan_name(name);
    let rule = found.first()?.rule;
    Some(format!("holds what looks like a secret ({rule}), and a name is kept and shown for good"))
}
