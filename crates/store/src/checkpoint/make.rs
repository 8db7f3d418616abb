//! Writing a checkpoint, from one snapshot.

use super::file::Unfinished;
use crate::Result;
use crate::journal::export::Branch;
use crate::open::Store;
use crate::tx::Tx;
use jay_types::Hash;
use jay_types::change::header::StreamId;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Row, params};
use std::collections::HashMap;
use std::path::Path;

/// What a checkpoint holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Changes in it.
    pub changes: u64,
    /// Its position: every branch with its head. Local numbers are those of the store that made it.
    pub position: Vec<Branch>,
    /// The file's bytes.
    pub bytes: u64,
}

impl Store {
    /// Writes the journal of the wanted streams into the new file `to`, which only its owner may read. The file is durable
    /// when this returns; where it fails there is none.
    ///
    /// # Errors
    /// `io` where `to` is there already or cannot be written; as [`Store::read`].
    pub fn checkpoint(&self, wanted: &dyn Fn(&StreamId) -> bool, to: &Path) -> Result<Checkpoint> {
        self.checkpoint_of(&|tx| Ok(tx.branches()?.into_iter().filter(|branch| wanted(&branch.stream)).collect()), to)
    }

    /// The same of an earlier position: of what was written since then nothing is in the file. Where a stream was shared with others then
    /// and is not any longer, it holds what they may have.
    ///
    /// # Errors
    /// As [`Store::checkpoint`].
    pub fn checkpoint_at(&self, position: &[Branch], to: &Path) -> Result<Checkpoint> {
        self.checkpoint_of(&|_| Ok(position.to_vec()), to)
    }

    fn checkpoint_of(&self, position: &dyn Fn(&Tx<'_>) -> Result<Vec<Branch>>, to: &Path) -> Result<Checkpoint> {
        let file = Unfinished::make(to)?;
        let (changes, position) = self.read(|tx| {
            let position = position(tx)?;
            Ok::<_, crate::StoreError>((copy(tx, &position, &file.connection)?, position))
        })?;
        Ok(Checkpoint { changes, position, bytes: file.finish(self.journal)? })
    }
}

/// Numbers of the store by which rows name ids, with those of the file.
#[derive(Default)]
struct Numbers {
    entities: HashMap<i64, i64>,
    acts: HashMap<i64, i64>,
}

fn copy(tx: &Tx<'_>, position: &[Branch], file: &Connection) -> Result<u64> {
    let streams = copy_streams(tx, position, file)?;
    let mut numbers = Numbers::default();
    let mut statement = tx.statement(
        "SELECT c.stream, c.actor, c.act, c.entity, c.seq, c.hlc, c.at, c.idx, c.count, c.run, c.op, c.encoding, c.body_hash,
                c.signature, b.salt, b.bytes
         FROM changes c LEFT JOIN bodies b ON b.pos = c.pos ORDER BY c.pos",
    )?;
    let mut rows = statement.query([])?;
    let mut changes = 0_i64;
    while let Some(row) = rows.next().map_err(|error| tx.fault(error))? {
        if let Some((stream, upto)) = streams.get(&row.get(0)?)
            && row.get::<_, u64>(4)? <= *upto
        {
            let named = [numbers.entity(tx, file, row.get(1)?)?, numbers.act(tx, file, row.get(2)?)?];
            let entity = numbers.entity(tx, file, row.get(3)?)?;
            changes += 1;
            copy_change(file, changes, *stream, named, entity, row)?;
        }
    }
    Ok(changes.unsigned_abs())
}

fn copy_change(file: &Connection, pos: i64, stream: i64, named: [i64; 2], entity: i64, row: &Row<'_>) -> Result<()> {
    let [actor, act] = named;
    let mut insert = file.prepare_cached(
        "INSERT INTO changes(pos, stream, actor, act, entity, seq, hlc, at, idx, count, run, op, encoding, body_hash, signature, salt, body)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, iif(?16 IS NULL, ?14, NULL), ?15, ?16, ?17)",
    )?;
    for (place, number) in (1..).zip([pos, stream, actor, act, entity]) {
        insert.raw_bind_parameter(place, number)?;
    }
    for column in 4..16 {
        insert.raw_bind_parameter(column + 2, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
    }
    insert.raw_execute()?;
    Ok(())
}

/// The branches, under numbers of the file; by their numbers here, each with its end.
fn copy_streams(tx: &Tx<'_>, position: &[Branch], file: &Connection) -> Result<HashMap<i64, (i64, u64)>> {
    let (mut nodes, mut namespaces) = (HashMap::new(), HashMap::new());
    let mut streams = HashMap::new();
    for (num, branch) in (1_i64..).zip(position) {
        let node = number(&mut nodes, branch.stream.node.0, file, "INSERT INTO nodes(num, id) VALUES(?1, ?2)")?;
        let sql = "INSERT INTO namespaces(num, id) VALUES(?1, ?2)";
        let namespace = number(&mut namespaces, branch.stream.namespace.0, file, sql)?;
        let (after_seq, after_hash) = match branch.parent {
            Some((parent, seq)) if seq > 0 => (seq, tx.hash_in_branch(parent, seq)?),
            _ => (0, Hash::ZERO),
        };
        file.prepare_cached(
            "INSERT INTO streams(num, node, namespace, after_seq, after_hash, head_seq, head_hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![num, node, namespace, after_seq, after_hash.0, branch.head_seq, branch.head_hash.0])?;
        streams.insert(branch.num, (num, branch.head_seq));
    }
    Ok(streams)
}

/// The file's number of an id, given where it has none yet.
fn number(known: &mut HashMap<[u8; 16], i64>, id: [u8; 16], file: &Connection, sql: &str) -> Result<i64> {
    let next = known.len() as i64 + 1;
    if let Some(num) = known.get(&id) {
        return Ok(*num);
    }
    file.prepare_cached(sql)?.execute(params![next, id])?;
    known.insert(id, next);
    Ok(next)
}

impl Numbers {
    fn entity(&mut self, tx: &Tx<'_>, file: &Connection, num: i64) -> Result<i64> {
        if let Some(known) = self.entities.get(&num) {
            return Ok(*known);
        }
        let next = self.entities.len() as i64 + 1;
        let row = tx.entity(num)?;
        file.prepare_cached("INSERT INTO entities(num, kind, id) VALUES(?1, ?2, ?3)")?
            .execute(params![next, row.kind, row.id])?;
        self.entities.insert(num, next);
        Ok(next)
    }

    fn act(&mut self, tx: &Tx<'_>, file: &Connection, num: i64) -> Result<i64> {
        if let Some(known) = self.acts.get(&num) {
            return Ok(*known);
        }
        let next = self.acts.len() as i64 + 1;
        let id: Option<[u8; 16]> = tx.one("SELECT id FROM acts WHERE num = ?1", [num], |row| row.get(0))?;
        let id = id.ok_or_else(|| crate::error::damaged(format!("act number {num} is unknown")))?;
        file.prepare_cached("INSERT INTO acts(num, id) VALUES(?1, ?2)")?.execute(params![next, id])?;
        self.acts.insert(num, next);
        Ok(next)
    }
}
