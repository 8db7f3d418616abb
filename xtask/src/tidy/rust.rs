//! Rules for Rust files: heads of modules, SQL in the store only, no work that was put off, no test that is off.
//!
//! Read as tokens, so that a word in a comment or a string is not taken for code, nor the other way round.

use crate::tree::Tree;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Beginnings of statements, written as only SQL writes them.
const SQL: &[&str] = &["SELECT ", "INSERT INTO", "CREATE TABLE", "PRAGMA "];
/// The one crate that has SQL (I5), and where the databases of other programs are read.
const SQL_ROOMS: &[&str] = &["crates/store/", "crates/sessions/src/database/"];
/// Macros that stand for code that is not there.
const MISSING_CODE: &[&str] = &["todo", "unimplemented"];

pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in tree.rust() {
        faults.extend(check_head(path, text));
        match text.parse::<TokenStream>() {
            Ok(tokens) => {
                let is_product = path.starts_with("crates/") && path.contains("/src/");
                let is_room = SQL_ROOMS.iter().any(|room| path.starts_with(room));
                let sql = if is_product && !is_room { SQL } else { &[] };
                Walk { path, sql, faults: &mut faults }.stream(tokens);
            }
            Err(error) => faults.push(format!("{path}: not Rust: {error}")),
        }
    }
    faults
}

/// A module says why it exists; a crate also what always holds in it.
fn check_head(path: &str, text: &str) -> Option<String> {
    let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    if head.iter().all(|line| line.trim().is_empty()) {
        return Some(format!("{path}: no head: begin the module with `//!` and why it exists"));
    }
    let is_crate = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
    if is_crate && !head.iter().any(|line| line.trim_start().starts_with("**Invariant:**")) {
        return Some(format!("{path}: no line `**Invariant:**` in the head of the crate"));
    }
    None
}

struct Walk<'a> {
    path: &'a str,
    sql: &'a [&'a str],
    faults: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn stream(&mut self, tokens: TokenStream) {
        let mut previous = None;
        for token in tokens {
            match &token {
                TokenTree::Group(group) => {
                    self.group(group, previous.as_ref());
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if text.contains('"') && self.sql.iter().any(|start| text.contains(start)) {
                        self.fault(literal.span(), "SQL stands in crates/store only, that for clients' databases in crates/sessions/src/database");
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == '!' => {
                    if let Some(TokenTree::Ident(name)) = &previous
                        && MISSING_CODE.iter().any(|word| name == word)
                    {
                        self.fault(name.span(), &format!("`{name}!`: the code is missing"));
                    }
                }
                TokenTree::Punct(_) | TokenTree::Ident(_) => {}
            }
            previous = Some(token);
        }
    }

    fn group(&mut self, group: &Group, previous: Option<&TokenTree>) {
        let after_hash = matches!(previous, Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '#' | '!'));
        if after_hash && group.delimiter() == Delimiter::Bracket {
            match group.stream().into_iter().next() {
                // A doc comment is an attribute by now, and prose may quote SQL.
                Some(TokenTree::Ident(name)) if name == "doc" => return,
                Some(TokenTree::Ident(name)) if name == "ignore" => {
                    self.fault(name.span(), "a test that is switched off shows nothing");
                }
                _ => {}
            }
        }
        self.stream(group.stream());
    }

    fn fault(&mut self, span: proc_macro2::Span, what: &str) {
        self.faults.push(format!("{}:{}: {what}", self.path, span.start().line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn faults(path: &str, text: &str) -> String {
        check(&Tree::of(&[(path, text)])).join("\n")
    }

    #[test]
    fn a_crate_says_what_always_holds() {
        assert_eq!(faults("crates/a/src/lib.rs", "//! Why.\n//!\n//! **Invariant:** always.\n"), "");
        assert_eq!(faults("crates/a/src/b.rs", "//! Why.\n"), "");
        expect!["crates/a/src/lib.rs: no line `**Invariant:**` in the head of the crate"]
            .assert_eq(&faults("crates/a/src/lib.rs", "//! Why.\n"));
        for text in ["", "fn f() {}\n", "//!\n//! \n", "// Why.\n", "\n//! Why.\n"] {
            assert!(faults("crates/a/src/b.rs", text).contains("no head"), "{text:?}");
        }
    }

    #[test]
    fn sql_stands_in_the_store() {
        let text = "//! Head: SELECT x.\n/// SELECT doc\nfn f() { run!(\"SELECT 1\"); } // SELECT 2\nconst A: &str = r#\"PRAGMA x\"#;\n";
        assert_eq!(faults("crates/store/src/a.rs", text), "");
        assert_eq!(faults("crates/sessions/src/database/mod.rs", text), "");
        assert_eq!(faults("crates/core/tests/it/a.rs", text), "");
        expect![[r#"
            crates/core/src/a.rs:3: SQL stands in crates/store only, that for clients' databases in crates/sessions/src/database
            crates/core/src/a.rs:4: SQL stands in crates/store only, that for clients' databases in crates/sessions/src/database"#]]
        .assert_eq(&faults("crates/core/src/a.rs", text));
    }

    #[test]
    fn missing_code_and_tests_that_are_off_are_named() {
        let text = "//! Head, todo!() in prose.\n#[test]\n#[ignore = \"slow\"]\nfn f() { todo!(); let s = \"todo!()\"; }\n#[cfg_attr(x, ignore)]\nfn g() { std::unimplemented!() }\n";
        expect![[r#"
            crates/a/src/a.rs:3: a test that is switched off shows nothing
            crates/a/src/a.rs:4: `todo!`: the code is missing
            crates/a/src/a.rs:6: `unimplemented!`: the code is missing"#]]
        .assert_eq(&faults("crates/a/src/a.rs", text));
        assert!(faults("crates/a/src/a.rs", "//! Head.\nfn f( {}\n").contains("not Rust"));
    }
}
