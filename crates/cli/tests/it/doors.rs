//! The same bad input through every door; doors that open and close.

use crate::{Home, Running};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// A running `jay serve` on a port of its own.
pub(crate) struct Server {
    pub(crate) process: Running,
    address: String,
    token: Option<String>,
    log: std::sync::Arc<std::sync::Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(home: &Home, words: &[&str]) -> Self {
        Self::start_with(home, words, &[])
    }

    fn start_with(home: &Home, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let words: Vec<&str> = ["serve", "--addr", "127.0.0.1:0"].iter().chain(words).copied().collect();
        let mut child = home.jay(&words).envs(variables.iter().copied()).spawn().unwrap();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        // A server that was killed before may have something to say first.
        let mut said = String::new();
        while !line.starts_with("listening on ") {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended before it listened: {said}");
            said.push_str(&line);
        }
        // What it says later is read as it comes, so that a full pipe does not stop it.
        let log = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let kept = std::sync::Arc::clone(&log);
        let read = move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        };
        let reader = std::thread::Builder::new().spawn(read).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}")).to_owned();
        let token = std::fs::read_to_string(home.path("jay/state/token")).ok().map(|token| token.trim().to_owned());
        Self { process: Running(child), address, token, log, reader: Some(reader) }
    }

    /// Stops it; what it said since it listens.
    pub(crate) fn stopped(mut self) -> String {
        self.process.terminate();
        assert_eq!(self.process.wait(), Some(0));
        self.reader.take().unwrap().join().unwrap();
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn post(&self, path: &str, input: &Value) -> (u16, Value) {
        self.try_post(path, input).unwrap()
    }

    /// The answer; none where the server went away before it was whole.
    pub(crate) fn try_post(&self, path: &str, input: &Value) -> Option<(u16, Value)> {
        let body = input.to_string();
        let token = self.token.as_deref().unwrap_or_default();
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        let status = reply.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(reply.split("\r\n\r\n").nth(1)?).ok()?))
    }
}

fn over_mcp(home: &Home, op: &str, input: &Value) -> String {
    let (answer, _) = asked_over_mcp(home.jay(&["mcp", "--profile", "full"]), op, input);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

/// The answer to a call of a tool, and what stands on stderr once the server has ended.
fn asked_over_mcp(mut command: Command, op: &str, input: &Value) -> (Value, String) {
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tester", "version": "1"},
        }}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": op, "arguments": input}}),
    ];
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut process = Running(child);
    for line in &lines {
        writeln!(stdin, "{line}").unwrap();
    }
    let mut answer = Value::Null;
    while answer["id"] != 2 {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "the server ended early");
        answer = serde_json::from_str(&line).unwrap();
    }
    drop(stdin);
    assert_eq!(process.wait(), Some(0), "it ends when stdin closes");
    let mut talk = String::new();
    stderr.read_to_string(&mut talk).unwrap();
    (answer, talk)
}

#[test]
fn the_same_bad_input_is_refused_with_the_same_words_everywhere() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    for (words, op, input) in [
        (["recall", "x", "--limit", "201"].as_slice(), "recall", json!({"query": "x", "limit": 201})),
        (&["remember", ""], "remember", json!({"text": ""})),
        (&["remember", "x", "--kind", "wisdom"], "remember", json!({"text": "x", "kind": "wisdom"})),
        (&["remember", "x", "--importance", "2"], "remember", json!({"text": "x", "importance": 2.0})),
        (&["remember", "x", "--valid-to", "later"], "remember", json!({"text": "x", "valid_to": "later"})),
        (&["remember"], "remember", json!({})),
        (&["list", "--limit", "0"], "list", json!({"limit": 0})),
        (&["update", "abcdef", "--if-version", "x"], "update", json!({"id": "abcdef", "if_version": "x"})),
        (&["feedback", "abcdef", "great"], "feedback", json!({"id": "abcdef", "verdict": "great"})),
        (&["link", "abcdef"], "link", json!({"from": "abcdef"})),
        (&["list", "-n", "a b"], "list", json!({"namespace": "a b"})),
        (&["remember", "x", "--expires-at", "yesterday"], "remember", json!({"text": "x", "expires_at": "yesterday"})),
        (&["list", "--since", "once"], "list", json!({"since": "once"})),
        (&["recall", "x", "--as-of", "2999-01-01"], "recall", json!({"query": "x", "as_of": "2999-01-01"})),
        (&["list", "--cursor", "5"], "list", json!({"cursor": "5"})),
        (&["move", "abcdef", "--to", "../x"], "move", json!({"id": "abcdef", "to": "../x"})),
        (&["session", "search", "x", "--role", "robot"], "session_search", json!({"query": "x", "role": "robot"})),
    ] {
        let told = home.run(&[words, &["--json"]].concat());
        assert_eq!(told.code, 2, "{words:?}: {told:?}");
        let expected = told.json()["error"].clone();
        assert_eq!(expected["code"], "bad_input", "{words:?}");

        let (status, reply) = server.post(&format!("/v1/{op}"), &input);
        assert_eq!((status, &reply["error"]["message"]), (400, &expected["message"]), "{words:?}");
        assert_eq!(reply["error"]["hint"], expected["hint"], "{words:?}");

        let line = home.run_with(&["call"], &format!("{}\n", json!({"op": op, "input": input}))).json();
        assert_eq!((&line["ok"], &line["error"]["message"]), (&json!(false), &expected["message"]), "{words:?}");

        let spoken = format!(
            "bad_input: {}\nhint: {}",
            expected["message"].as_str().unwrap(),
            expected["hint"].as_str().unwrap()
        );
        assert_eq!(over_mcp(&home, op, &input), spoken, "{words:?}");
    }
}

#[test]
fn a_server_guards_itself_and_stops_when_told() {
    let home = Home::new();
    let mut server = Server::start(&home, &[]);
    assert_eq!(server.token.as_ref().map(String::len), Some(64));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| std::fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("jay/state/token"), mode("jay/state")), (0o600, 0o700));
    }
    let right = server.token.replace("wrong".to_owned());
    assert_eq!(server.post("/v1/status", &json!({})).0, 401);
    server.token = right;
    assert_ne!(server.post("/v1/status", &json!({})).0, 401);
    server.process.terminate();
    assert_eq!(server.process.wait(), Some(0));
    let again = Server::start(&home, &[]);
    assert_eq!(again.token, server.token, "the token stays");
}

#[test]
fn without_a_token_only_names_are_checked() {
    let home = Home::new();
    let server = Server::start(&home, &["--no-token"]);
    assert_eq!(server.token, None);
    assert_eq!(server.post("/v1/recall", &json!({})).0, 400);
}

#[test]
fn a_client_that_says_nothing_gets_nothing() {
    let done = Home::new().run(&["mcp"]);
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_log_holds_no_text_whatever_the_filter() {
    let secret = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
    let input = json!({"text": format!("the marker qzxvwk and {secret}"), "tags": ["qzxvwk"]});
    let lines = |log: &str| log.lines().count();
    for filter in ["debug", "trace", "trace,rmcp=trace,hyper=trace", "info,rmcp::service=debug"] {
        let home = Home::new();
        let mut command = home.jay(&["mcp", "--profile", "full"]);
        command.env("JAY_LOG", filter);
        let (answer, log) = asked_over_mcp(command, "remember", &input);
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        assert!(log.contains("operation done"), "{filter}: nothing of our own was logged: {log}");
        assert!(!log.contains("qzxvwk") && !log.contains("ghp_"), "{filter}: {log}");

        let server = Server::start_with(&home, &[], &[("JAY_LOG", filter)]);
        assert_eq!(server.post("/v1/remember", &input).0, 200);
        let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "remember", "arguments": input,
        }});
        server.post("/mcp", &begin);
        let log = server.stopped();
        assert!(log.contains("operation done"), "{filter}: {} lines", lines(&log));
        assert!(!log.contains("qzxvwk") && !log.contains("ghp_"), "{filter}: {log}");
    }
    // A client that begins otherwise is told so without what it said.
    let home = Home::new();
    let call = json!({"jsonrpc": "2.0", "id": 1, "result": input});
    let done = home.run_with(&["mcp"], &format!("{call}\n"));
    assert_eq!(done.code, 2, "{done:?}");
    assert!(!done.stderr.contains("qzxvwk") && done.stderr.contains("initialize"), "{done:?}");
}

#[test]
fn a_message_that_is_handed_in_at_every_door_is_there_once() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let message = json!({"id": "m1", "role": "user", "text": "the beacon is lit", "at": "2026-03-01T10:00:00Z"});
    let input = json!({"client": "lantern-bot", "session": "talk-1", "messages": [message, {"role": "user"}]});
    let (bad, good) = (json!({"role": "user"}).to_string(), message.to_string());
    let words = ["session", "append", "lantern-bot", "talk-1", "--message", &good, "--message", &bad];
    let told = home.run(&words);
    assert_eq!(
        (told.code, told.stdout.as_str()),
        (
            2,
            "message 2: `text`: is required where there are no `parts`\n\
             session lantern-bot talk-1: 1 message added, 1 refused\n"
        )
    );
    let (status, reply) = server.post("/v1/session_append", &input);
    assert_eq!((status, &reply["matched"], &reply["errors"]), (200, &json!(1), &json!(1)), "{reply}");
    let line = home.run_with(&["call"], &format!("{}\n", json!({"op": "session_append", "input": input}))).json();
    assert_eq!((&line["ok"], &line["value"]["matched"]), (&json!(true), &json!(1)), "{line}");
    let (answer, _) = asked_over_mcp(home.jay(&["mcp", "--profile", "full"]), "session_append", &input);
    assert_eq!(answer["result"]["structuredContent"]["matched"], 1, "{answer}");
    let listed = home.run(&["session", "list", "--client", "lantern-bot", "--json"]).json();
    assert_eq!((&listed["sessions"][0]["messages"], &listed["sessions"][0]["session"]), (&json!(1), &json!("talk-1")));
}
