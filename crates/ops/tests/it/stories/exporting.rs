//! A session leaves as a document: whole, as what was said, and never as what runs.

use super::sessions::{cli, said, sync_generic};
use super::*;

/// What a hostile transcript says.
const HOSTILE: &str =
    "</div></pre><script>alert(1)</script>\n```sh\n<img src=x onerror=alert(2)>\nnever closed \u{1b}[31mred\u{202e}";

fn rows() -> Vec<Value> {
    let at = |n: u32| format!("2026-05-01T10:00:{n:02}Z");
    vec![
        json!({"session": "lantern-7", "message": "m1", "role": "user", "at": at(1), "author": "mira", "project": "/home/mira/lantern",
            "title": "Lamps <b>& oil</b>", "text": "Which lamp leaks?"}),
        json!({"session": "lantern-7", "message": "m2", "role": "assistant", "at": at(2), "model": "finch-2", "parts": [
            {"type": "reasoning", "text": "look first"},
            {"type": "text", "text": "I look."},
            {"type": "tool_call", "id": "c1", "name": "bash", "input": {"command": "ls lamps"}}]}),
        json!({"session": "lantern-7", "message": "m3", "role": "tool", "at": at(3), "parts": [
            {"type": "tool_result", "id": "c1", "name": "bash", "output": "one\ntwo ``` <b>\u{1b}]0;x\u{7}", "is_error": true}]}),
        said("lantern-7", "m4", "assistant", &at(4), HOSTILE),
        json!({"session": "lantern-7", "message": "m5", "role": "assistant", "parts": [{"type": "reasoning", "text": ""}]}),
    ]
}

fn export(world: &World, format: &str) -> Value {
    world.by(&cli(world), "session_export", json!({"session": "lantern-7", "format": format}))
}

fn shown(world: &World) -> Vec<Value> {
    let answer = world.ok("session_show", json!({"session": "lantern-7"}));
    let messages = answer["messages"].as_array().unwrap();
    messages.iter().filter(|message| !message["role"].is_null()).cloned().collect()
}

#[test]
fn json_lines_say_in_another_store_what_was_said_here() {
    let world = World::new();
    sync_generic(&world, &rows());
    let answer = export(&world, "jsonl");
    assert_eq!((answer["messages"].as_u64(), answer["left_out"].as_u64()), (Some(5), Some(0)));
    let text = answer["text"].as_str().unwrap();
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "nothing commands a terminal: {text}");
    let other = World::new();
    let file = other.home.write("export.jsonl", text);
    let synced = other.by(&cli(&other), "session_sync", json!({"clients": ["generic"], "path": file}));
    assert_eq!(synced["messages_inserted"], 5, "{synced}");
    assert_eq!(shown(&other), shown(&world));
    let about = |world: &World| {
        let session = world.ok("session_list", json!({}))["sessions"][0].clone();
        (session["title"].clone(), session["project"].clone(), session["started_at"].clone())
    };
    assert_eq!(about(&other), about(&world));
    assert_eq!(export(&other, "jsonl")["text"], answer["text"], "and so it goes on");
}

#[test]
fn what_was_said_is_text_in_every_document() {
    let world = World::new();
    sync_generic(&world, &rows());
    let html = export(&world, "html")["text"].as_str().unwrap().to_owned();
    for never in ["<script", "<img", "<b>&", "\u{1b}", "\u{202e}", "http://", "https://"] {
        assert!(!html.contains(never), "{never}: {html}");
    }
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>\n"));
    assert!(html.contains("Lamps &lt;b&gt;&amp; oil&lt;/b&gt;") && html.contains("&lt;script&gt;alert(1)"));
    let count = |tag: &str| html.matches(tag).count();
    for (open, close) in
        [("<article", "</article>"), ("<details", "</details>"), ("<pre", "</pre>"), ("<div", "</div>")]
    {
        assert_eq!(count(open), count(close), "{open}");
    }
    assert_eq!(count("<article"), 4);
    assert!(html.contains("<details class=\"tool failed\">") && html.contains("default-src 'none'"));

    assert_eq!(export(&world, "markdown")["left_out"], 1, "what says nothing is counted");
    let markdown = export(&world, "markdown")["text"].as_str().unwrap().to_owned();
    assert!(markdown.starts_with("# Lamps &lt;b>& oil&lt;/b>\n"), "{markdown}");
    assert!(
        markdown.contains("````text\n</div></pre><script>"),
        "what has broken fences is in a longer one: {markdown}"
    );
    assert!(markdown.contains("`calls bash ls lamps`\n") && !markdown.contains("two ```"), "{markdown}");
    assert!(!markdown.contains(['\u{1b}', '\u{202e}']));
    let input = json!({"session": "lantern-7", "tools": true});
    let unfolded = world.by(&cli(&world), "session_export", input)["text"].as_str().unwrap().to_owned();
    assert!(unfolded.contains("````text\none\ntwo ``` <b>"), "{unfolded}");
}

#[test]
fn a_long_session_comes_in_pieces_that_are_the_whole() {
    let world = World::new();
    let long = "lamp oil ".repeat(2_000);
    let rows: Vec<Value> = (0..230)
        .map(|n| {
            let at = format!("2026-05-01T10:{:02}:{:02}Z", n / 60, n % 60);
            said("lantern-7", &format!("m{n}"), "user", &at, &format!("number {n:03} {long}"))
        })
        .collect();
    sync_generic(&world, &rows);
    for format in ["markdown", "html", "jsonl"] {
        let (mut whole, mut pieces, mut messages) = (String::new(), 0, 0);
        let mut input = json!({"session": "lantern-7", "format": format});
        loop {
            let piece = world.by(&cli(&world), "session_export", input.clone());
            whole.push_str(piece["text"].as_str().unwrap());
            messages += piece["messages"].as_u64().unwrap();
            pieces += 1;
            match piece.get("next") {
                Some(next) => input["cursor"] = next.clone(),
                None => break,
            }
        }
        assert!(pieces > 1, "{format}");
        assert_eq!(messages, 230, "{format}");
        for n in 0..230 {
            assert_eq!(whole.matches(&format!("number {n:03} ")).count(), 1, "{format} {n}");
        }
        assert_eq!(whole.matches("<!doctype").count(), usize::from(format == "html"));
        assert_eq!(whole.matches("</html>").count(), usize::from(format == "html"));
    }
}

#[test]
fn show_writes_a_page_as_the_export_writes_the_whole() {
    let world = World::new();
    sync_generic(&world, &rows());
    for format in ["markdown", "html"] {
        let page = world.ok("session_show", json!({"session": "lantern-7", "format": format}));
        assert_eq!(page["document"], export(&world, format)["text"]);
        assert_eq!(page["messages"], json!([]));
    }
}

#[test]
fn secrets_leave_masked_unless_a_person_asks() {
    let world = World::new();
    let key = "AKIAQ3EXAMPLE7BZKJ2T";
    sync_generic(&world, &[said("lantern-7", "m1", "user", "2026-05-01T10:00:00Z", &format!("the key is {key} here"))]);
    for format in ["markdown", "html", "jsonl"] {
        let answer = export(&world, format);
        let text = answer["text"].as_str().unwrap();
        assert!(!text.contains(key) && text.contains("[secret:"), "{format}: {text}");
        assert_eq!(answer["notes"].as_array().unwrap().len(), 1);
        let input = json!({"session": "lantern-7", "format": format, "reveal": true});
        let revealed = world.by(&cli(&world), "session_export", input.clone());
        assert!(revealed["text"].as_str().unwrap().contains(key), "{format}");
        let agent = someone("wren", ActorKind::Agent, Door::Call, "x");
        assert_eq!(world.err_by(&agent, "session_export", input).code, Code::Refused, "{format}");
    }
}
