//! Which calls of tools wrote files, which files, and what they wrote.
//!
//! What a client calls its tools and their arguments is known here and nowhere else. A call is one that writes only where that is
//! certain: by the tool's name together with a path, by the envelope of a patch, or by a here-document of a shell that is
//! written into a file that is named in plain words. Other commands of a shell may write too; that is not guessed.
//!
//! **Invariant:** a function of the call alone, so that what is made of it can be made again.

mod patch;
mod shell;
#[cfg(test)]
mod tests;

use crate::git::COMMIT;
use jay_types::session::{Message, Part};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// How a call touched a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A commit of git touched it.
    Committed,
    /// It was removed.
    Removed,
    /// A part of it was put in the place of another.
    Edited,
    /// All of it was written.
    Written,
}

/// A file that a call touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The path as the call names it, with slashes.
    pub path: String,
    /// What was done.
    pub how: How,
    /// The texts that were put in; all of the file where it was written.
    pub put: Vec<String>,
    /// The texts that were taken out, as far as the call tells.
    pub taken: Vec<String>,
}

impl Touch {
    fn new(path: &str, how: How) -> Self {
        Self { path: plain(path), how, put: vec![], taken: vec![] }
    }

    /// Whether it put in a line that was not there: one that says `line`, white space at its ends left aside.
    #[must_use]
    pub fn puts_line(&self, line: &str) -> bool {
        let says = |texts: &[String]| texts.iter().flat_map(|text| text.lines()).any(|one| one.trim() == line.trim());
        says(&self.put) && !says(&self.taken)
    }
}

/// The paths of all files that a message's calls touched, each once.
#[must_use]
pub fn paths(message: &Message) -> Vec<String> {
    let mut paths = BTreeSet::new();
    for part in &message.parts {
        if let Part::ToolCall { name, input, .. } = part {
            paths.extend(touches(name, input).into_iter().map(|touch| touch.path).filter(|path| !path.is_empty()));
        }
    }
    paths.into_iter().collect()
}

/// The files that a call of the tool `name` touched.
#[must_use]
pub fn touches(name: &str, input: &Value) -> Vec<Touch> {
    if name == COMMIT {
        return committed(input);
    }
    // A call with a masked secret is kept as its text.
    let decoded = input.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()).filter(Value::is_object);
    let input = decoded.as_ref().unwrap_or(input);
    match kind(name) {
        Some(Kind::Writer) => input.as_object().map(|fields| written(fields, How::Written)).unwrap_or_default(),
        Some(Kind::Editor) => input.as_object().map(|fields| written(fields, How::Edited)).unwrap_or_default(),
        Some(Kind::Commanded) => input.as_object().map(commanded).unwrap_or_default(),
        Some(Kind::Remover) => {
            let path = input.as_object().and_then(|fields| first(fields, &PATHS));
            path.map(|path| Touch::new(path, How::Removed)).into_iter().collect()
        }
        Some(Kind::Patcher) => strings(input).into_iter().flat_map(patch::envelope).collect(),
        Some(Kind::Shell) => {
            let commands = strings(input);
            let patched = commands.iter().flat_map(|text| patch::envelope(text));
            patched.chain(commands.iter().flat_map(|text| shell::here_documents(text))).collect()
        }
        None => vec![],
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Writes a whole file.
    Writer,
    /// Changes parts of a file.
    Editor,
    /// One or the other, as its field `command` says.
    Commanded,
    /// Removes a file.
    Remover,
    /// Takes a patch in an envelope.
    Patcher,
    /// Runs commands.
    Shell,
}

/// What tools are called, in small letters and nothing else.
const TOOLS: &[(Kind, &[&str])] = &[
    (
        Kind::Writer,
        &["create", "createfile", "createnewfile", "filewrite", "savefile", "write", "writefile", "writetofile"],
    ),
    (
        Kind::Editor,
        &[
            "applydiff",
            "edit",
            "editexistingfile",
            "editfile",
            "editnotebook",
            "editnotebookfile",
            "fileedit",
            "filereplace",
            "insertcontent",
            "insertedit",
            "inserteditintofile",
            "multiedit",
            "multireplacefilecontent",
            "multireplacestringinfile",
            "notebookedit",
            "proposecode",
            "replace",
            "replacefilecontent",
            "replaceinfile",
            "replacestringinfile",
            "searchandreplace",
            "searchreplace",
            "singlefindandreplace",
            "strreplace",
            "strreplacefile",
        ],
    ),
    (Kind::Commanded, &["fileeditor", "fswrite", "strreplacebasededittool", "strreplaceeditor", "texteditor"]),
    (Kind::Remover, &["deletefile", "removefile"]),
    (Kind::Patcher, &["applypatch", "patch"]),
    (
        Kind::Shell,
        &[
            "bash",
            "exec",
            "execcommand",
            "execute",
            "executebash",
            "executecommand",
            "localshell",
            "runcommand",
            "runinterminal",
            "runshellcommand",
            "runterminalcmd",
            "runterminalcommand",
            "shell",
            "shellcommand",
            "terminal",
        ],
    ),
];

/// `mcp__files__write_file`, `developer__text_editor` and `WriteFile` are what the last of their words says.
fn kind(name: &str) -> Option<Kind> {
    let last = name.rsplit("__").next().unwrap_or(name);
    let last = last.rsplit(['.', ':', '/']).next().unwrap_or(last);
    let plain: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    TOOLS.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(kind, _)| *kind)
}

/// Fields that name a file, the surest first.
const PATHS: [&str; 15] = [
    "file_path",
    "filePath",
    "absolute_path",
    "AbsolutePath",
    "target_file",
    "TargetFile",
    "notebook_path",
    "abs_path",
    "relative_path",
    "relative_workspace_path",
    "path",
    "filepath",
    "filename",
    "file",
    "uri",
];
/// Fields with what is put in.
const PUT: [&str; 17] = [
    "content",
    "contents",
    "file_text",
    "fileText",
    "new_string",
    "newString",
    "new_str",
    "newText",
    "new_text",
    "code_edit",
    "CodeContent",
    "ReplacementContent",
    "insert_text",
    "new_source",
    "code",
    "replace",
    "text",
];
/// Fields with what is taken out.
const TAKEN: [&str; 8] =
    ["old_string", "oldString", "old_str", "oldText", "old_text", "TargetContent", "search", "old_source"];
/// Fields with several changes of one call.
const SEVERAL: [&str; 6] = ["edits", "changes", "replacements", "ReplacementChunks", "operations", "files"];

fn first<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| fields.get(*name)?.as_str().filter(|text| !text.trim().is_empty()))
}

/// The files of a call that names them in fields.
fn written(fields: &Map<String, Value>, how: How) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    let outer = first(fields, &PATHS);
    if let Some(path) = outer {
        let touch = filled(path, fields, how);
        // `create` is said of many things: only with words to write it is a file's.
        if how == How::Edited || !touch.put.is_empty() || fields.contains_key("content") {
            touches.push(touch);
        }
    }
    for name in SEVERAL {
        for one in fields.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            let Some(path) = first(one, &PATHS).or(outer) else { continue };
            let inner = filled(path, one, how);
            match touches.iter_mut().find(|touch| touch.path == inner.path) {
                Some(touch) => {
                    touch.put.extend(inner.put);
                    touch.taken.extend(inner.taken);
                }
                None => touches.push(inner),
            }
        }
    }
    touches
}

fn filled(path: &str, fields: &Map<String, Value>, how: How) -> Touch {
    let mut touch = Touch::new(path, how);
    let texts = |names: &[&str]| -> Vec<String> {
        names.iter().filter_map(|name| fields.get(*name)?.as_str()).map(str::to_owned).collect()
    };
    touch.put = texts(&PUT);
    touch.taken = texts(&TAKEN);
    for name in ["diff", "patch"] {
        if let Some(diff) = fields.get(name).and_then(Value::as_str) {
            patch::put_into(&mut touch, diff);
        }
    }
    touch
}

/// `create`, `str_replace`, `insert` and `append` write; `view` and what is not known do not.
fn commanded(fields: &Map<String, Value>) -> Vec<Touch> {
    match fields.get("command").and_then(Value::as_str) {
        Some("create" | "write") => written(fields, How::Written),
        Some("str_replace" | "insert" | "append" | "edit_file") => written(fields, How::Edited),
        _ => vec![],
    }
}

fn committed(input: &Value) -> Vec<Touch> {
    let files = input.get("files").and_then(Value::as_array).into_iter().flatten();
    let mut touches = Vec::new();
    for file in files {
        // Moved from there, it was touched there too.
        for name in ["path", "from"] {
            if let Some(path) = file.get(name).and_then(Value::as_str) {
                touches.push(Touch { path: path.to_owned(), how: How::Committed, put: vec![], taken: vec![] });
            }
        }
    }
    touches
}

/// The texts of a call that may hold a command or a patch: of an object the values of its fields, of a list its words.
fn strings(input: &Value) -> Vec<&str> {
    match input {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        Value::Object(fields) => fields
            .values()
            .flat_map(|value| match value {
                Value::String(text) => vec![text.as_str()],
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                _ => vec![],
            })
            .collect(),
        _ => vec![],
    }
}

/// A path with slashes, without what a URI puts before it and without a leading `./`.
fn plain(path: &str) -> String {
    let path = path.trim();
    let path = path.strip_prefix("file://").unwrap_or(path).replace('\\', "/");
    let mut rest = path.as_str();
    while let Some(inner) = rest.strip_prefix("./") {
        rest = inner;
    }
    rest.to_owned()
}
