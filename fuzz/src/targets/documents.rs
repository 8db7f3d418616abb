//! The cutting of documents: whatever a file says, every line of it that says something is in exactly one piece.

use crate::{Seeds, Target};
use jay_core::documents::cut::{Form, LINE_MAX_BYTES, Piece, cut};
use jay_types::bounds::{MemoryText, Word};

pub(super) const DOCUMENTS: Target = Target {
    name: "documents",
    run: documents,
    seeds: Seeds::Written(&[
        b"# One\n\ntext\n\n## Two\n\n- a\n- b\n\n```sh\n# no heading\n```\n",
        b"---\ntitle: T\n---\n\nBefore.\n\nSetext\n======\n\n> quoted\n> # inner\n",
        b"+++\ntitle = 'T'\n+++\n<!-- # no -->\n<div>\n\n# One {#id}\n",
        b"\xef\xbb\xbf# One\r\n\r\n| a | b |\r\n|---|---|\r\n| c | d |\r\n[x]: /y\r\n",
        b"| a |\n|---|\n[x]: /y\r",
        b"# \xe2\x80\x8b\ntext\n",
        b"1. one\n\n   # inner\n\n2. two\n[^1]: note\n\n    # code\n\n***\n* * *\n~~~\nopen",
    ]),
};

fn documents(input: &[u8]) {
    let text = String::from_utf8_lossy(input).replace('\0', " ");
    for form in [Form::Markdown, Form::Plain] {
        let document = cut(&text, form);
        assert_eq!(document, cut(&text, form), "the same text is cut the same way");
        check(text.strip_prefix('\u{feff}').unwrap_or(&text), &document.pieces);
    }
}

fn check(text: &str, pieces: &[Piece]) {
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let says_nothing = |from: usize, to: usize| {
        lines.get(from..to).expect("lines of the file").iter().all(|line| MemoryText::shows_nothing(line))
    };
    let mut next = 0;
    for piece in pieces {
        let (first, end) = (piece.line as usize - 1, piece.line_end as usize);
        MemoryText::new(piece.text.as_str()).expect("a piece is a text that may be kept");
        assert!(piece.headings.iter().all(|heading| Word::new(heading.as_str()).is_ok() || heading.len() > 256));
        let own = lines.get(first..end).expect("lines of the file");
        if let [line] = own
            && line.len() + 2 > LINE_MAX_BYTES
        {
            assert!(first + 1 >= next && line.contains(&piece.text), "a part of a long line");
            assert!(next > first || says_nothing(next, first));
        } else {
            assert!(first >= next && says_nothing(next, first), "each line once, in order");
            assert_eq!(piece.text, own.join("\n"), "what stands at path:line is the piece");
        }
        next = end;
    }
    assert!(says_nothing(next, lines.len()), "nothing is left out at the end");
}
