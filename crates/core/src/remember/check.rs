//! What is checked of a memory before anything is written: fields that must fit together, and secrets.

use crate::secrets::{self, Outcome, Policy};
use jay_types::bounds::{Bounded, TAGS_MAX};
use jay_types::memory::{Kind, Source};
use jay_types::request::NewMemory;
use jay_types::{Error, Result, Timestamp};
use std::collections::BTreeSet;

/// Bytes of one field of a source.
const SOURCE_FIELD_MAX_BYTES: usize = 4096;

/// A memory that may be stored.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) memory: NewMemory,
    /// `redacted RULE, …` where something was taken out.
    pub(super) redacted: Option<String>,
}

/// Checks fields against each other; their own bounds were checked when they were read.
pub(super) fn fields(memory: &NewMemory) -> Result<()> {
    kind(memory.kind)?;
    tags(memory.tags.len())?;
    valid(memory.valid_from, memory.valid_to)?;
    source(&memory.source)
}

/// Refuses the kind that no caller gives: a document stands in a file, which no other memory does.
pub(crate) fn kind(kind: Kind) -> Result<()> {
    if kind == Kind::Document {
        return Err(Error::bad_input("`kind`: a document is a piece of a file, which `docs add` reads")
            .hint("Run `jay docs add PATH`; what you remember yourself is of another kind, such as note."));
    }
    Ok(())
}

/// Refuses another kind for a document: its file would be read into a second one.
pub(crate) fn kind_stays(kind: Kind) -> Result<()> {
    if kind == Kind::Document {
        return Err(Error::bad_input("`kind`: a piece of a file stays a document").hint(
            "Remember what it says as a memory of that kind, or take the file out with `jay docs remove PATH`.",
        ));
    }
    Ok(())
}

/// Checks a number of tags.
pub(crate) fn tags(count: usize) -> Result<()> {
    if count > TAGS_MAX {
        return Err(Error::bad_input(format!("`tags`: at most {TAGS_MAX}, not {count}")));
    }
    Ok(())
}

/// What to say of a memory that is over before it is kept: it is there, and no answer shows it.
pub(crate) fn expired(at: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let at = at.filter(|at| *at <= now)?;
    Some(format!("expired already at {at}: it is shown with include_expired only"))
}

/// Checks that a validity begins before it ends.
pub(crate) fn valid(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<()> {
    match (from, to) {
        (Some(from), Some(to)) if from > to => {
            Err(Error::bad_input(format!("`valid_to`: {to} is before `valid_from` {from}")))
        }
        _ => Ok(()),
    }
}

/// Checks a source's fields.
pub(crate) fn source(source: &Source) -> Result<()> {
    let fields = [
        ("agent", &source.agent),
        ("client", &source.client),
        ("session", &source.session),
        ("message", &source.message),
        ("uri", &source.uri),
    ];
    for (name, value) in fields {
        if let Some(value) = value
            && (value.trim().is_empty() || value.len() > SOURCE_FIELD_MAX_BYTES || value.contains('\0'))
        {
            return Err(Error::bad_input(format!(
                "`source.{name}`: must be 1 to {SOURCE_FIELD_MAX_BYTES} bytes without NUL"
            )));
        }
    }
    match source.span {
        Some((first, last)) if first > last => Err(Error::bad_input("`source.span`: ends before it begins")),
        _ => Ok(()),
    }
}

/// Takes secrets out of every text of the memory, or refuses it, as the namespace says.
pub(super) fn secrets(mut memory: NewMemory, policy: Policy) -> Result<Checked> {
    let mut rules = BTreeSet::new();
    memory.text = clean(memory.text, policy, &mut rules)?;
    memory.title = memory.title.map(|title| clean(title, policy, &mut rules)).transpose()?;
    memory.key = memory.key.map(|key| clean(key, policy, &mut rules)).transpose()?;
    memory.tags = memory.tags.into_iter().map(|tag| clean(tag, policy, &mut rules)).collect::<Result<_>>()?;
    let source = &mut memory.source;
    for field in [&mut source.agent, &mut source.client, &mut source.session, &mut source.message, &mut source.uri] {
        if let Some(text) = field.take() {
            *field = Some(clean_text(&text, policy, &mut rules)?);
        }
    }
    let redacted = redacted_reason(&rules);
    Ok(Checked { memory, redacted })
}

/// `redacted RULE, …`; none for no rules.
pub(crate) fn redacted_reason(rules: &BTreeSet<&'static str>) -> Option<String> {
    let names: Vec<&str> = rules.iter().copied().collect();
    (!names.is_empty()).then(|| format!("redacted {}", names.join(", ")))
}

/// A bounded text without secrets, as the policy says.
pub(crate) fn clean<const MAX: usize>(
    text: Bounded<MAX>,
    policy: Policy,
    rules: &mut BTreeSet<&'static str>,
) -> Result<Bounded<MAX>> {
    let cleaned = clean_text(text.as_str(), policy, rules)?;
    if cleaned == text.as_str() {
        return Ok(text);
    }
    // A mark can be longer than a short secret: what does not fit any more is refused, not cut.
    Bounded::new(cleaned).map_err(|reason| Error::bad_input(format!("with its secrets redacted, the text {reason}")))
}

/// A text without secrets, as the policy says; adds the rules that found some.
pub(crate) fn clean_text(text: &str, policy: Policy, rules: &mut BTreeSet<&'static str>) -> Result<String> {
    match secrets::apply(policy, text) {
        Outcome::Clean | Outcome::Allowed { .. } => Ok(text.to_owned()),
        Outcome::Refused { findings } => Err(secrets::refusal(&findings)),
        Outcome::Redacted { text, rules: found } => {
            rules.extend(found);
            Ok(text)
        }
    }
}
