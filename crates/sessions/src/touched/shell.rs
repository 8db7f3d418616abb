//! Here-documents that a shell writes into files.

use super::{How, Touch};

/// The files into which `cat > FILE <<WORD` and `tee FILE <<WORD` write, where their path is a plain word.
pub(super) fn here_documents(command: &str) -> Vec<Touch> {
    let mut touches = Vec::new();
    let mut lines = command.lines();
    while let Some(line) = lines.next() {
        let Some((before, after)) = line.split_once("<<") else { continue };
        let mark = after.trim_start_matches('-').trim_start();
        let mark: String = match mark.chars().next() {
            Some(quote @ ('\'' | '"')) => mark.chars().skip(1).take_while(|c| *c != quote).collect(),
            _ => mark.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect(),
        };
        if mark.is_empty() {
            continue;
        }
        let text: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != mark).collect();
        // The redirection may stand on either side of the mark.
        let rest = after.split_once(mark.as_str()).map_or("", |(_, rest)| rest);
        if let Some((path, how)) = target(before, rest) {
            let mut touch = Touch::new(path, how);
            touch.put.push(text.join("\n"));
            touches.push(touch);
        }
    }
    touches
}

/// The file of the last command before the mark, by `>`, `>>` or `tee`.
fn target<'a>(before: &'a str, rest: &'a str) -> Option<(&'a str, How)> {
    let last = before.rsplit(['|', ';', '&', '(']).next().unwrap_or(before).trim();
    let program = last.split_whitespace().next()?;
    let redirected = |text: &'a str| {
        let (head, path) = text.rsplit_once('>')?;
        let how = if head.ends_with('>') { How::Edited } else { How::Written };
        let is_output = !head.trim_end_matches('>').ends_with(|c: char| c.is_ascii_digit());
        path.split_whitespace().next().filter(|_| is_output).map(|path| (path, how))
    };
    let found = match program {
        "cat" => redirected(last).or_else(|| redirected(rest))?,
        "tee" => {
            let how = if last.split_whitespace().any(|word| word == "-a") { How::Edited } else { How::Written };
            (last.split_whitespace().skip(1).find(|word| !word.starts_with('-'))?, how)
        }
        _ => return None,
    };
    let path = found.0.trim_matches(['"', '\'']);
    let is_plain = !path.is_empty()
        && !path.starts_with("/dev/")
        && !path.contains(['$', '*', '?', '`', '~', '{', '\'', '"', '\\']);
    is_plain.then_some((path, found.1))
}
