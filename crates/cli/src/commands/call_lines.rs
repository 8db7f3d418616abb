//! `jay call`: operations as JSON lines, one process, one open store.
//!
//! Short writes that stand one after the other and have arrived already share a commit, for at most 5 ms and never
//! past a line that is something else; each is answered after its commit. A line that cannot be read is answered with
//! a failure and the next one is taken: every line has exactly one answer, in order.

use crate::app::App;
use crate::output::to_stdout;
use crate::surroundings::Real;
use jay_core::{Caller, Door, Engine, Surroundings as _};
use jay_ops::{Context, Spec, call};
use jay_types::bounds::BODY_MAX_BYTES;
use jay_types::{Error, Result};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read as _};
use std::sync::mpsc;

/// Writes that share one commit at most.
const GROUP_MAX: usize = 256;
/// Microseconds after which a group is committed whatever still waits.
const GROUP_MAX_MICROS: i64 = 5000;
/// Lines that are read ahead.
const AHEAD_MAX: usize = 1024;

/// A line that was read, or why it could not be.
type Line = Result<(&'static Spec, Value)>;

/// Reads stdin to its end and answers every line.
///
/// # Errors
/// `io` where stdin or stdout fails; what an operation answers stands in its line.
pub(super) fn run(app: &App<'_>) -> Result<u8> {
    let engine = app.engine()?;
    let caller = app.caller(Door::Call)?;
    let (sender, lines) = mpsc::sync_channel(AHEAD_MAX);
    let reader = std::thread::Builder::new()
        .name("jay-lines".to_owned())
        .spawn(move || read_lines(BufReader::new(std::io::stdin()), &sender))
        .map_err(|error| Error::io("cannot start the reader thread", &error))?;
    answer_lines(&engine, &caller, &lines, &mut |text| to_stdout(text.as_bytes()))?;
    // The channel is closed, so the reader has ended or is about to.
    reader.join().unwrap_or_else(|_| Err(Error::internal("the reader thread panicked")))?;
    Ok(0)
}

fn read_lines(mut input: impl BufRead, lines: &mpsc::SyncSender<Line>) -> Result<()> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let limit = BODY_MAX_BYTES as u64 + 1;
        let read = input.by_ref().take(limit).read_until(b'\n', &mut bytes);
        match read.map_err(|error| Error::io("cannot read stdin", &error))? {
            0 => return Ok(()),
            n if n as u64 == limit && !bytes.ends_with(b"\n") => {
                input.skip_until(b'\n').map_err(|error| Error::io("cannot read stdin", &error))?;
                bytes.clear();
                let error = Error::bad_input(format!("the line is longer than {BODY_MAX_BYTES} bytes"))
                    .hint("Send fewer memories at once; remember_batch takes 1,000.");
                if lines.send(Err(error)).is_err() {
                    return Ok(());
                }
                continue;
            }
            _ => {}
        }
        // A blank line asks for nothing: files end with one, people press enter.
        if !bytes.iter().all(u8::is_ascii_whitespace) && lines.send(parse(&bytes)).is_err() {
            return Ok(());
        }
    }
}

fn parse(line: &[u8]) -> Line {
    let hint = "A line is {\"op\":\"recall\",\"input\":{…}}; `jay call --describe OPERATION` prints the fields of one.";
    let bad = |message: String| Error::bad_input(message).hint(hint);
    let line = jay_ops::json::parse(line).map_err(|fault| bad(format!("the line {fault}")))?;
    let Value::Object(mut line) = line else { return Err(bad("the line is not a JSON object".to_owned())) };
    let op = line.remove("op").ok_or_else(|| bad("`op`: is required".to_owned()))?;
    let input = line.remove("input").unwrap_or_else(|| json!({}));
    if let Some(name) = line.keys().next() {
        return Err(bad(format!(
            "`{}`: is not a field of a line; known are op, input",
            jay_types::text::shorten(name, 60)
        )));
    }
    let name = op.as_str().ok_or_else(|| bad("`op`: must be text".to_owned()))?;
    Ok((jay_ops::find(name)?, input))
}

fn answer_lines(
    engine: &Engine,
    caller: &Caller,
    lines: &mpsc::Receiver<Line>,
    write: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let context = Context { engine, caller, surroundings: &Real };
    let is_short = |line: &Line| matches!(line, Ok((spec, _)) if spec.is_short);
    let mut held = None;
    while let Some(line) = held.take().or_else(|| lines.recv().ok()) {
        if !is_short(&line) {
            let answer = line.and_then(|(spec, input)| call(spec, &context, input));
            write(&answer_line(&answer))?;
            continue;
        }
        let mut answers = Vec::new();
        let committed = engine.group(|| {
            let began = Real.now();
            let mut next = Some(line);
            while let Some(line) = next.take() {
                answers.push(line.and_then(|(spec, input)| call(spec, &context, input)));
                if answers.len() < GROUP_MAX && Real.now().0 - began.0 < GROUP_MAX_MICROS {
                    match lines.try_recv() {
                        Ok(line) if is_short(&line) => next = Some(line),
                        Ok(line) => held = Some(line),
                        Err(_) => {}
                    }
                }
            }
        });
        if let Err(error) = committed {
            answers.iter_mut().for_each(|answer| *answer = Err(error.clone()));
        }
        write(&answers.iter().map(answer_line).collect::<String>())?;
        engine.after_writes();
    }
    Ok(())
}

fn answer_line(answer: &Result<Value>) -> String {
    let line = match answer {
        Ok(value) => json!({"ok": true, "value": value}),
        Err(error) => json!({"ok": false, "error": error}),
    };
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jay_types::namespace::NamespacePath;

    fn answers(input: &[u8]) -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let machine = crate::config::tests::machine(folder.path(), &[]);
        let engine = Engine::open(
            jay_core::EngineOptions {
                data_dir: folder.path().join("data"),
                force_location: true,
                embedder: jay_core::EmbedderChoice::None,
                model: None,
                reranker: None,
                retention: None,
                machine_id: machine.machine_id,
                host: machine.host,
                user: machine.user,
                home: None,
                variables: machine.variables,
                namespace_of: None,
            },
            std::sync::Arc::new(Real),
        )
        .unwrap();
        let caller = Caller {
            kind: jay_core::ActorKind::Person,
            name: "ann".to_owned(),
            door: Door::Call,
            namespace: NamespacePath::global(),
        };
        let (sender, lines) = mpsc::sync_channel(AHEAD_MAX);
        read_lines(input, &sender).unwrap();
        drop(sender);
        let mut written = String::new();
        answer_lines(&engine, &caller, &lines, &mut |text| {
            written.push_str(text);
            Ok(())
        })
        .unwrap();
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn every_line_has_one_answer_in_order() {
        let input = br#"{"op":"remember","input":{"text":""}}
{"op":"remember","input":{"text":"a","tags":3}}
not json

{"op":"recall","input":{"query":""}}
{"op":"memorise"}
{"input":{}}
{"op":"status","inputs":{}}
{"op":"remember","input":[]}
[1]
{"op":"status","op":"list"}
{"op":"remember","input":{"text":"a","source":{"span":"x"}}}
{"op":"remember","input":{"text":"a","source":{"span":[1]}}}
{"op":"remember","input":{"text":"a","source":{"span":[1,"x"]}}}
{"op":"remember_batch","input":{"memories":[{"text":"a","source":{"span":[1,2,3]}}]}}"#;
        let messages: Vec<String> = answers(input)
            .iter()
            .map(|answer| {
                assert_eq!(answer["ok"], false);
                answer["error"]["message"].as_str().unwrap().to_owned()
            })
            .collect();
        expect_test::expect![[r#"
            `text`: must not be empty
            `tags`: must be a list, not a number
            the line is not JSON, or is nested too deep: see line 1, column 2
            `query`: must not be empty
            `memorise` is not an operation
            `op`: is required
            `inputs`: is not a field of a line; known are op, input
            `input`: must be a JSON object
            the line is not a JSON object
            the line has the key `op` twice
            `source.span`: must be a list of two whole numbers, where it begins and where it ends
            `source.span`: must be a list of two whole numbers, where it begins and where it ends
            `source.span[1]`: must be a whole number of at least 0
            `memories[0].source.span`: must be a list of two whole numbers, where it begins and where it ends
        "#]]
        .assert_eq(&(messages.join("\n") + "\n"));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_and_the_next_one_taken() {
        let mut input = vec![b'x'; BODY_MAX_BYTES + 10];
        input.extend(b"\n{\"op\":\"memorise\"}\n");
        let messages: Vec<Value> = answers(&input).iter().map(|answer| answer["error"]["message"].clone()).collect();
        assert_eq!(messages, ["the line is longer than 8388608 bytes", "`memorise` is not an operation"]);
    }
}
