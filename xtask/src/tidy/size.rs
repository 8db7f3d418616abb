//! Long files and long functions: places to look at, never a fault.

use crate::tree::Tree;
use syn::visit::{self, Visit};

/// A file longer than this may hold two jobs.
const FILE_LINES: usize = 400;
/// A function longer than this may do two things.
const FUNCTION_LINES: usize = 70;

pub(crate) fn notes(tree: &Tree) -> Vec<String> {
    let mut notes = Vec::new();
    for (path, text) in tree.rust() {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            notes.push(format!("{path}: {lines} lines"));
        }
        if let Ok(file) = syn::parse_file(text) {
            Functions { path, notes: &mut notes }.visit_file(&file);
        }
    }
    notes
}

struct Functions<'a> {
    path: &'a str,
    notes: &'a mut Vec<String>,
}

impl Functions<'_> {
    fn note(&mut self, head: &syn::Signature, body: &syn::Block) {
        let start = head.fn_token.span.start().line;
        let lines = body.brace_token.span.close().end().line + 1 - start;
        if lines > FUNCTION_LINES {
            self.notes.push(format!("{}:{start}: function `{}` has {lines} lines", self.path, head.ident));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.note(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn long_files_and_functions_are_noted() {
        let body = "    f();\n".repeat(FUNCTION_LINES - 2);
        let fits = format!("fn fits() {{\n{body}}}\n");
        let long = format!("impl A {{\n/// Doc.\nfn long() {{\n{body}    f();\n}}\n}}\ntrait B {{ fn none(); }}\n");
        let tree = Tree::of(&[("a.rs", &fits), ("b.rs", &long), ("c.rs", &"// x\n".repeat(FILE_LINES + 1))]);
        expect![[r#"
            b.rs:3: function `long` has 71 lines
            c.rs: 401 lines"#]]
        .assert_eq(&notes(&tree).join("\n"));
    }
}
