//! Every command that a message, a page or a comment names is one that there is, with these options and no more parameters than it has.

use super::command;
use clap::Command;
use std::path::{Path, PathBuf};

/// The files of the workspace in which commands are named.
fn texts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md"].iter().map(|name| root.join(name)).collect();
    let mut directories = vec![root.join("crates"), root.join("docs")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_text = path.extension().is_some_and(|extension| extension == "rs" || extension == "md");
            if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
                directories.push(path);
            } else if is_text && !path.ends_with(file!().rsplit('/').next().unwrap()) {
                files.push(path);
            }
        }
    }
    files
}

/// What stands between back-quotes and begins with the program's name, as words; what a message fills in is one word.
fn commands_in(text: &str) -> Vec<Vec<String>> {
    let snippets = text.split('`').skip(1).step_by(2).filter(|snippet| snippet.starts_with("jay "));
    let words = |snippet: &str| -> Option<Vec<String>> {
        // A shell does something with these that is not ours.
        if snippet.len() > 200 || snippet.contains(['|', '&', '<', '>', '$', '[', '\n']) {
            return None;
        }
        let mut words = Vec::new();
        let (mut depth, mut is_quoted) = (0, false);
        let mut word = String::new();
        for c in snippet.chars().filter(|c| *c != '\\') {
            match c {
                '"' | '\'' => is_quoted = !is_quoted,
                ' ' if is_quoted => word.push('_'),
                '{' => depth += 1,
                '}' => {
                    depth -= 1;
                    word.push('x');
                }
                ' ' if depth == 0 => words.push(std::mem::take(&mut word)),
                c if depth == 0 => word.push(c),
                _ => {}
            }
        }
        words.push(word);
        words.retain(|word| !word.is_empty());
        words.remove(0);
        Some(words)
    };
    snippets.filter_map(words).collect()
}

/// What is wrong with a command, if anything.
fn fault_of(root: &Command, words: &[String]) -> Option<String> {
    let (mut of, mut rest) = (root, words);
    while let Some((first, tail)) = rest.split_first() {
        let Some(found) = of.find_subcommand(first) else { break };
        (of, rest) = (found, tail);
    }
    let is_filled_in = |word: &String| word.contains(['x', '…']) && word.len() < 3;
    if of.has_subcommands() && of.get_positionals().next().is_none() {
        let is_unknown =
            |word: &&String| !word.starts_with('-') && !is_filled_in(word) && **word != word.to_uppercase();
        if let Some(word) = rest.first().filter(is_unknown) {
            return Some(format!("`{word}` is no command of `{}`", of.get_name()));
        }
    }
    let mut positionals = 0;
    let mut rest = rest.iter().peekable();
    while let Some(word) = rest.next() {
        let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty() && *long != "x") else {
            positionals += usize::from(!word.starts_with('-') && *word != "…");
            continue;
        };
        let (name, has_value) = long.split_once('=').map_or((long, false), |(name, _)| (name, true));
        let globals = root.get_arguments().filter(|argument| argument.is_global_set());
        let Some(argument) = of.get_arguments().chain(globals).find(|argument| argument.get_long() == Some(name))
        else {
            if ["help", "version"].contains(&name) {
                continue;
            }
            return Some(format!("`--{name}` is no option of `{}`", of.get_name()));
        };
        if argument.get_action().takes_values() && !has_value {
            rest.next_if(|next| !next.starts_with('-'));
        }
    }
    let many = of.get_positionals().any(|argument| argument.get_num_args().is_some_and(|n| n.max_values() > 1));
    let most = of.get_positionals().count();
    (positionals > most && !many && !of.has_subcommands())
        .then(|| format!("`{}` has {most} parameters and not {positionals}", of.get_name()))
}

#[test]
fn every_command_that_is_named_is_one_that_there_is() {
    let mut root = command();
    root.build();
    let mut faults = Vec::new();
    let mut seen = 0;
    for path in texts() {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            for words in commands_in(line) {
                seen += 1;
                if words.first().is_none_or(|first| first == "x") {
                    continue;
                }
                faults.extend(
                    fault_of(&root, &words)
                        .map(|fault| format!("{}: `jay {}`: {fault}", path.display(), words.join(" "))),
                );
            }
        }
    }
    assert!(seen > 300, "only {seen} were found");
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn what_is_wrong_is_found() {
    let mut root = command();
    root.build();
    let fault = |text: &str| fault_of(&root, &commands_in(text)[0]);
    for well in
        ["`jay vault add NODE`", "`jay vault add {}`", "`jay sync {name} --pull`", "`jay call`", "`jay recall \"x y\"`"]
    {
        assert_eq!(fault(well), None, "{well}");
    }
    for bad in ["`jay vault add home NODE`", "`jay vault ad NODE`", "`jay sync --pul`", "`jay snyc`"] {
        assert!(fault(bad).is_some(), "{bad}");
    }
}
