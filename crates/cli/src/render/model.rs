//! Models as text.

use super::View;
use super::text::{age, count, notes, table};
use crate::output::one_line;
use jay_core::models::{Fetched, ModelChanged, ModelKind, ModelList, ModelUsed, ModelView, Slot};

/// How large its files are, or where its server is.
fn size(model: &ModelView) -> String {
    match model.bytes {
        Some(bytes) => megabytes(bytes),
        None => format!("at {}", one_line(&model.source)),
    }
}

/// What sort it is, and how large.
fn described(model: &ModelView) -> String {
    let sort =
        model.dimension.map_or_else(|| "cross-encoder".to_owned(), |dimension| format!("{dimension} dimensions"));
    format!("{sort}, {}", size(model))
}

pub(super) fn changed(changed: &ModelChanged, view: &View) -> String {
    let model = &changed.model;
    let said = format!("{} ({}), {}", one_line(&model.name), model.id, described(model));
    match changed.outcome.as_str() {
        "removed" => {
            let vectors =
                changed.vectors_dropped.map(|dropped| format!(", with {}", count(dropped, "vector", "vectors")));
            format!("removed {said}{}\n", vectors.unwrap_or_default())
        }
        outcome => {
            let outcome = if outcome == "already_installed" { "installed already:" } else { outcome };
            let what =
                if model.kind == ModelKind::CrossEncoder { "lets it judge the best hits" } else { "makes its vectors" };
            let hint = view.style.dim(&format!("`jay model use {}` {what}.", one_line(&model.name)));
            let fetched = changed.fetched.as_ref().map(fetched).unwrap_or_default();
            format!("{outcome} {said}\n{fetched}{hint}\n") + &notes(&changed.notes, view.style)
        }
    }
}

/// What came from where; the hash is that by which `--sha256` makes sure of the model.
fn fetched(fetched: &Fetched) -> String {
    let files: Vec<String> =
        fetched.files.iter().map(|file| format!("{} ({})", one_line(&file.file), megabytes(file.bytes))).collect();
    let hash = fetched.files.last().map(|model| format!("sha256 {}\n", one_line(&model.sha256))).unwrap_or_default();
    format!("fetched {} from {}\n{hash}", files.join(", "), one_line(&fetched.from))
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

pub(super) fn listed(list: &ModelList, view: &View) -> String {
    let mut rows = Vec::new();
    if let Some(built_in) = &list.built_in {
        rows.push(vec!["*".to_owned(), built_in.clone(), "built in".to_owned(), String::new(), String::new()]);
    }
    rows.extend(list.models.iter().map(|model| {
        vec![
            if model.in_use { "*" } else { "" }.to_owned(),
            one_line(&model.name),
            model.id.clone(),
            described(model),
            age(model.installed_at, view.now),
        ]
    }));
    if rows.is_empty() {
        return format!("No model.\n{}", notes(&list.notes, view.style));
    }
    table(&rows, view.style.width) + &notes(&list.notes, view.style)
}

pub(super) fn used(used: &ModelUsed, view: &View) -> String {
    let said = match &used.model {
        None => {
            let said = used.turned_off.iter().map(|slot| match slot {
                Slot::Encoder => "The built-in table alone makes vectors now.\n",
                Slot::CrossEncoder => "No model judges the best hits now.\n",
            });
            said.collect()
        }
        Some(model) if model.kind == ModelKind::CrossEncoder => {
            format!("{} judges the best hits of each question now.\n", one_line(&model.name))
        }
        Some(model) => {
            let waiting = count(used.not_embedded, "memory waits", "memories wait");
            let hint = view.style.dim("`jay jobs run --until-empty` does it now, a running server in the background.");
            format!("{} makes vectors now; {waiting} for them.\n{hint}\n", one_line(&model.name))
        }
    };
    said + &notes(&used.notes, view.style)
}
