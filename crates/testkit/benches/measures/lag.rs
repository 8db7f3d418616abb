//! From a remember's acknowledgement by one process to the first recall of another that finds it.

use crate::{Bench, report};
use anyhow::{Context as _, Result, ensure};
use jay_testkit::measured::{Measured, Target};
use jay_testkit::{Jay, Random, Salad, Stopwatch, TempHome};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// How many memories are written and looked for.
const ROUNDS: usize = 200;
/// Memories that are there before.
const MEMORIES: usize = 1_000;
/// Recalls after which a memory counts as lost.
const RECALLS_MAX: u32 = 1_000;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let name = "write-to-findable lag between two processes";
    if !bench.runs(name) {
        return Ok(());
    }
    let home = TempHome::new();
    let jay = Jay::of_program(bench.stores.program(), &home);
    let (mut writer, mut reader) = (Batch::start(&jay)?, Batch::start(&jay)?);
    let (mut salad, mut random) = (Salad::new(41), Random::new(42));
    let before: Vec<Value> = salad.memories(MEMORIES).map(|text| json!({ "text": text })).collect();
    writer.call("remember_batch", &json!({ "memories": before }))?;
    let (mut lags, mut again, mut recalls_most) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let word = random.letters(14);
        let question = json!({ "query": word });
        writer.call("remember", &json!({ "text": format!("{} {word}.", salad.memory()) }))?;
        let watch = Stopwatch::start();
        let mut recalls = 1;
        while !is_found(&reader.call("recall", &question)?, &word) {
            recalls += 1;
            ensure!(recalls <= RECALLS_MAX, "a memory is not found by {RECALLS_MAX} recalls of another process");
        }
        lags.push(watch.elapsed());
        recalls_most = recalls_most.max(recalls);
        let watch = Stopwatch::start();
        reader.call("recall", &question)?;
        again.push(watch.elapsed());
    }
    let target =
        Target::new(format!("the first recall finds it; at most {recalls_most} were needed"), recalls_most == 1);
    report(&Measured::times(name, &lags, Some(target)));
    report(&Measured::times(format!("{name}: the same recall again"), &again, None));
    Ok(())
}

fn is_found(answer: &Value, word: &str) -> bool {
    let hits = answer.pointer("/value/hits").and_then(Value::as_array);
    let text = |hit: &Value| hit.get("text").and_then(Value::as_str).is_some_and(|text| text.contains(word));
    hits.is_some_and(|hits| hits.iter().any(text))
}

/// A running `jay call`; it is killed when this goes.
pub(crate) struct Batch {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Batch {
    /// Starts one over the jay's home.
    pub(crate) fn start(jay: &Jay) -> Result<Self> {
        let mut command = jay.command(&["call"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdin = process.stdin.take().context("stdin is a pipe")?;
        let stdout = BufReader::new(process.stdout.take().context("stdout is a pipe")?);
        Ok(Self { process, stdin, stdout })
    }

    /// One operation and its answer, which is a good one.
    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Result<Value> {
        let line = format!("{}\n", json!({ "op": operation, "input": input }));
        self.stdin.write_all(line.as_bytes())?;
        let mut answer = String::new();
        self.stdout.read_line(&mut answer)?;
        let value: Value = serde_json::from_str(&answer)?;
        ensure!(value.get("ok") == Some(&Value::Bool(true)), "{operation}: {answer}");
        Ok(value)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // It is gone either way.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
