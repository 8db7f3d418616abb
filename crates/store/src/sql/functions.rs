//! What views call to read texts: they stand in compressed bodies, which SQL cannot look into.
//!
//! **Invariant:** a text leaves with its secrets masked unless the caller may have them revealed. Bodies are immutable, so that a
//! connection of its own reads the same.

use super::Names;
use crate::project::document::masked_text;
use crate::project::session::{role_name, role_of_number};
use crate::read::messages::masked_part;
use jay_types::change::block::Block;
use jay_types::change::body::decode;
use jay_types::change::registry::TEXT;
use jay_types::change::{Body, EntityKind, Op};
use jay_types::id::EntityId;
use jay_types::memory::Kind;
use jay_types::session::Part;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Names of the functions that only views may call.
pub(super) const NAMES: [&str; 13] = [
    "jay_name",
    "jay_message",
    "jay_role",
    "jay_text",
    "jay_model",
    "jay_parts",
    "jay_calls",
    "jay_usage",
    "jay_wording",
    "jay_id",
    "jay_kind",
    "jay_operation",
    "jay_entity_kind",
];

/// Blocks that are kept decoded: those of a join of a few sessions.
const BLOCKS_KEPT: usize = 8;

pub(super) type SqlResult<T> = rusqlite::Result<T>;

/// Reads bodies of one database.
pub(super) struct Bodies {
    pub(super) connection: Connection,
    blocks: VecDeque<(i64, Arc<Block>)>,
    /// The last wording, of which title and text are asked one after the other.
    wording: Option<(i64, Value)>,
    reveal: bool,
    mask: fn(String) -> String,
}

type Shared = Arc<Mutex<Bodies>>;

impl Bodies {
    fn shared(path: &Path, names: Names, reveal: bool) -> crate::Result<Shared> {
        let connection = crate::connection::open_reader(path)?;
        Ok(Arc::new(Mutex::new(Self { connection, blocks: VecDeque::new(), wording: None, reveal, mask: names.mask })))
    }

    fn json(&self, pos: i64) -> SqlResult<Option<Vec<u8>>> {
        let sql = "SELECT c.encoding, b.bytes FROM bodies b JOIN changes c ON c.pos = b.pos WHERE b.pos = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row([pos], |row| {
            let bytes = row.get_ref(1)?.as_blob()?;
            Ok(decode(row.get(0)?, bytes).map(std::borrow::Cow::into_owned))
        });
        match found.optional()? {
            None => Ok(None),
            Some(Ok(json)) => Ok(Some(json)),
            Some(Err(fault)) => Err(failed(format!("the body of change {pos}: {fault}"))),
        }
    }

    pub(super) fn block(&mut self, pos: i64) -> SqlResult<Option<Arc<Block>>> {
        if let Some((_, block)) = self.blocks.iter().find(|(known, _)| *known == pos) {
            return Ok(Some(Arc::clone(block)));
        }
        let Some(json) = self.json(pos)? else { return Ok(None) };
        let block = Block::from_json(&json).map_err(|reason| failed(format!("block {pos}: {reason}")))?;
        let block = Arc::new(block);
        self.blocks.push_back((pos, Arc::clone(&block)));
        if self.blocks.len() > BLOCKS_KEPT {
            self.blocks.pop_front();
        }
        Ok(Some(block))
    }

    fn text(&mut self, pos: i64, place: usize) -> SqlResult<Option<String>> {
        let Some(block) = self.block(pos)? else { return Ok(None) };
        let reveal = self.reveal;
        let text = block.messages.get(place).map(|message| {
            if reveal { message.conversational_text() } else { masked_text(&block.secrets, place, message) }
        });
        Ok(text.filter(|text| !text.is_empty()))
    }

    fn parts(&mut self, pos: i64, place: usize) -> SqlResult<Vec<Part>> {
        let Some(block) = self.block(pos)? else { return Ok(vec![]) };
        let Some(message) = block.messages.get(place) else { return Ok(vec![]) };
        let shown = |(n, part): (usize, &Part)| match self.reveal {
            true => part.clone(),
            false => masked_part(&block.secrets, place, n, part).with_names(self.mask),
        };
        Ok(message.parts.iter().enumerate().map(shown).collect())
    }

    fn message_id(&mut self, pos: i64, place: usize) -> SqlResult<Option<String>> {
        Ok(self.block(pos)?.and_then(|block| Some(block.messages.get(place)?.id.clone())))
    }

    /// The calls of a session with their answers, in their order.
    fn calls(&mut self, session: i64) -> SqlResult<Vec<Value>> {
        let sql = "SELECT m.pos, m.place, m.at FROM messages m JOIN blocks b ON b.pos = m.pos
                   WHERE m.entity = ?1 AND m.superseded = 0 ORDER BY b.path, b.host, m.ordinal, b.revision, m.place";
        let messages: Vec<(i64, usize, Option<i64>)> = {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map([session], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<SqlResult<_>>()?
        };
        let mut calls: Vec<Value> = Vec::new();
        let mut open: HashMap<String, usize> = HashMap::new();
        for (pos, place, at) in messages {
            for part in self.parts(pos, place)? {
                match part {
                    Part::ToolCall { id, name, input } => {
                        open.insert(id.clone(), calls.len());
                        let input = input.as_str().map_or_else(|| input.to_string(), str::to_owned);
                        let message = self.message_id(pos, place)?;
                        let message = if self.reveal { message } else { message.map(self.mask) };
                        calls.push(json!({"message": message, "id": id, "name": name, "input": input, "at": at}));
                    }
                    Part::ToolResult { id, output, is_error, .. } => {
                        let call =
                            open.remove(&id).and_then(|place| calls.get_mut(place)).and_then(Value::as_object_mut);
                        if let Some(call) = call {
                            call.insert("output".to_owned(), output.into());
                            call.insert("is_error".to_owned(), u8::from(is_error).into());
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(calls)
    }

    fn wording(&mut self, pos: i64, field: &str) -> SqlResult<Option<String>> {
        if self.wording.as_ref().is_none_or(|(known, _)| *known != pos) {
            let body = self.json(pos)?.and_then(|json| Body::from_json(&json).ok());
            let value = body.and_then(|mut body| body.registers.remove(TEXT.name)).unwrap_or_default();
            self.wording = Some((pos, value));
        }
        let value = self.wording.as_ref().map(|(_, value)| value);
        Ok(value.and_then(|value| value.get(field)).and_then(Value::as_str).map(str::to_owned))
    }
}

fn failed(what: String) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(what.into())
}

/// Gives a connection what its views call.
pub(super) fn register(
    connection: &Connection,
    memory: Option<&Path>,
    archive: Option<&Path>,
    names: Names,
    reveal: bool,
) -> crate::Result<()> {
    let masked = move |context: &Context<'_>| {
        let name: Option<String> = context.get(0)?;
        Ok(name.map(|name| if reveal { name } else { (names.mask)(name) }))
    };
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("jay_name", 1, flags, masked)?;
    let id = |context: &Context<'_>| {
        let id: Option<[u8; 16]> = context.get(0)?;
        Ok(id.map(|id| EntityId(id).to_string()))
    };
    connection.create_scalar_function("jay_id", 1, flags, id)?;
    let number = |context: &Context<'_>| context.get::<u16>(0);
    let kind = move |context: &Context<'_>| Ok(crate::project::memory::kind_of_number(context.get(0)?).map(Kind::name));
    connection.create_scalar_function("jay_kind", 1, flags, kind)?;
    let operation = move |context: &Context<'_>| Ok(Op::from_number(number(context)?).map(Op::name));
    connection.create_scalar_function("jay_operation", 1, flags, operation)?;
    let role = move |context: &Context<'_>| Ok(role_of_number(context.get(0)?).map(role_name));
    connection.create_scalar_function("jay_role", 1, flags, role)?;
    let entity = move |context: &Context<'_>| Ok(EntityKind::from_number(number(context)?).map(EntityKind::name));
    connection.create_scalar_function("jay_entity_kind", 1, flags, entity)?;
    if let Some(path) = memory {
        let bodies = Bodies::shared(path, names, reveal)?;
        connection.create_scalar_function("jay_wording", 2, flags, move |context| {
            let field: String = context.get(1)?;
            locked(&bodies).wording(context.get(0)?, &field)
        })?;
    }
    if let Some(path) = archive {
        of_archive(connection, &Bodies::shared(path, names, reveal)?, (names, reveal), flags)?;
    }
    Ok(())
}

fn of_archive(
    connection: &Connection,
    bodies: &Shared,
    (names, reveal): (Names, bool),
    flags: FunctionFlags,
) -> crate::Result<()> {
    let shared = Arc::clone(bodies);
    connection.create_scalar_function("jay_text", 2, flags, move |context| {
        locked(&shared).text(context.get(0)?, context.get(1)?)
    })?;
    let shared = Arc::clone(bodies);
    connection.create_scalar_function("jay_model", 2, flags, move |context| {
        let place: usize = context.get(1)?;
        let block = locked(&shared).block(context.get(0)?)?;
        let model = block.and_then(|block| block.messages.get(place)?.model.clone());
        Ok(model.map(|model| if reveal { model } else { (names.mask)(model) }))
    })?;
    let shared = Arc::clone(bodies);
    connection.create_scalar_function("jay_message", 2, flags, move |context| {
        let id = locked(&shared).message_id(context.get(0)?, context.get(1)?)?;
        Ok(id.map(|id| if reveal { id } else { (names.mask)(id) }))
    })?;
    let shared = Arc::clone(bodies);
    connection.create_scalar_function("jay_parts", 2, flags, move |context| {
        let parts = locked(&shared).parts(context.get(0)?, context.get(1)?)?;
        serde_json::to_string(&parts).map_err(|error| failed(error.to_string()))
    })?;
    let shared = Arc::clone(bodies);
    connection.create_scalar_function("jay_calls", 1, flags, move |context| {
        let calls = locked(&shared).calls(context.get(0)?)?;
        serde_json::to_string(&calls).map_err(|error| failed(error.to_string()))
    })?;
    let shared = Arc::clone(bodies);
    connection.create_scalar_function("jay_usage", 1, flags, move |context| {
        let turns = super::turns::of_session(&mut locked(&shared), context.get(0)?, names)?;
        serde_json::to_string(&turns).map_err(|error| failed(error.to_string()))
    })?;
    Ok(())
}

fn locked(bodies: &Shared) -> std::sync::MutexGuard<'_, Bodies> {
    bodies.lock().unwrap_or_else(PoisonError::into_inner)
}
