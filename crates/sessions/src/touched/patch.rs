//! Patches: the envelope of `apply_patch`, unified diffs, blocks of search and replacement.

use super::{How, Touch};

/// The files of every `*** Begin Patch` envelope in a text.
pub(super) fn envelope(text: &str) -> Vec<Touch> {
    let Some((_, body)) = text.split_once("*** Begin Patch") else { return vec![] };
    let mut touches: Vec<Touch> = Vec::new();
    let mut moved: Option<Touch> = None;
    for line in body.lines() {
        let header =
            [("*** Update File: ", How::Edited), ("*** Add File: ", How::Written), ("*** Delete File: ", How::Removed)];
        if let Some((path, how)) = header.iter().find_map(|(head, how)| Some((line.strip_prefix(head)?, *how))) {
            end(&mut touches, moved.take());
            touches.push(Touch::new(path, how));
        } else if let Some(path) = line.strip_prefix("*** Move to: ") {
            moved = Some(Touch::new(path, How::Written));
        } else if line.starts_with("*** End Patch") {
            break;
        } else if let Some(touch) = touches.last_mut() {
            put_line(touch, line);
        }
    }
    end(&mut touches, moved);
    for touch in &mut touches {
        join(touch);
    }
    touches
}

/// What was moved says what it said where it was, and what was changed in it.
fn end(touches: &mut Vec<Touch>, moved: Option<Touch>) {
    if let (Some(mut moved), Some(before)) = (moved, touches.last()) {
        moved.put.clone_from(&before.put);
        moved.taken.clone_from(&before.taken);
        touches.push(moved);
    }
}

fn put_line(touch: &mut Touch, line: &str) {
    if let Some(put) = line.strip_prefix('+').filter(|_| !line.starts_with("+++ ")) {
        touch.put.push(put.to_owned());
    } else if let Some(taken) = line.strip_prefix('-').filter(|_| !line.starts_with("--- ")) {
        touch.taken.push(taken.to_owned());
    }
}

/// Lines as one text.
fn join(touch: &mut Touch) {
    for texts in [&mut touch.put, &mut touch.taken] {
        if texts.len() > 1 {
            *texts = vec![texts.join("\n")];
        }
    }
}

/// Adds what a diff of one file puts in and takes out: blocks of search and replacement, or lines of a unified diff.
pub(super) fn put_into(touch: &mut Touch, diff: &str) {
    let is_blocks = diff.lines().any(|line| line.starts_with("<<<<<<<") || line.trim_end() == "------- SEARCH");
    let mut read = Touch::new("", touch.how);
    let mut side = None;
    for line in diff.lines() {
        if !is_blocks {
            put_line(&mut read, line);
        } else if line.starts_with("<<<<<<<") || line.trim_end() == "------- SEARCH" {
            side = Some(false);
        } else if line.trim_end() == "=======" {
            side = Some(true);
        } else if line.starts_with(">>>>>>>") || line.trim_end() == "+++++++ REPLACE" {
            side = None;
        } else if !line.starts_with(":start_line:") && line.trim_end() != "-------" {
            match side {
                Some(true) => read.put.push(line.to_owned()),
                Some(false) => read.taken.push(line.to_owned()),
                None => {}
            }
        }
    }
    join(&mut read);
    touch.put.extend(read.put);
    touch.taken.extend(read.taken);
}
