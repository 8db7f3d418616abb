//! Every row of every projection in terms that are the same on every store: ids and hashes, no local numbers.
//!
//! Two stores that hold the same changes and bodies have the same dump, whatever came first where (I3).
//!
//! **Invariant:** nothing here depends on the order of arrival; a new projection is added here.

use crate::Result;
use crate::tx::Tx;
use jay_types::change::Journal;
use rusqlite::types::ValueRef;

/// Names an entity by namespace, kind and id, given a table `e` and its namespace `n`.
const ENTITY: &str = "hex(n.id), e.kind, hex(e.id)";
/// Joins `t.entity` to what [`ENTITY`] names.
const OF_ENTITY: &str = "JOIN entities e ON e.num = t.entity JOIN namespaces n ON n.num = e.namespace";

/// Tables of both journals: (name, columns after the entity's, further joins).
const COMMON: &[(&str, &str, &str)] = &[
    ("versions", "t.register, hex(c.hash), t.idx, t.head", "JOIN changes c ON c.pos = t.pos"),
    ("actors", "t.kind, t.name", ""),
    ("purged", "1", ""),
    (
        "changes",
        "hex(t.hash), t.op, (SELECT group_concat(d.field || ':' || d.reason) FROM
           (SELECT field, reason FROM deferred WHERE pos = t.pos ORDER BY field) d),
         EXISTS(SELECT 1 FROM bodies b WHERE b.pos = t.pos), hex(t.signature)",
        "",
    ),
];

const MEMORY: &[(&str, &str, &str)] = &[
    (
        "memories",
        "t.kind, hex(x.hash), hex(t.text_mac), t.key, hex(k.hash), t.created_hlc, t.created_at, t.updated_at, t.valid_from,
         t.valid_to, t.expires_at, t.importance, t.confidence, t.pinned, t.useful, t.noise, t.hidden, t.version",
        "LEFT JOIN changes x ON x.pos = t.text_pos LEFT JOIN changes k ON k.pos = t.key_pos",
    ),
    ("places", "t.root, t.base, t.path, t.line, t.line_end, t.text_bytes", ""),
    ("tags", "t.tag", ""),
    ("links", "hex(t.target), t.relation", ""),
    ("key_claims", "t.key, hex(c.hash)", "JOIN changes c ON c.pos = t.pos"),
    ("alias_claims", "hex(t.target), hex(c.hash)", "JOIN changes c ON c.pos = t.pos"),
    ("aliases", "hex(f.id), t.disputed", "JOIN entities f ON f.num = t.first"),
    ("moves", "hex(t.other), hex(t.namespace), hex(c.hash)", "JOIN changes c ON c.pos = t.pos"),
    ("forgets", "hex(t.mac), t.hlc, t.live, hex(c.hash)", "JOIN changes c ON c.pos = t.pos"),
];

const ARCHIVE: &[(&str, &str, &str)] = &[
    (
        "sessions",
        "t.client, t.session, t.parent, t.relation, t.agent, t.project, t.git_remote, t.git_branch, t.title,
         t.client_version, t.started_at, t.ended_at, t.host, t.user, t.messages, t.latest",
        "",
    ),
    (
        "blocks",
        "hex(c.hash), t.path, t.revision, t.first_row, t.host, t.user, t.meta",
        "JOIN changes c ON c.pos = t.pos",
    ),
    (
        "messages",
        "hex(c.hash), t.place, t.ordinal, t.key, t.digest, t.role, t.author, t.at, t.searchable, t.superseded,
         EXISTS(SELECT 1 FROM documents d WHERE d.doc = t.doc)",
        "JOIN changes c ON c.pos = t.pos",
    ),
];

/// Rows that belong to no entity: whole queries.
const MEMORY_QUERIES: &[(&str, &str)] = &[
    (
        "namespace_state",
        "SELECT hex(n.id), t.path, hex(c.hash), hex(t.forget_key), t.secrets, t.created_at, t.retired
         FROM namespace_state t JOIN namespaces n ON n.num = t.namespace LEFT JOIN changes c ON c.pos = t.path_pos",
    ),
    (
        "namespace_names",
        "SELECT hex(n.id), t.name, t.kind FROM namespace_names t JOIN namespaces n ON n.num = t.namespace",
    ),
    ("undone", "SELECT hex(t.act), hex(c.hash) FROM undone t JOIN changes c ON c.pos = t.pos"),
    ("documents", "SELECT hex(c.hash) FROM documents d LEFT JOIN changes c ON c.pos = d.doc"),
];

const ARCHIVE_QUERIES: &[(&str, &str)] = &[(
    "touched",
    "SELECT hex(c.hash), t.doc & 1048575, t.name, t.tail FROM touched t JOIN changes c ON c.pos = t.doc >> 20",
)];

impl Tx<'_> {
    /// Every row of every projection as a line of text, sorted; equal on every store that holds the same.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn canonical_dump(&self) -> Result<Vec<String>> {
        let (tables, queries) = match self.journal {
            Journal::Memory => (MEMORY, MEMORY_QUERIES),
            Journal::Archive => (ARCHIVE, ARCHIVE_QUERIES),
        };
        let mut lines = Vec::new();
        for (table, columns, joins) in COMMON.iter().chain(tables) {
            self.dump(table, &format!("SELECT {ENTITY}, {columns} FROM {table} t {OF_ENTITY} {joins}"), &mut lines)?;
        }
        for (name, sql) in queries {
            self.dump(name, sql, &mut lines)?;
        }
        lines.sort_unstable();
        Ok(lines)
    }

    fn dump(&self, name: &str, sql: &str, lines: &mut Vec<String>) -> Result<()> {
        let mut statement = self.statement(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut line = name.to_owned();
            for column in 0..columns {
                line.push('|');
                match row.get_ref(column)? {
                    ValueRef::Text(text) => line.push_str(&String::from_utf8_lossy(text)),
                    other => line.push_str(&format!("{other:?}")),
                }
            }
            lines.push(line);
        }
        Ok(())
    }
}
