//! Pieces of documents: where they stand in their files.

use crate::Result;
use crate::project::hidden;
use crate::read::namespaces::Scope;
use crate::tx::Tx;
use jay_types::change::registry::PLACE;
use jay_types::memory::Place;
use jay_types::{EntityId, NodeId, Timestamp};
use rusqlite::types::Value as Sql;

/// A memory that stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedRow {
    /// Its id.
    pub id: EntityId,
    /// Local number.
    pub num: i64,
    /// Number of its namespace.
    pub namespace: i64,
    /// Where it stands.
    pub place: Place,
    /// The node that said so: its folders are on another machine where that is not this store's.
    pub node: NodeId,
    /// The slot that it claims.
    pub key: Option<String>,
    /// Position of its wording.
    pub text_pos: i64,
    /// Bytes of its text.
    pub text_bytes: u64,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The number of its changes held here.
    pub version: u64,
    hidden: i64,
}

impl PlacedRow {
    /// Nothing hides it.
    #[must_use]
    pub const fn is_shown(&self) -> bool {
        self.hidden == 0
    }

    /// It was retired, and nothing reopened it.
    #[must_use]
    pub const fn is_retired(&self) -> bool {
        self.hidden & hidden::RETIRED != 0
    }

    /// It was forgotten, or its text was.
    #[must_use]
    pub const fn is_forgotten(&self) -> bool {
        self.hidden & (hidden::FORGOTTEN | hidden::FORGOTTEN_TEXT) != 0
    }

    /// Another memory holds its key.
    #[must_use]
    pub const fn is_superseded(&self) -> bool {
        self.hidden & hidden::SUPERSEDED != 0
    }
}

impl Tx<'_> {
    /// Every memory of a scope that stands in a file, hidden ones too, by namespace, file and line.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn placed(&self, scope: &Scope) -> Result<Vec<PlacedRow>> {
        let (within, params) = match scope {
            Scope::All => (String::new(), vec![]),
            Scope::Of(namespaces) => {
                let marks = vec!["?"; namespaces.len()].join(", ");
                let params: Vec<Sql> = namespaces.iter().map(|num| Sql::from(*num)).collect();
                (format!(" AND p.namespace IN ({marks})"), params)
            }
        };
        self.all(
            &format!(
                "SELECT e.id, p.entity, p.namespace, p.root, p.base, p.path, p.line, p.line_end, p.text_bytes, m.key, m.text_pos,
                   m.updated_at, m.version, m.hidden, n.id
                 FROM places p JOIN memories m ON m.entity = p.entity JOIN entities e ON e.num = p.entity
                 JOIN versions v ON v.entity = p.entity AND v.register = {} AND v.head = 0
                 JOIN changes c ON c.pos = v.pos JOIN streams s ON s.num = c.stream JOIN nodes n ON n.num = s.node
                 WHERE m.text_pos IS NOT NULL{within} ORDER BY p.namespace, p.path, p.line, e.id",
                PLACE.number
            ),
            rusqlite::params_from_iter(params),
            |row| {
                let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
                Ok(PlacedRow {
                    id: EntityId(row.get(0)?),
                    num: row.get(1)?,
                    namespace: row.get(2)?,
                    place: Place {
                        root: row.get(3)?,
                        base: row.get(4)?,
                        path: row.get(5)?,
                        line: number(6)?,
                        line_end: number(7)?,
                    },
                    text_bytes: number(8)?,
                    key: row.get(9)?,
                    text_pos: row.get(10)?,
                    updated_at: Timestamp(row.get(11)?),
                    version: number(12)?,
                    hidden: row.get(13)?,
                    node: NodeId(row.get(14)?),
                })
            },
        )
    }
}
