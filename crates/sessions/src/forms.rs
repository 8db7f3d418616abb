//! Clients that keep sessions as lines and in another form as well: what is common to them.
//!
//! A client tells of its lines as any other does ([`JsonLines`]) and of the other form what is said here ([`Other`]). Both
//! are looked for in the places that the lines' `roots` give.
//!
//! **Invariant:** a session that is found in both forms is read from one of them: from its lines, where a message has the same id in
//! both; else from the form in which it was archived first ([`SessionAdapter::form`]), and of two new ones from its lines.

use crate::adapter::{RowParser, SessionAdapter};
use crate::discover::{self, Discovery, Source};
use crate::documents::Documents;
use crate::environment::Environment;
use crate::lines::JsonLines;
use jay_types::Result;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A client that keeps its sessions in two forms.
#[derive(Debug)]
pub struct Forms {
    pub(crate) lines: JsonLines,
    pub(crate) other: Other,
}

/// A form that is read as documents.
#[derive(Debug)]
pub(crate) struct Other {
    /// Whether a file of a directory holds sessions in this form.
    pub(crate) is_source: fn(&Path) -> bool,
    /// Whether a file that a person named, or one that was found, is of this form.
    pub(crate) is_form: fn(&Path) -> bool,
    /// Puts what such a file holds into the discovery.
    pub(crate) sources: fn(&Path, &mut Discovery),
    /// Whether a message has the same id in both forms, so that a session can go on in the other one.
    pub(crate) ids_agree: bool,
    pub(crate) documents: fn(&Source) -> Result<Box<dyn Documents>>,
    pub(crate) parser: fn(&Source, Option<&Value>) -> Box<dyn RowParser>,
}

impl Forms {
    fn file(&self, path: &Path, discovery: &mut Discovery) {
        // A database that is damaged from its first byte on is no file of lines.
        if (self.other.is_form)(path) || (self.other.is_source)(path) {
            self.other(path, discovery);
        } else {
            self.lines.source(path, discovery);
        }
    }

    /// A file in which nothing stands yet, as a client makes one before it writes, is no failure.
    fn other(&self, path: &Path, discovery: &mut Discovery) {
        if std::fs::metadata(path).map_or(true, |metadata| metadata.len() > 0) {
            (self.other.sources)(path, discovery);
        }
    }

    fn tree(&self, root: &Path, discovery: &mut Discovery) {
        if root.is_file() {
            return self.file(root, discovery);
        }
        discover::walk(root, self.lines.hidden, discovery, |path, discovery| {
            if (self.lines.is_session)(path) {
                self.lines.source(path, discovery);
            } else if (self.other.is_source)(path) {
                self.other(path, discovery);
            }
        });
    }

    fn is_other(&self, source: &Source) -> bool {
        source.within.is_some() || (self.other.is_form)(&source.path) || self.is_named(&source.path)
    }

    /// Of a source that is gone the archive knows the name alone, in which what is meant in a file stands behind it.
    fn is_named(&self, name: &Path) -> bool {
        let name = name.to_string_lossy();
        name.match_indices('#')
            .any(|(at, _)| name.get(..at).is_some_and(|path| (self.other.is_source)(Path::new(path))))
    }

    /// Leaves out what its session's lines say as well; a file in which nothing stands yet says nothing.
    fn lines_first(&self, discovery: &mut Discovery) {
        if !self.other.ids_agree {
            return;
        }
        let is_other: Vec<bool> = discovery.sources.iter().map(|source| self.is_other(source)).collect();
        let lines: BTreeSet<String> = std::iter::zip(&discovery.sources, &is_other)
            .filter(|(source, is_other)| !**is_other && source.stamp.size_bytes > 0)
            .map(|(source, _)| source.session.clone())
            .collect();
        let mut others = is_other.into_iter();
        discovery.sources.retain(|source| !others.next().unwrap_or(false) || !lines.contains(&source.session));
    }
}

impl SessionAdapter for Forms {
    fn name(&self) -> &'static str {
        self.lines.name
    }

    fn version(&self) -> u32 {
        self.lines.version
    }

    fn roots(&self, environment: &Environment) -> Vec<PathBuf> {
        (self.lines.roots)(environment)
    }

    fn discover(&self, environment: &Environment) -> Discovery {
        let mut discovery = Discovery::default();
        for root in self.roots(environment) {
            self.tree(&root, &mut discovery);
        }
        discover::distinct(&mut discovery);
        self.lines_first(&mut discovery);
        discovery
    }

    fn discover_path(&self, path: &Path) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        let is_file = discover::existing(path)?.is_file();
        // Names of directories above the file tell what it is, and a file is known again by its path.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        if is_file {
            self.file(&whole, &mut discovery);
        } else {
            self.tree(&whole, &mut discovery);
            self.lines_first(&mut discovery);
        }
        Ok(discovery)
    }

    fn form(&self, name: &str) -> Option<u8> {
        let path = Path::new(name);
        let is_other = || self.is_named(path) || (self.other.is_source)(path);
        (!self.other.ids_agree).then(|| u8::from(is_other()))
    }

    fn documents(&self, source: &Source) -> Result<Option<Box<dyn Documents>>> {
        if self.is_other(source) { (self.other.documents)(source).map(Some) } else { Ok(None) }
    }

    fn parser(&self, source: &Source, state: Option<&Value>) -> Box<dyn RowParser> {
        let parser = if self.is_other(source) { self.other.parser } else { self.lines.parser };
        parser(source, state)
    }
}
