//! Retrieval quality of the binary as it is shipped, under the protocols of public benchmarks.
//!
//! The data sets are not part of this repository: a person points at a file. A reader per benchmark turns it into
//! conversations and questions with the ids of the evidence ([`locomo`], [`beam`], [`longmemeval`]); [`drive`] puts
//! each conversation into a store of its own through the doors that users have and asks; [`protocol`] has the
//! arithmetic; [`report`] says what came out. No model judges anything: what is measured is whether the evidence is
//! among the first k that a caller gets.
//!
//! **Invariant:** no text of a data set leaves the run: rows and summary hold ids and figures only.

mod beam;
mod drive;
mod json;
mod locomo;
mod longmemeval;
mod protocol;
mod report;

use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a question asks for and what a hit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Messages.
    #[default]
    Turn,
    /// Sessions: the product is asked to group.
    Session,
}

/// Through which of the product's doors the conversations go in and the questions are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As an archived session, searched by `session_search`.
    #[default]
    Sessions,
    /// Each message as a memory, asked for by `recall`.
    Memories,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Session => "session",
        }
    }
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Memories => "memories",
        }
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// The session that it stands in.
    session: String,
    /// Its id, one of its kind in the store.
    message: String,
    /// What scoring counts it for beside itself: its session, or its exchange.
    place: String,
    /// When it was said, RFC 3339.
    at: Option<String>,
    role: String,
    author: Option<String>,
    text: String,
}

/// One question with the ids of what answers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Question {
    id: String,
    /// Its category, type or ability.
    group: String,
    text: String,
    /// Messages.
    gold: BTreeSet<String>,
    /// Places of those messages.
    gold_places: BTreeSet<String>,
}

/// What one store holds and is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conversation {
    id: String,
    documents: Vec<Document>,
    questions: Vec<Question>,
}

impl Conversation {
    /// The place of each message.
    fn places(&self) -> BTreeMap<&str, &str> {
        self.documents.iter().map(|one| (one.message.as_str(), one.place.as_str())).collect()
    }

    /// The places of these messages.
    fn places_of(&self, messages: &BTreeSet<String>) -> BTreeSet<String> {
        let held = self.documents.iter().filter(|one| messages.contains(&one.message));
        held.map(|one| one.place.clone()).collect()
    }
}

/// A data set as far as it is scored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    conversations: Vec<Conversation>,
    /// What was left out, by reason.
    skipped: BTreeMap<&'static str, usize>,
}

/// A hit, by the ids that the conversation came with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    session: String,
    message: String,
}

/// Figures of one question by name, in the order in which they are shown.
pub(crate) type Score = Vec<(String, f64)>;

/// A benchmark: how it is read, asked and scored.
pub(crate) struct Benchmark {
    name: &'static str,
    /// Whether its conversations are cut into sessions that could be asked for.
    has_sessions: bool,
    load: fn(&Path) -> Result<Loaded>,
    score: fn(&Conversation, &Question, &[Hit], Unit) -> Score,
    /// How many hits are asked for.
    limit: fn(Unit) -> usize,
    /// The rules, in one line.
    protocol: fn(Unit) -> &'static str,
    /// Names of the figures that the tables show.
    columns: fn(Unit) -> &'static [&'static str],
    /// Whether a group of questions counts in the headline, and how those that do are called.
    headline: fn(&str) -> bool,
    headline_name: &'static str,
}

const BENCHMARKS: [&Benchmark; 3] = [&locomo::BENCHMARK, &beam::BENCHMARK, &longmemeval::BENCHMARK];

/// What to run and where the result goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    benchmark: String,
    data: PathBuf,
    /// The binary; the release build of this tree where none is named.
    jay: Option<PathBuf>,
    unit: Unit,
    mode: Mode,
    /// Ask a binary without embedder: the arm that every figure is compared with.
    text_only: bool,
    rows: Option<PathBuf>,
    write: bool,
}

impl Options {
    /// Reads `BENCHMARK PATH [--jay BIN] [--unit U] [--mode M] [--text-only] [--rows FILE] [--write]`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut places = Vec::new();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word {
                "--jay" => options.jay = Some(value()?.into()),
                "--rows" => options.rows = Some(value()?.into()),
                "--write" => options.write = true,
                "--text-only" => options.text_only = true,
                "--unit" => {
                    options.unit = match value()? {
                        "turn" => Unit::Turn,
                        "session" => Unit::Session,
                        other => bail!("unknown unit `{other}`; it is turn or session"),
                    }
                }
                "--mode" => {
                    options.mode = match value()? {
                        "sessions" => Mode::Sessions,
                        "memories" => Mode::Memories,
                        other => bail!("unknown mode `{other}`; it is sessions or memories"),
                    }
                }
                flag if flag.starts_with('-') => bail!("unknown option `{flag}` of eval"),
                place => places.push(place),
            }
        }
        let [benchmark, data] = places.as_slice() else {
            bail!("eval takes a benchmark (locomo, beam, longmemeval) and the path of its data")
        };
        // A recall of memories has no grouping: what it would be measured by is no unit that a caller gets.
        ensure!(
            options.mode == Mode::Sessions || options.unit == Unit::Turn,
            "memories are asked for one by one: --unit session needs --mode sessions"
        );
        (options.benchmark, options.data) = ((*benchmark).to_owned(), data.into());
        Ok(options)
    }
}

/// Runs a benchmark, prints the summary and writes what was asked for.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let benchmark = BENCHMARKS.into_iter().find(|benchmark| benchmark.name == options.benchmark);
    let benchmark = benchmark.with_context(|| format!("unknown benchmark `{}`", options.benchmark))?;
    ensure!(
        benchmark.has_sessions || options.unit == Unit::Turn,
        "a conversation of {} is one session: there is nothing to find by --unit session",
        benchmark.name
    );
    let loaded = (benchmark.load)(&options.data)?;
    ensure!(loaded.conversations.iter().any(|one| !one.questions.is_empty()), "no question of it can be scored");
    let jay = match &options.jay {
        Some(path) => path.canonicalize().with_context(|| format!("no binary at {}", path.display()))?,
        None => crate::bench::build(root)?,
    };
    let drive = drive::Drive::new(&jay, options.mode, options.unit, options.text_only);
    let mut asked = Vec::new();
    for (conversation, number) in loaded.conversations.iter().zip(1..) {
        let answers = drive.conversation(conversation, (benchmark.limit)(options.unit))?;
        for (question, answer) in conversation.questions.iter().zip(answers) {
            let score = (benchmark.score)(conversation, question, &answer.hits, options.unit);
            asked.push(report::Asked { number, conversation, question, answer, score });
        }
        eprintln!("{number} of {}: {} questions", loaded.conversations.len(), conversation.questions.len());
    }
    let run = report::Run { benchmark, options, loaded: &loaded, asked: &asked };
    if let Some(path) = &options.rows {
        jay_testkit::write(path, run.rows());
    }
    let section = run.section(&report::Origin::find(root, options, &jay)?);
    println!("{section}");
    if options.write {
        report::write(root, &run.key(), &section)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let parsed = |words: &[&str]| Options::parse(words).map_err(|error| error.to_string());
        let plain = Options { benchmark: "locomo".into(), data: "a.json".into(), ..Options::default() };
        assert_eq!(parsed(&["locomo", "a.json"]), Ok(plain.clone()));
        let words = ["locomo", "--unit", "session", "--jay", "b", "a.json", "--rows", "r", "--write", "--text-only"];
        let all = Options {
            unit: Unit::Session,
            jay: Some("b".into()),
            rows: Some("r".into()),
            write: true,
            text_only: true,
            ..plain
        };
        assert_eq!(parsed(&words), Ok(all));
        for words in [
            ["locomo"].as_slice(),
            &["locomo", "a", "b"],
            &["locomo", "a", "--unit", "word"],
            &["locomo", "a", "--rows"],
            &["locomo", "a", "--fast"],
            &["locomo", "a", "--mode", "memories", "--unit", "session"],
        ] {
            assert!(parsed(words).is_err(), "{words:?}");
        }
    }
}
