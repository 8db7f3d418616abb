//! What came out: a line of JSON per question, and a section of docs/quality.md with all that a figure needs to be
//! judged by.
//!
//! **Invariant:** ids, ranks and figures; no text of a data set, and conversations by number in the section.

use super::drive::Answer;
use super::{Benchmark, Conversation, Loaded, Mode, Options, Question, Score, Unit};
use crate::bench::machine;
use anyhow::{Context, Result, ensure};
use jay_testkit::measured::{percentile, show};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where `--write` puts the section.
const PAGE: &str = "docs/quality.md";
/// More conversations than this are not shown by themselves.
const CONVERSATIONS_SHOWN_MAX: usize = 20;

/// A question with its answer and figures.
pub(super) struct Asked<'a> {
    /// The conversation's, from 1.
    pub(super) number: usize,
    pub(super) conversation: &'a Conversation,
    pub(super) question: &'a Question,
    pub(super) answer: Answer,
    pub(super) score: Score,
}

/// A whole run.
pub(super) struct Run<'a> {
    pub(super) benchmark: &'a Benchmark,
    pub(super) options: &'a Options,
    pub(super) loaded: &'a Loaded,
    pub(super) asked: &'a [Asked<'a>],
}

/// What was measured with what.
pub(super) struct Origin {
    file: String,
    sha256: String,
    machine: String,
    binary: String,
}

impl Origin {
    pub(super) fn find(root: &Path, options: &Options, jay: &Path) -> Result<Self> {
        let version = output(Command::new(jay).arg("--version"))?;
        let sum = sha256(jay)?;
        let sum = sum.get(..12).unwrap_or(&sum);
        // A binary that was handed in may be of another commit than the tree: it is named by its bytes.
        let whose = if options.jay.is_some() { ", handed in (the commit is that of the tree)" } else { "" };
        let binary = format!("{}, sha256 {sum}…{whose}", version.trim());
        let machine = machine::describe(root)?;
        Ok(Self { file: file_name(&options.data), sha256: sha256(&options.data)?, machine, binary })
    }
}

impl Run<'_> {
    /// Names the section: each file, mode and unit has one.
    pub(super) fn key(&self) -> String {
        let arm = if self.options.text_only { ", text only" } else { "" };
        let (mode, unit) = (self.options.mode.name(), self.options.unit.name());
        format!("{}, {}, {mode} by {unit}{arm}", self.benchmark.name, file_name(&self.options.data))
    }

    /// A line of JSON per question.
    pub(super) fn rows(&self) -> String {
        let k = (self.benchmark.limit)(self.options.unit);
        let mut rows = String::new();
        for asked in self.asked {
            let hits = asked.answer.hits.iter();
            let (gold, hits): (_, Vec<&str>) = match self.options.unit {
                Unit::Turn => (&asked.question.gold, hits.map(|hit| hit.message.as_str()).collect()),
                Unit::Session => (&asked.question.gold_places, hits.map(|hit| hit.session.as_str()).collect()),
            };
            let rank = |id: &String| (id.clone(), json!(super::protocol::rank(&hits, |hit| hit == id)));
            let scores: Map<String, Value> =
                asked.score.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            let row = json!({
                "benchmark": self.benchmark.name, "mode": self.options.mode.name(), "unit": self.options.unit.name(),
                "conversation": asked.conversation.id, "question": asked.question.id, "group": asked.question.group,
                "k": k, "gold": gold, "hits": hits, "ranks": gold.iter().map(rank).collect::<Map<_, _>>(),
                "scores": scores, "ms": asked.answer.time.as_secs_f64() * 1e3,
            });
            writeln!(rows, "{row}").expect("a string takes every text");
        }
        rows
    }

    /// The section of the page.
    pub(super) fn section(&self, origin: &Origin) -> String {
        let headline: Vec<&Asked<'_>> =
            self.asked.iter().filter(|asked| (self.benchmark.headline)(&asked.question.group)).collect();
        let times: Vec<Duration> = self.asked.iter().map(|asked| asked.answer.time).collect();
        let time = |percent| percentile(&times, percent).map_or_else(String::new, show);
        let door = match self.options.mode {
            Mode::Sessions => "`session_search`",
            Mode::Memories => "`recall`; a memory per message, the speaker's name before its text",
        };
        let mut page = format!("### {}\n\n", self.key());
        let mut item = |what: &str, said: &str| writeln!(page, "- {what}: {said}").expect("a string takes every text");
        item("data", &format!("`{}`, sha256 `{}`", origin.file, origin.sha256));
        item("protocol", &format!("{door}; {}", (self.benchmark.protocol)(self.options.unit)));
        let skipped: Vec<String> = self.loaded.skipped.iter().map(|(what, count)| format!("{count} {what}")).collect();
        let left_out = skipped.join(", ");
        let documents: usize = self.loaded.conversations.iter().map(|one| one.documents.len()).sum();
        item("conversations and messages", &format!("{} and {documents}", self.loaded.conversations.len()));
        item("left out", if left_out.is_empty() { "nothing" } else { &left_out });
        item("per question", &format!("p50 {}, p99 {}, in an open process", time(50), time(99)));
        item("with", &format!("{}; {}", origin.binary, origin.machine));
        self.tables(&mut page, &headline);
        page
    }

    fn tables(&self, page: &mut String, headline: &[&Asked<'_>]) {
        let columns = (self.benchmark.columns)(self.options.unit);
        let mut groups = BTreeMap::<&str, Vec<&Asked<'_>>>::new();
        for asked in self.asked {
            groups.entry(&asked.question.group).or_default().push(asked);
        }
        head(page, "questions", columns);
        for (group, asked) in &groups {
            line(page, group, columns, asked);
        }
        line(page, &format!("**{}**", self.benchmark.headline_name), columns, headline);
        if headline.len() < self.asked.len() {
            line(page, "every question", columns, &self.asked.iter().collect::<Vec<_>>());
        }
        if self.loaded.conversations.len() > CONVERSATIONS_SHOWN_MAX {
            return;
        }
        let mut conversations = BTreeMap::<usize, Vec<&Asked<'_>>>::new();
        for asked in headline {
            conversations.entry(asked.number).or_default().push(asked);
        }
        head(page, &format!("conversation, {}", self.benchmark.headline_name), columns);
        for (number, asked) in &conversations {
            line(page, &number.to_string(), columns, asked);
        }
    }
}

fn head(page: &mut String, of: &str, columns: &[&str]) {
    let under = "---: | ".repeat(columns.len() + 1);
    write!(page, "\n| {of} | n | {} |\n| --- | {}\n", columns.join(" | "), under.trim_end())
        .expect("a string takes every text");
}

fn line(page: &mut String, name: &str, columns: &[&str], asked: &[&Asked<'_>]) {
    let means: Vec<String> = columns.iter().map(|column| format!("{:.1}", 100.0 * mean(asked, column))).collect();
    writeln!(page, "| {name} | {} | {} |", asked.len(), means.join(" | ")).expect("a string takes every text");
}

fn mean(asked: &[&Asked<'_>], name: &str) -> f64 {
    let values = asked.iter().filter_map(|one| one.score.iter().find(|(of, _)| of == name).map(|(_, value)| value));
    values.fold(0.0, |sum, value| sum + value) / asked.len().max(1) as f64
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The sum of a file; of a folder, that of the sums and paths of its files.
fn sha256(path: &Path) -> Result<String> {
    if path.is_file() {
        return sum(&[path.to_owned()], path);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    files.sort();
    sum(&files, path)
}

/// What `sha256sum` says of one file, or of its own list of several, relative to `root`.
fn sum(files: &[PathBuf], root: &Path) -> Result<String> {
    let script = "if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi\n\
                  if [ -d \"$0\" ]; then cd \"$0\" && $sum -- \"$@\" | $sum; else $sum < \"$1\"; fi";
    let names = files.iter().map(|file| if root == file { file } else { file.strip_prefix(root).unwrap_or(file) });
    let said = output(Command::new("sh").args(["-c", script]).arg(root).args(names))?;
    said.split_whitespace().next().map(str::to_owned).context("sha256sum said nothing")
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Puts a section into the page, in the place of an earlier one of this key.
pub(super) fn write(root: &Path, key: &str, section: &str) -> Result<()> {
    let path = root.join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    jay_testkit::write(&path, placed(&page, key, section)?);
    println!("written to {PAGE}");
    Ok(())
}

fn placed(page: &str, key: &str, section: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- eval:begin {key} -->\n"), format!("<!-- eval:end {key} -->\n"));
    let Some((before, rest)) = page.split_once(&begin) else {
        return Ok(format!("{}\n\n{begin}{section}{end}", page.trim_end()));
    };
    let (_, after) = rest.split_once(&end).with_context(|| format!("no line {end} after {begin}"))?;
    Ok(format!("{before}{begin}{section}{end}{after}"))
}

#[cfg(test)]
mod tests;
