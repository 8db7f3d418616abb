//! Clients that keep more than one form of a session: each form while its client writes it, and which of two is read.

use crate::fixtures::Held;
use jay_sessions::{ReadOptions, Verdict, adapter};

const ALL: usize = usize::MAX;

/// The answer comes into the message of its call, and a message and what is told of the session come behind it.
#[test]
fn a_message_that_grew_in_a_file_that_is_written_whole_is_read_again_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tmp/p/chats/session-1.json");
    let call = |answer: &str| {
        format!(
            r#"{{"id":"m2","type":"gemini","content":"I look.","toolCalls":[{{"id":"c","name":"look","args":{{}}{answer}}}]}}"#
        )
    };
    let (person, thanks) =
        (r#"{"id":"m1","type":"user","content":"Look."}"#, r#"{"id":"m3","type":"user","content":"Thanks."}"#);
    let write = |messages: &[&str], behind: &str| {
        jay_testkit::write(
            &path,
            format!("{{\n \"sessionId\": \"s\",\n \"messages\": [\n {}\n ]{behind}\n}}", messages.join(",\n ")),
        );
    };
    let gemini = adapter("gemini-cli").unwrap();
    let (mut held, mut read) = (Held::default(), Vec::new());
    let answered = call(r#","result":[{"functionResponse":{"response":{"output":"a lamp"}}}]"#);
    for (messages, behind) in [
        (vec![person, &call("")], ""),
        (vec![person, &answered], ""),
        (vec![person, &answered, thanks], r#","summary":"A lamp""#),
        (vec![person, &answered, thanks], r#","summary":"A lamp""#),
    ] {
        write(&messages, behind);
        let source = gemini.discover_path(directory.path()).unwrap().sources.remove(0);
        assert_eq!(source.session, "s");
        let before = held.messages.len();
        let verdict = held.sync(gemini, &source, ReadOptions::default(), ALL).0;
        let ids = held.messages[before..].iter().filter(|(_, found)| found.message.role.is_some());
        read.push((verdict == Verdict::Fresh, ids.map(|(_, found)| found.message.id.clone()).collect::<Vec<_>>()));
        let mut whole = Held::default();
        whole.sync(gemini, &source, ReadOptions::default(), ALL);
        assert_eq!(held.said(), whole.said());
    }
    let expected: [(bool, &[&str]); 4] =
        [(false, &["m1", "m2"]), (false, &["m2", "m2/c"]), (false, &["m3"]), (true, &[])];
    assert_eq!(read, expected.map(|(fresh, ids)| (fresh, ids.iter().map(|id| (*id).to_owned()).collect())));
    assert_eq!(held.sessions["s"].title.as_deref(), Some("A lamp"));
}
