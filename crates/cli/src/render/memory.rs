//! Memories.

use super::View;
use super::document;
use super::text::{age, dotted, notes, table, why_words, wrap};
use crate::output::{one_line, printable};
use jay_core::edit::{Effect, Undone};
use jay_core::read::{Got, HistoryEntry, Listed};
use jay_ops::agents::id_suffix;
use jay_types::memory::Memory;
use jay_types::request::{LinksOf, Outcome, Recalled, Remembered, Written};

pub(super) fn remembered(answer: &Remembered, view: &View) -> String {
    let id = answer.id.to_string();
    let what = match answer.outcome {
        Outcome::Created => "remembered",
        Outcome::Duplicate => "known already",
    };
    let mut text = format!("{what} {} in {}", view.style.bold(id_suffix(&id)), one_line(&answer.namespace));
    if let Some(reason) = &answer.reason {
        text.push_str(&format!(" ({})", one_line(reason)));
    }
    if let Some(other) = answer.other {
        text.push_str(&format!("\nsee also {}", id_suffix(&other.to_string())));
    }
    text + "\n"
}

pub(super) fn written(answer: &Written, what: &str, view: &View) -> String {
    let id = answer.id.to_string();
    let what = if answer.changed { what.to_owned() } else { "unchanged".to_owned() };
    let about = format!(
        "{what} {} in {}, version {}\n",
        view.style.bold(id_suffix(&id)),
        one_line(&answer.namespace),
        answer.version
    );
    about + &notes(&answer.notes, view.style)
}

/// Names the act, so that whoever meant another one sees it.
pub(super) fn undone(answer: &Undone, view: &View) -> String {
    let done = if answer.planned { "would undo" } else { "undone" };
    let places = answer.namespaces.join(", ");
    let about = format!("{} in {places}, {}", answer.operation, age(answer.at, view.now));
    let mut text = format!("{done}: {} (act {})\n", one_line(&about), id_suffix(&answer.act.to_string()));
    for memory in &answer.memories {
        let effect = match (memory.effect, answer.planned) {
            (Effect::Retired, false) => "taken away",
            (Effect::Retired, true) => "would be taken away",
            (Effect::PutBack, false) => "put back",
            (Effect::PutBack, true) => "would be put back",
            (Effect::Forgotten, false) => "forgotten again",
            (Effect::Forgotten, true) => "would be forgotten again",
            (Effect::Unchanged, _) => "unchanged",
        };
        let id = memory.id.to_string();
        let place = one_line(&memory.namespace);
        text.push_str(&format!(
            "  {effect}: {} in {place}, version {}\n",
            view.style.bold(id_suffix(&id)),
            memory.version
        ));
        if let Some(wording) = &memory.text {
            text.push_str(&wrap(wording, view.style.width, 4));
        }
        text.push_str(&notes(&memory.notes, view.style));
    }
    text
}

pub(super) fn recalled(answer: &Recalled, view: &View) -> String {
    let mut text = String::new();
    if answer.hits.is_empty() {
        text.push_str("Nothing fits.\n");
    }
    for hit in &answer.hits {
        let id = hit.id.to_string();
        let score = if view.explain { format!("score {:.3}", hit.score) } else { String::new() };
        let about = dotted(&[hit.kind.name(), &age(hit.created_at, view.now), &hit.namespace, &score]);
        let place = hit.place.as_ref().map(|place| format!("{} ", view.style.bold(&one_line(&place.to_string()))));
        let place = place.unwrap_or_default();
        text.push_str(&format!("{} {place}{}\n", view.style.bold(id_suffix(&id)), view.style.dim(&about)));
        if let Some(title) = &hit.title {
            text.push_str(&wrap(title, view.style.width, 2));
        }
        let piece = hit.place.as_ref().map(|_| document::body(&hit.text, hit.title.as_deref()));
        text.push_str(&wrap(piece.as_deref().unwrap_or(&hit.text), view.style.width, 2));
        if let Some(why) = &hit.why {
            text.push_str(&wrap(&why_words(why), view.style.width, 2));
        }
    }
    if let Some(confidence) = answer.confidence.filter(|_| !answer.hits.is_empty()) {
        text.push_str(&view.style.dim(&format!("confidence of the best one: {confidence:.3}\n")));
    }
    text + &notes(&answer.notes, view.style)
}

pub(super) fn listed(answer: &Listed, view: &View) -> String {
    if answer.memories.is_empty() {
        return "No memories.\n".to_owned() + &notes(&answer.notes, view.style);
    }
    let row = |memory: &Memory| {
        let id = memory.id.to_string();
        let mark = if memory.forgotten { "(forgotten) " } else { "" };
        let text = memory.title.as_ref().unwrap_or(&memory.text);
        let place = memory.place.as_ref().map(|place| format!("{place} ")).unwrap_or_default();
        vec![
            id_suffix(&id).to_owned(),
            memory.kind.name().to_owned(),
            memory.created_at.date(),
            memory.namespace.clone(),
            format!("{mark}{place}{text}"),
        ]
    };
    let mut text = table(&answer.memories.iter().map(row).collect::<Vec<_>>(), view.style.width);
    if let Some(next) = &answer.next {
        text.push_str(&view.style.dim(&format!("more: --cursor {}", one_line(next))));
        text.push('\n');
    }
    text
}

pub(super) fn got(answer: &Got, view: &View) -> String {
    let mut text = String::new();
    for (i, memory) in answer.memories.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        text.push_str(&whole(memory, answer.links.get(i), view));
    }
    text + &notes(&answer.notes, view.style)
}

fn whole(memory: &Memory, links: Option<&LinksOf>, view: &View) -> String {
    let about = dotted(&[
        memory.kind.name(),
        &age(memory.created_at, view.now),
        &memory.namespace,
        &format!("version {}", memory.version),
    ]);
    let mut text = format!("{} {}\n", view.style.bold(&memory.id.to_string()), view.style.dim(&about));
    if let Some(title) = &memory.title {
        text.push_str(&wrap(title, view.style.width, 2));
    }
    text.push_str(&wrap(&memory.text, view.style.width, 2));
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("  {} {}\n", view.style.dim(&format!("{name}:")), one_line(&value)));
        }
    };
    row("file", memory.place.as_ref().map(document::whole_place));
    row("key", memory.key.clone());
    row("tags", Some(memory.tags.join(", ")));
    row("importance", memory.importance.map(|unit| unit.get().to_string()));
    row("confidence", memory.confidence.map(|unit| unit.get().to_string()));
    row("pinned", memory.pinned.then(|| "yes".to_owned()));
    let source = &memory.source;
    let places = [&source.agent, &source.client, &source.session, &source.message, &source.uri];
    row("source", Some(places.into_iter().flatten().cloned().collect::<Vec<_>>().join(" / ")));
    row("valid from", memory.valid_from.map(|at| at.to_string()));
    row("valid to", memory.valid_to.map(|at| at.to_string()));
    row("expires", memory.expires_at.map(|at| at.to_string()));
    row("superseded by", memory.superseded_by.map(|id| id.to_string()));
    row("moved to", memory.moved_to.map(|id| id.to_string()));
    row("copied from", memory.copied_from.map(|id| id.to_string()));
    row("forgotten", memory.forgotten.then(|| "yes".to_owned()));
    for link in links.iter().flat_map(|links| &links.from_here) {
        row("link", Some(format!("{} → {}", link.relation, link.to)));
    }
    for link in links.iter().flat_map(|links| &links.to_here) {
        row("linked", Some(format!("{} ← {}", link.relation, link.to)));
    }
    for conflict in &memory.conflicts {
        let heads: Vec<String> = conflict.heads.iter().map(|head| head.value.to_string()).collect();
        row("conflict", Some(format!("{}: {}", conflict.field, heads.join(" | "))));
    }
    text
}

pub(super) fn history(changes: &[HistoryEntry], view: &View) -> String {
    let mut text = String::new();
    for change in changes {
        let of = change.alias.map(|alias| format!(" of {}", id_suffix(&alias.to_string()))).unwrap_or_default();
        let operation = format!("{}{of}", change.operation);
        let about = dotted(&[&operation, &change.fields.join(", "), &change.actor, &change.at.rfc3339()]);
        text.push_str(&format!("{} {}\n", view.style.bold(&format!("pos:{}", change.pos)), view.style.dim(&about)));
        match (&change.diff, &change.text) {
            (Some(diff), _) => {
                for line in printable(diff).lines() {
                    text.push_str(&format!("  {line}\n"));
                }
            }
            (None, Some(wording)) => text.push_str(&wrap(wording, view.style.width, 2)),
            (None, None) => {}
        }
    }
    if changes.is_empty() { "No changes.\n".to_owned() } else { text }
}
