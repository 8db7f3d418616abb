//! From memories to hits: windows of long texts, reasons, the caller's room.

use super::{Selected, hit_tokens};
use jay_rank::analyse::index_terms;
use jay_rank::budget::pack;
use jay_rank::plan::Query;
use jay_rank::snippet::snippet;
use jay_types::memory::Place;
use jay_types::request::Hit;

/// Characters up to which a text is shown whole.
const WHOLE_MAX_CHARS: usize = 1200;
/// Characters of the window into a longer one.
const WINDOW_CHARS: usize = 700;
/// Characters of the window where a hit must be cut to fit.
const CUT_CHARS: usize = 160;

pub(super) fn hits(
    selected: Vec<Selected>,
    plan: &Query,
    explain: bool,
    max_tokens: Option<usize>,
    notes: &mut Vec<String>,
) -> Vec<Hit> {
    let mut hits: Vec<Hit> = selected.into_iter().map(|selected| hit(selected, plan, explain)).collect();
    let Some(max_tokens) = max_tokens else { return hits };
    let sizes: Vec<usize> = hits.iter().map(|hit| hit_tokens(&hit.text)).collect();
    let packed = pack(&sizes, max_tokens);
    if packed.left_out > 0 {
        notes.push(format!("{} more hits did not fit into {max_tokens} tokens", packed.left_out));
    }
    for taken in packed.taken.iter().filter(|taken| taken.cut) {
        if let Some(hit) = hits.get_mut(taken.index) {
            let room = taken.tokens.saturating_sub(hit_tokens("")).max(1) * 3;
            let (text, span) = window(&hit.text, plan, room.max(CUT_CHARS));
            hit.place = hit.place.take().map(|place| narrowed(place, &hit.text, span));
            (hit.text, hit.span) = (text, span);
        }
    }
    let kept: Vec<usize> = packed.taken.iter().map(|taken| taken.index).collect();
    hits.into_iter().enumerate().filter(|(index, _)| kept.contains(index)).map(|(_, hit)| hit).collect()
}

fn hit(selected: Selected, plan: &Query, explain: bool) -> Hit {
    let memory = selected.row.memory;
    let place = memory.place;
    let (text, span, place) = if memory.text.chars().count() > WHOLE_MAX_CHARS {
        let (text, span) = window(&memory.text, plan, WINDOW_CHARS);
        (text, span, place.map(|place| narrowed(place, &memory.text, span)))
    } else {
        (memory.text, None, place)
    };
    Hit {
        id: memory.id,
        text,
        score: (selected.score * 10_000.0).round() / 10_000.0,
        namespace: memory.namespace,
        kind: memory.kind,
        title: memory.title,
        created_at: memory.created_at,
        source: memory.source,
        place,
        span,
        why: explain.then(|| serde_json::to_value(&selected.why).unwrap_or_default()),
    }
}

/// The lines of a part of a piece: `span` counts characters of `text`, which stands at `place`.
fn narrowed(place: Place, text: &str, span: Option<(u64, u64)>) -> Place {
    let Some((start, end)) = span else { return place };
    let lines_to = |chars: u64| {
        let chars = usize::try_from(chars).unwrap_or(usize::MAX);
        text.chars().take(chars).filter(|c| *c == '\n').count() as u64
    };
    let (line, line_end) = (place.line + lines_to(start), place.line + lines_to(end));
    // A part of a line that was cut stays in it.
    Place { line: line.min(place.line_end), line_end: line_end.min(place.line_end), ..place }
}

/// The densest window of `text` and, where it is not the whole, the characters that it covers.
pub(crate) fn window(text: &str, plan: &Query, max_chars: usize) -> (String, Option<(u64, u64)>) {
    let found = snippet(text, plan, max_chars);
    if found.span.len() >= text.len() {
        return (text.to_owned(), None);
    }
    let chars_to = |byte: usize| text.get(..byte).map_or(0, |head| head.chars().count()) as u64;
    let span = (chars_to(found.span.start), chars_to(found.span.end));
    (found.text, Some(span))
}

/// True where every quoted phrase stands in `text`.
pub(crate) fn phrases_in(plan: &Query, text: &str) -> bool {
    if plan.phrases.is_empty() {
        return true;
    }
    let terms = index_terms(text);
    plan.phrases.iter().all(|phrase| phrase.stands_in(&terms))
}
