//! Pieces as a person would cut them, and what holds for any text.

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn shown(text: &str, form: Form) -> String {
    let cut = cut(text, form);
    let title = cut.title.map(|title| format!("= {title}\n")).unwrap_or_default();
    let pieces = cut.pieces.iter().map(|piece| {
        let headings = if piece.headings.is_empty() { "-".to_owned() } else { piece.headings.join(" › ") };
        format!("{}-{} {headings}\n{}\n", piece.line, piece.line_end, indented(&piece.text))
    });
    title + &pieces.collect::<String>()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  |{line}")).collect::<Vec<_>>().join("\n")
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&shown(text, Form::Markdown));
}

#[test]
fn a_section_is_a_piece_with_its_headings() {
    check(
        "Before.\n\n# Jay *the* `bird`\n\nIt hides.\n\n## Where\n\nIn oaks.\n\nSetext\n------\nUnder it.\n\n# Last\nEnd.",
        expect![[r#"
            1-1 -
              |Before.
            3-5 Jay the bird
              |# Jay *the* `bird`
              |
              |It hides.
            7-9 Jay the bird › Where
              |## Where
              |
              |In oaks.
            11-13 Jay the bird › Setext
              |Setext
              |------
              |Under it.
            15-16 Last
              |# Last
              |End.
        "#]],
    );
}

#[test]
fn a_bare_heading_goes_along_with_the_first_below_it() {
    check(
        "# Book\n\n## Part\n\n### Page\ntext\n\n## Empty\n\n## Empty too\n# Alone",
        expect![[r##"
            1-6 Book › Part › Page
              |# Book
              |
              |## Part
              |
              |### Page
              |text
            8-8 Book › Empty
              |## Empty
            10-10 Book › Empty too
              |## Empty too
            11-11 Alone
              |# Alone
        "##]],
    );
}

#[test]
fn what_looks_like_a_heading_is_none() {
    check(
        "# One\n\n```sh\n# a comment\n```\n\n<!--\n# not said\n-->\n\n- # in a list\n\n> ## quoted\n\n    # indented\n\n~~~\n## never closed\n",
        expect![[r#"
            1-18 One
              |# One
              |
              |```sh
              |# a comment
              |```
              |
              |<!--
              |# not said
              |-->
              |
              |- # in a list
              |
              |> ## quoted
              |
              |    # indented
              |
              |~~~
              |## never closed
        "#]],
    );
}

#[test]
fn front_matter_is_text_before_the_first_heading_and_gives_the_title() {
    check(
        "---\ntitle: \"On jays\"\n# no heading\ntags: [a]\n---\n# One\ntext\n\n---\n\n# Two\n\n---\nnote: x\n---\n",
        expect![[r##"
            = On jays
            1-5 -
              |---
              |title: "On jays"
              |# no heading
              |tags: [a]
              |---
            6-9 One
              |# One
              |text
              |
              |---
            11-13 Two
              |# Two
              |
              |---
            14-15 Two › note: x
              |note: x
              |---
        "##]],
    );
    check(
        "+++\ntitle = 'T'\n+++\ntext",
        expect![[r#"
        = T
        1-4 -
          |+++
          |title = 'T'
          |+++
          |text
    "#]],
    );
    check(
        "---\n\n# One\n\n---",
        expect![[r##"
        1-1 -
          |---
        3-5 One
          |# One
          |
          |---
    "##]],
    );
}

#[test]
fn line_ends_marks_and_links_keep_their_lines() {
    check(
        "\u{feff}# One\r\n\r\ntext\r\n[a]: /b\r\n\r\n\r\n# Two {#two}\r\nmore\r\n",
        expect![[r##"
            1-4 One
              |# One
              |
              |text
              |[a]: /b
            7-8 Two
              |# Two {#two}
              |more
        "##]],
    );
    check(
        "[a]: /b\n\n# One\n",
        expect![[r##"
        1-1 -
          |[a]: /b
        3-3 One
          |# One
    "##]],
    );
    assert_eq!(cut("", Form::Markdown), Cut::default());
    assert_eq!(cut("\n \n\u{200b}\n", Form::Markdown).pieces, []);
}

#[test]
fn a_long_section_is_cut_at_paragraphs_and_code_stays_whole() {
    let paragraph = "word ".repeat(200);
    let code = format!("```\n{}```", "let x = 1;\n\n".repeat(300));
    let text = format!("# Long\n\n{paragraph}\n\n{paragraph}\n\n{paragraph}\n\n{code}\n\n{paragraph}\n");
    let cut = cut(&text, Form::Markdown);
    let places: Vec<(u64, u64)> = cut.pieces.iter().map(|piece| (piece.line, piece.line_end)).collect();
    assert_eq!(places, [(1, 5), (7, 7), (9, 610), (612, 612)]);
    assert!(cut.pieces.iter().all(|piece| piece.headings == ["Long"]));
}

#[test]
fn a_block_that_is_too_large_is_cut_at_lines_and_a_long_line_within() {
    let table = "| a | b |\n|---|---|\n".to_owned() + &"| some cell | another |\n".repeat(600);
    let pieces = cut(&format!("# T\n{table}"), Form::Markdown).pieces;
    assert!(pieces.len() > 4 && pieces.iter().all(|piece| piece.text.len() <= PIECE_MAX_BYTES + 8), "{}", pieces.len());
    assert!(pieces[0].text.starts_with("# T\n| a"), "the heading is not alone");
    let line = "é ".repeat(20_000);
    let pieces = cut(&format!("a\n\n{line}\n\nb"), Form::Plain).pieces;
    assert!(pieces.iter().all(|piece| piece.text.len() <= PIECE_MAX_BYTES));
    assert_eq!((pieces[1].line, pieces[1].line_end, pieces.last().unwrap().line), (3, 3, 5));
    assert_eq!(pieces.iter().map(|piece| piece.text.matches('é').count()).sum::<usize>(), 20_000);
}

#[test]
fn plain_text_is_cut_at_paragraphs() {
    let paragraph = "word ".repeat(200);
    let shown = shown(&format!("# no heading\nline two\n\n{paragraph}\n\n{paragraph}\n\n\n{paragraph}"), Form::Plain);
    let places: Vec<&str> = shown.lines().filter(|line| !line.starts_with("  |")).map(str::trim).collect();
    assert_eq!(places, ["1-6 -", "9-9 -"], "{shown}");
}

/// Lines of which documents are made, some of them cut short.
fn document() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("# One".to_owned()),
        Just("## Two".to_owned()),
        Just("### Two".to_owned()),
        Just("Title\n=====".to_owned()),
        Just("---".to_owned()),
        Just("```".to_owned()),
        Just("~~~ rust".to_owned()),
        Just("<!-- a".to_owned()),
        Just("-->".to_owned()),
        Just("<div>".to_owned()),
        Just("- item".to_owned()),
        Just("  # inner".to_owned()),
        Just("> quoted".to_owned()),
        Just("[a]: /b".to_owned()),
        Just("| a | b |\n|---|---|".to_owned()),
        Just("title: x".to_owned()),
        Just(String::new()),
        Just("\u{200b}".to_owned()),
        Just("a\rb".to_owned()),
        "[a-zé#>`~ *_-]{0,40}",
        (1..5_000_usize).prop_map(|n| "long ".repeat(n)),
    ];
    (prop::collection::vec(line, 0..60), any::<bool>())
        .prop_map(|(lines, crlf)| lines.join(if crlf { "\r\n" } else { "\n" }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_line_that_says_something_is_in_one_piece(text in document(), plain in any::<bool>()) {
        let form = if plain { Form::Plain } else { Form::Markdown };
        check_invariant(&text, form);
    }
}

fn check_invariant(text: &str, form: Form) {
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let mut next = 0;
    let mut cut_line = (0, String::new());
    let blank = |line: &&str| jay_types::bounds::MemoryText::shows_nothing(line);
    for piece in cut(text, form).pieces {
        let (first, end) = (piece.line as usize - 1, piece.line_end as usize);
        assert!(!jay_types::bounds::MemoryText::shows_nothing(&piece.text) && piece.text.len() <= 64 * 1024);
        if end == first + 1 && lines[first].len() >= LINE_MAX_BYTES {
            // Parts of one long line.
            if cut_line.0 != first + 1 {
                assert!(lines[next..first].iter().all(blank));
                cut_line = (first + 1, String::new());
            }
            cut_line.1.push_str(&piece.text);
            assert!(lines[first].starts_with(cut_line.1.trim_end()), "parts in order");
            next = end;
            continue;
        }
        assert!(first >= next, "in order, and each line once");
        assert!(lines[next..first].iter().all(blank), "nothing is left out before line {}", piece.line);
        assert_eq!(piece.text, lines[first..end].join("\n"), "what stands at path:line is the piece");
        assert!(!blank(&lines[first]) && !blank(&lines[end - 1]));
        next = end;
    }
    assert!(lines[next..].iter().all(blank), "nothing is left out at the end");
}
