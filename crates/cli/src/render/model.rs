//! Models as text.

use super::View;
use super::text::{age, count, notes, table};
use crate::output::one_line;
use jay_core::models::{Fetched, ModelChanged, ModelList, ModelUsed, ModelView};

/// How large its files are, or where its server is.
fn size(model: &ModelView) -> String {
    match model.bytes {
        Some(bytes) => megabytes(bytes),
        None => format!("at {}", one_line(&model.source)),
    }
}

pub(super) fn changed(changed: &ModelChanged, view: &View) -> String {
    let model = &changed.model;
    let said = format!("{} ({}), {} dimensions, {}", one_line(&model.name), model.id, model.dimension, size(model));
    match changed.outcome.as_str() {
        "removed" => {
            let vectors = count(changed.vectors_dropped.unwrap_or(0), "vector", "vectors");
            format!("removed {said}, with {vectors}\n")
        }
        outcome => {
            let outcome = if outcome == "already_installed" { "installed already:" } else { outcome };
            let hint = view.style.dim(&format!("`jay model use {}` makes its vectors.", one_line(&model.name)));
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
            format!("{} dimensions, {}", model.dimension, size(model)),
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
        None => "The built-in table alone makes vectors now.\n".to_owned(),
        Some(model) => {
            let waiting = count(used.not_embedded, "memory waits", "memories wait");
            let hint = view.style.dim("`jay jobs run --until-empty` does it now, a running server in the background.");
            format!("{} makes vectors now; {waiting} for them.\n{hint}\n", one_line(&model.name))
        }
    };
    said + &notes(&used.notes, view.style)
}
