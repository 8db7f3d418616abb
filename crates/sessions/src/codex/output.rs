//! What Codex keeps of a tool's answer: the words, whether it failed, and which tool a script called.

use crate::json::{self, Fields};
use crate::said;
use jay_types::session::Part;
use serde_json::value::RawValue;

/// Lines at the beginning of an answer that are looked at for an exit code.
const HEADER_LINES: usize = 8;

/// A tool's answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) failed: bool,
    pub(crate) files: Vec<Part>,
}

/// Reads an answer: a text, `{content, success}`, a list of content items, or one of these once more as a JSON string.
pub(crate) fn read(output: &RawValue) -> Output {
    let Some(text) = json::text(output) else { return structured(output) };
    let wrapped = Fields::parse(text.trim()).and_then(|fields| {
        let inner = fields.get("output").or_else(|| fields.get("content")).and_then(json::text)?;
        let exit_code = fields.object("metadata").unwrap_or_default().get("exit_code").and_then(json::integer);
        let failed = exit_code.is_some_and(|code| code != 0) || is_false(&fields, "success");
        Some(Output { failed: failed || is_failure(&inner), text: inner, files: Vec::new() })
    });
    wrapped.unwrap_or_else(|| Output { failed: is_failure(&text), text, files: Vec::new() })
}

fn structured(output: &RawValue) -> Output {
    if let Some(items) = json::array(output) {
        return list(&items);
    }
    let Some(fields) = json::object(output) else {
        return Output { text: output.get().to_owned(), ..Output::default() };
    };
    let mut read = match fields.get("content").or_else(|| fields.get("output")) {
        Some(content) => match (json::text(content), json::array(content)) {
            (Some(text), _) => Output { failed: is_failure(&text), text, files: Vec::new() },
            (None, Some(items)) => list(&items),
            (None, None) => Output { text: content.get().to_owned(), ..Output::default() },
        },
        None => Output { text: output.get().to_owned(), ..Output::default() },
    };
    read.failed |= is_false(&fields, "success");
    read
}

fn list(items: &[&RawValue]) -> Output {
    let mut out = Output::default();
    for item in items {
        let fields = json::object(item).unwrap_or_default();
        if fields.text("type").is_some_and(|kind| kind == "input_image" || kind == "input_file") {
            out.files.push(file(&fields));
            continue;
        }
        if !out.text.is_empty() {
            out.text.push('\n');
        }
        out.text.push_str(&fields.text("text").unwrap_or_else(|| item.get().to_owned()));
    }
    out.failed = is_failure(&out.text);
    out
}

fn is_false(fields: &Fields<'_>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| value.get() == "false")
}

/// An image or file; the bytes of a `data:` address stay in the row.
pub(crate) fn file(fields: &Fields<'_>) -> Part {
    let address = fields.word("image_url").or_else(|| fields.word("file_url"));
    said::file(fields.word("filename"), address)
}

/// Whether an answer says that the call failed. Only its header is believed: what a command printed may say anything.
pub(crate) fn is_failure(text: &str) -> bool {
    if text.starts_with("Script failed") {
        return true;
    }
    let lines: Vec<_> = text.lines().take(HEADER_LINES).collect();
    let header = lines.iter().position(|line| line.trim() == "Output:").unwrap_or(1).min(lines.len());
    lines.iter().take(header).any(|line| exit_code(line).is_some_and(|code| code != 0))
}

/// The exit code of a header line.
fn exit_code(line: &str) -> Option<i64> {
    let line = line.trim();
    let number =
        ["Exit code:", "exit_code:", "Process exited with code"].iter().find_map(|name| line.strip_prefix(name))?;
    number.trim().parse().ok()
}

/// The tool that a script calls as `tools.<name>(…)`, where it is exactly one call.
pub(crate) fn only_tool(script: &str) -> Option<String> {
    let mut calls = script.match_indices("tools.").filter_map(|(at, word)| {
        let before = script.get(..at)?.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            return None;
        }
        let after = script.get(at + word.len()..)?;
        let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
        let (name, rest) = after.split_at(end);
        (!name.is_empty() && rest.trim_start().starts_with('(')).then(|| name.to_owned())
    });
    let first = calls.next()?;
    calls.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(json: &str) -> Output {
        read(&RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn failure_is_read_from_the_header_only() {
        for (text, failed) in [
            ("Script failed\nboom", true),
            ("Exit code: 1\nWall time: 0.1 seconds\nOutput:\nno", true),
            ("Exit code: 0\nWall time: 0.1 seconds\nOutput:\nExit code: 1", false),
            ("Chunk ID: 7\nWall time: 1.2 seconds\nProcess exited with code 101\nOutput:\nboom", true),
            ("I saw\nExit code: 1\nin the log", false),
            ("", false),
        ] {
            assert_eq!(is_failure(text), failed, "{text}");
        }
    }

    #[test]
    fn every_shape_of_an_answer_gives_its_words() {
        for (json, text, failed) in [
            (r#""plain""#, "plain", false),
            (
                r#""{\"output\":\"no such file\",\"metadata\":{\"exit_code\":2,\"duration_seconds\":0.1}}""#,
                "no such file",
                true,
            ),
            (r#""{\"output\":\"fine\",\"metadata\":{\"exit_code\":0}}""#, "fine", false),
            (r#"{"content":"denied","success":false}"#, "denied", true),
            (r#"[{"type":"input_text","text":"a"},{"type":"text","text":"b"}]"#, "a\nb", false),
            (r#""{\"rows\":3}""#, "{\"rows\":3}", false),
            ("17", "17", false),
        ] {
            let read = read_text(json);
            assert_eq!((read.text.as_str(), read.failed), (text, failed), "{json}");
        }
    }

    #[test]
    fn images_of_an_answer_are_files() {
        let read = read_text(
            r#"[{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":"input_image","image_url":"https://x.test/a.png"}]"#,
        );
        let file = |media_type: Option<&str>, uri: Option<&str>| Part::File {
            name: None,
            media_type: media_type.map(str::to_owned),
            uri: uri.map(str::to_owned),
        };
        assert_eq!(read.files, [file(Some("image/png"), None), file(None, Some("https://x.test/a.png"))]);
    }

    #[test]
    fn a_script_is_named_after_its_only_tool() {
        assert_eq!(only_tool("const r = await tools.shell({cmd: 'ls'});").as_deref(), Some("shell"));
        assert_eq!(only_tool("await tools.a(1); await tools.b(2)"), None);
        assert_eq!(only_tool("mytools.a(1); x.tools.b(); tools.c"), None);
        assert_eq!(only_tool("'é' + tools.read_file (1)").as_deref(), Some("read_file"));
    }
}
