//! MCP as a client sees it: lines of JSON-RPC over a pipe, and over HTTP.

use crate::service;
use jay_ops::agents::Profile;
use jay_serve::{Lines, Mcp};
use jay_types::namespace::NamespacePath;
use rmcp::ServiceExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

struct Client {
    pipe: BufReader<DuplexStream>,
    next: u64,
}

impl Client {
    async fn connect(profile: Profile, protocol: &str) -> (Self, Value) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            let (service, _folder) = service();
            let (reader, writer) = tokio::io::split(theirs);
            let mcp = Mcp::new(service, profile, NamespacePath::global(), None);
            let running = mcp.serve(Lines::new(reader, writer)).await.unwrap();
            running.waiting().await.unwrap();
        });
        let mut client = Self { pipe: BufReader::new(ours), next: 0 };
        let params = json!({
            "protocolVersion": protocol, "capabilities": {}, "clientInfo": {"name": "tester", "version": "1"},
        });
        let welcome = client.ask("initialize", params).await;
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        (client, welcome)
    }

    async fn send(&mut self, message: &Value) {
        self.pipe.get_mut().write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Sends a line as it is and reads one.
    async fn say(&mut self, line: &str) -> Value {
        self.pipe.get_mut().write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        self.pipe.read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params})).await;
        let mut line = String::new();
        self.pipe.read_line(&mut line).await.unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.next, "{answer}");
        answer
    }
}

#[tokio::test]
async fn every_protocol_version_is_answered_in_kind() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let (_, welcome) = Client::connect(Profile::Default, version).await;
        let result = &welcome["result"];
        assert_eq!(result["protocolVersion"], version, "{welcome}");
        assert_eq!(result["serverInfo"]["name"], "scrubjay");
        assert!(result["capabilities"]["tools"].is_object());
        assert!(result["instructions"].as_str().unwrap().contains("Recall at the start of a task"));
    }
}

#[tokio::test]
async fn the_profiles_list_their_tools() {
    for (profile, count) in [(Profile::Default, 6), (Profile::Full, Profile::Full.operations().count())] {
        let (mut client, _) = Client::connect(profile, "2025-06-18").await;
        let listed = client.ask("tools/list", json!({})).await;
        let tools = listed["result"]["tools"].as_array().unwrap();
        assert_eq!(tools.len(), count);
        let recall = tools.iter().find(|tool| tool["name"] == "recall").unwrap();
        assert_eq!(recall["annotations"]["readOnlyHint"], true);
        assert_eq!(recall["inputSchema"]["required"], json!(["query"]));
        assert_eq!(recall, &profile.tool(jay_ops::find("recall").unwrap()));
    }
}

#[tokio::test]
async fn a_bad_input_is_a_failure_of_the_tool_that_its_model_can_read() {
    let (mut client, _) = Client::connect(Profile::Default, "2025-06-18").await;
    let answer = client.ask("tools/call", json!({"name": "recall", "arguments": {"query": "a", "limit": 0}})).await;
    let result = &answer["result"];
    assert_eq!(result["isError"], true, "{answer}");
    assert_eq!(
        result["content"][0]["text"],
        "bad_input: `limit`: must be 1 to 200, not 0\nhint: `jay help recall` lists every field and its bounds."
    );
    let purge = client.ask("tools/call", json!({"name": "purge", "arguments": {"ids": ["abcdef"]}})).await;
    assert_eq!(purge["result"]["isError"], true);
    // What the profile does not list is not called either.
    let hidden = client.ask("tools/call", json!({"name": "move", "arguments": {"id": "abcdef", "to": "work"}})).await;
    let said = hidden["result"]["content"][0]["text"].as_str().unwrap();
    assert!(said.starts_with("refused: `move` is no tool of the profile"), "{said}");
    let unknown = client.ask("tools/call", json!({"name": "memorise", "arguments": {}})).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_too() {
    let (mut client, _) = Client::connect(Profile::Default, "2025-06-18").await;
    let long = format!("{{\"jsonrpc\":\"2.0\",\"id\":7,\"x\":\"{}\"}}", "s3cret".repeat(2 << 20));
    let deep = format!("{{\"jsonrpc\":\"2.0\",\"id\":7,\"x\":{}{}}}", "[".repeat(300), "]".repeat(300));
    for (line, code, id) in [
        ("{\"jsonrpc\":\"2.0\", s3cret", -32700, Value::Null),
        ("\u{1}", -32700, Value::Null),
        (&deep, -32700, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", -32700, Value::Null),
        (&long, -32600, Value::Null),
        ("[{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"s3cret\"}]", -32600, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"id\":7,\"s3cret\":1}", -32600, json!(7)),
        // No answer to these two, then one to the third.
        ("\n{\"jsonrpc\":\"1.0\",\"method\":\"s3cret\"}\n5", -32600, Value::Null),
    ] {
        let shown: String = line.chars().take(60).collect();
        let answer = client.say(line).await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{shown}: {answer}");
        assert!(answer.as_object().unwrap().contains_key("id"), "{answer}");
        assert!(!answer.to_string().contains("s3cret"), "{answer}");
    }
    // And the connection goes on.
    assert!(client.ask("tools/list", json!({})).await["result"]["tools"].is_array());
}

#[tokio::test]
async fn arguments_of_another_shape_are_refused_in_the_words_of_the_catalogue() {
    let (mut client, _) = Client::connect(Profile::Default, "2025-06-18").await;
    for arguments in [json!([1]), json!("text"), json!(5)] {
        let answer = client.ask("tools/call", json!({"name": "recall", "arguments": arguments})).await;
        assert_eq!(answer["result"]["isError"], true, "{answer}");
        assert_eq!(
            answer["result"]["content"][0]["text"],
            "bad_input: `input`: must be a JSON object\nhint: `jay help recall` lists every field and its bounds."
        );
    }
    for (method, params) in [
        ("tools/call", json!({"name": 5, "arguments": {}})),
        ("tools/call", json!({"arguments": {}})),
        ("tools/call", json!({})),
        ("tools/call", json!([])),
        ("tools/list", json!([1])),
    ] {
        let answer = client.ask(method, params).await;
        assert_eq!(answer["error"]["code"], -32602, "{method}: {answer}");
    }
    assert_eq!(client.ask("memories/list", json!({})).await["error"]["code"], -32601);
}
