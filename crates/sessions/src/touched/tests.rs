//! What tools of every kind wrote.

use super::*;
use serde_json::json;

fn told(name: &str, input: &Value) -> String {
    let touches = touches(name, input);
    let lines = touches
        .iter()
        .map(|touch| format!("{:?} {} +{:?} -{:?}", touch.how, touch.path, touch.put.join("|"), touch.taken.join("|")));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn tools_that_write_are_known_by_name_and_path() {
    let cases = [
        ("Write", json!({"file_path": "/a/b.rs", "content": "x"}), r#"Written /a/b.rs +"x" -"""#),
        ("Edit", json!({"file_path": "/a", "old_string": "o", "new_string": "n"}), r#"Edited /a +"n" -"o""#),
        (
            "MultiEdit",
            json!({"file_path": "/a", "edits": [{"old_string": "o", "new_string": "n"}, {"old_string": "p", "new_string": "q"}]}),
            r#"Edited /a +"n|q" -"o|p""#,
        ),
        ("NotebookEdit", json!({"notebook_path": "/n.ipynb", "new_source": "s"}), r#"Edited /n.ipynb +"s" -"""#),
        (
            "str_replace_based_edit_tool",
            json!({"command": "create", "path": "/a", "file_text": "t"}),
            r#"Written /a +"t" -"""#,
        ),
        ("str_replace_editor", json!({"command": "view", "path": "/a"}), ""),
        (
            "developer__text_editor",
            json!({"command": "str_replace", "path": "a", "old_str": "o", "new_str": "n"}),
            r#"Edited a +"n" -"o""#,
        ),
        ("file_editor", json!({"command": "create", "path": "/a", "file_text": "t"}), r#"Written /a +"t" -"""#),
        ("fs_write", json!({"command": "append", "path": "a", "new_str": "n"}), r#"Edited a +"n" -"""#),
        ("write_file", json!({"file_path": "a", "content": ""}), r#"Written a +"" -"""#),
        ("replace", json!({"file_path": "a", "old_string": "o", "new_string": "n"}), r#"Edited a +"n" -"o""#),
        ("edit", json!({"filePath": "src/a", "oldString": "o", "newString": "n"}), r#"Edited src/a +"n" -"o""#),
        ("edit", json!({"path": "./a", "edits": [{"oldText": "o", "newText": "n"}]}), r#"Edited a +"n" -"o""#),
        ("create_file", json!({"filePath": "/a", "content": "c"}), r#"Written /a +"c" -"""#),
        ("insert_edit_into_file", json!({"filePath": "/a", "code": "c"}), r#"Edited /a +"c" -"""#),
        (
            "multi_replace_string_in_file",
            json!({"replacements": [{"filePath": "/a", "oldString": "o", "newString": "n"}, {"filePath": "/b", "newString": "m"}]}),
            "Edited /a +\"n\" -\"o\"\nEdited /b +\"m\" -\"\"",
        ),
        ("edit_file", json!({"target_file": "a", "code_edit": "c"}), r#"Edited a +"c" -"""#),
        (
            "replace_file_content",
            json!({"TargetFile": "/a", "TargetContent": "o", "ReplacementContent": "n"}),
            r#"Edited /a +"n" -"o""#,
        ),
        ("mcp__files__write_file", json!({"path": "C:\\x\\y.rs", "content": "c"}), r#"Written C:/x/y.rs +"c" -"""#),
        ("delete_file", json!({"target_file": "a"}), r#"Removed a +"" -"""#),
        (
            "replace_in_file",
            json!({"path": "a", "diff": "<<<<<<< SEARCH\no\n=======\nn\n>>>>>>> REPLACE"}),
            r#"Edited a +"n" -"o""#,
        ),
        // A masked call is its text.
        ("Write", json!(r#"{"file_path":"/a","content":"[secret:x]"}"#), r#"Written /a +"[secret:x]" -"""#),
        ("Read", json!({"file_path": "/a"}), ""),
        ("create", json!({"title": "an issue", "path": "x"}), ""),
        ("Write", json!({"content": "x"}), ""),
        ("Write", json!(7), ""),
        (
            "git commit",
            json!({"files": [{"status": "R100", "path": "b", "from": "a"}]}),
            "Committed b +\"\" -\"\"\nCommitted a +\"\" -\"\"",
        ),
    ];
    for (name, input, wanted) in cases {
        assert_eq!(told(name, &input), wanted, "{name} {input}");
    }
}

#[test]
fn patches_and_here_documents_are_found_in_commands() {
    let patch = "*** Begin Patch\n*** Update File: src/a.rs\n*** Move to: src/b.rs\n@@ fn x\n same\n-old\n+new\n*** Add File: c\n+one\n+two\n*** Delete File: d\n*** End Patch";
    let wanted = "Edited src/a.rs +\"new\" -\"old\"\nWritten src/b.rs +\"new\" -\"old\"\nWritten c +\"one\\ntwo\" -\"\"\nRemoved d +\"\" -\"\"";
    for (name, input) in [
        ("apply_patch", json!(patch)),
        ("apply_patch", json!({"input": patch})),
        ("shell", json!({"command": ["apply_patch", patch]})),
        ("exec_command", json!({"cmd": format!("apply_patch <<'EOF'\n{patch}\nEOF")})),
    ] {
        assert_eq!(told(name, &input), wanted, "{name}");
    }
    let command = "cd /x && cat > src/a.rs <<'EOF'\nline one\nline two\nEOF\ncargo test";
    assert_eq!(told("Bash", &json!({"command": command})), r#"Written src/a.rs +"line one\nline two" -"""#);
    for harmless in
        ["cat a > b", "echo x >> log", "cat <<EOF\nx\nEOF", "cat > $HOME/x <<EOF\ny\nEOF", "cat > /dev/null <<E\ny\nE"]
    {
        assert_eq!(told("Bash", &json!({"command": harmless})), "", "{harmless}");
    }
}

#[test]
fn a_line_that_an_edit_only_kept_was_not_put_in_by_it() {
    let edit = json!({"file_path": "/a", "old_string": "kept\nold", "new_string": "kept\n  new"});
    let touch = touches("Edit", &edit).remove(0);
    assert!(touch.puts_line("new") && !touch.puts_line("kept") && !touch.puts_line("old"));
}
