//! How far a long operation has come: a bar on a terminal, a plain line now and then elsewhere.

use crate::output::{Output, one_line};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jay_types::text::shorten;

/// Plain lines of one operation: one for each tenth part.
const LINES: u64 = 10;
/// Bytes below which there are no plain lines.
const PLAIN_MIN_BYTES: u64 = 8 * 1024 * 1024;

pub(crate) struct Progress<'a> {
    output: &'a Output,
    is_terminal: bool,
    bar: Option<ProgressBar>,
    lines_shown: u64,
}

impl<'a> Progress<'a> {
    pub(crate) const fn new(output: &'a Output, is_terminal: bool) -> Self {
        Self { output, is_terminal, bar: None, lines_shown: 0 }
    }

    /// `done` of `all` are done, bytes or changes; `what` says with what. Of nothing at all `what` says what is waited for.
    pub(crate) fn show(&mut self, done: u64, all: u64, what: &str) {
        if all == 0 {
            if !what.is_empty() {
                self.output.talk(&one_line(what));
            }
            return;
        }
        let what = one_line(&shorten(what, 60));
        if self.is_terminal {
            let bar = self.bar.get_or_insert_with(|| {
                let style = ProgressStyle::with_template("{bar:24} {percent:>3}% {msg}");
                let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr_with_hz(10));
                bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            });
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(what);
            return;
        }
        // Little work is done before a line about it is read.
        if all < PLAIN_MIN_BYTES {
            return;
        }
        let due = done.saturating_mul(LINES).checked_div(all).unwrap_or(0);
        if due > self.lines_shown {
            self.lines_shown = due;
            let what = if what.is_empty() { String::new() } else { format!(": {what}") };
            self.output.talk(&format!("{}% of {} MB{what}", due * 100 / LINES, all.div_ceil(1_000_000)));
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
