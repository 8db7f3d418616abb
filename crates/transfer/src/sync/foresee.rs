//! What a sync would do, by the clear headers of files that are new.
//!
//! **Invariant:** nothing is written, here or there. A change that several files carry is counted once, and what would not be taken
//! in is not counted.

use super::pull::{candidates, is_for_us, misplaced, read_clear};
use super::run::Run;
use crate::format::clear::{FileKind, Range};
use crate::vault::roster::Accepted;
use jay_types::change::header::StreamId;
use jay_types::{Error, Result};
use std::collections::BTreeMap;

/// What a pull would take in.
pub(super) fn pull(run: &mut Run<'_, '_>) -> Result<()> {
    let mut by_stream: BTreeMap<StreamId, Vec<(u64, u64)>> = BTreeMap::new();
    for file in candidates(run) {
        let Some(Ok((clear, _))) = read_clear(run, &file)? else { continue };
        if clear.kind != FileKind::Segment || misplaced(run, &file, &clear).is_some() {
            continue;
        }
        for range in news(run, &clear.ranges)? {
            by_stream.entry(range.stream).or_default().push((range.from, range.to));
        }
    }
    for (stream, spans) in by_stream {
        let held = run.store(stream.journal).read::<_, Error>(|tx| {
            let of_stream = tx.branches()?.into_iter().filter(|branch| branch.stream == stream);
            Ok(of_stream.map(|branch| branch.head_seq).max().unwrap_or(0))
        })?;
        let changes = beyond(held, spans);
        run.report.pulled = run.report.pulled.saturating_add(changes);
        let of_node = run.report.node(stream.node);
        of_node.applied = of_node.applied.saturating_add(changes);
    }
    Ok(())
}

/// The ranges that a pull would take in, as far as can be told.
fn news(run: &Run<'_, '_>, ranges: &[Range]) -> Result<Vec<Range>> {
    let scope = run.scope()?;
    let mut news = Vec::new();
    for range in ranges.iter().filter(|range| is_for_us(&scope, range)) {
        let counts = match run.roster.accepts(range.stream.node) {
            Accepted::Yes => true,
            // Whether it leads to an end that is named cannot be told without reading it.
            Accepted::UpTo(cut) => cut.last(range.stream).is_some_and(|last| range.to <= last),
            Accepted::Unknown => false,
        };
        if counts && !run.has(range.stream, range.to, range.hash)? {
            news.push(*range);
        }
    }
    Ok(news)
}

/// How many numbers of the spans are greater than what is held; where none is, the spans are another branch, and all count.
fn beyond(held: u64, mut spans: Vec<(u64, u64)>) -> u64 {
    spans.sort_unstable();
    let from = if spans.iter().all(|(_, to)| *to <= held) { 0 } else { held };
    let (mut upto, mut count) = (from, 0);
    for (first, last) in spans {
        // A clear header can name any numbers.
        let first = first.max(upto.saturating_add(1));
        if last >= first && last > upto {
            count = (last - first).saturating_add(1).saturating_add(count);
            upto = last;
        }
    }
    count
}

/// What a push would write.
pub(super) fn push(run: &mut Run<'_, '_>) -> Result<()> {
    let missing = super::push::missing(run, &run.branches()?)?;
    run.report.pushed = missing.iter().map(|(branch, after)| branch.head_seq - after).sum();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::beyond;

    #[test]
    fn a_change_counts_once() {
        assert_eq!(beyond(0, vec![(1, 5), (1, 5), (4, 8)]), 8);
        assert_eq!(beyond(5, vec![(1, 8)]), 3, "the first five are here");
        assert_eq!(beyond(0, vec![(3, 4), (9, 9)]), 3, "a gap is no change");
        assert_eq!(beyond(9, vec![(6, 8)]), 3, "another branch");
        assert_eq!(beyond(0, vec![(1, u64::MAX), (3, u64::MAX), (u64::MAX, u64::MAX)]), u64::MAX);
    }
}
