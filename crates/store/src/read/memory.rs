//! One memory: finding it by its id, or a part of it, and reading it as it is or was.

use crate::Result;
use crate::journal::load::EntityRow;
use crate::project::alias::Reading;
use crate::project::memory::{MAC_BYTES, created_at, place_of, split_link, text_mac};
use crate::project::{fold_entity, hidden};
use crate::read::as_of::Moment;
use crate::tx::Tx;
use jay_types::change::alias::disputed;
use jay_types::change::fold::{EntityState, Order, Write};
use jay_types::change::registry::{
    CONFIDENCE, COPIED_FROM, EXPIRES_AT, FORGOTTEN, IMPORTANCE, KEY, KIND, LINKS, PINNED, RETIRED, SOURCE, TAGS, TEXT,
    VALID,
};
use jay_types::change::{Body, EntityKind};
use jay_types::memory::{Conflict, Head, Kind, Link, Memory, Source};
use jay_types::{Code, EntityId, Error, NamespaceId, Timestamp};
use rusqlite::params;
use serde_json::Value;

/// Which hidden memories are left out: bits of the derived column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HiddenMask(pub(crate) i64);

/// Every reason to be hidden.
pub const ENTITY_HIDDEN_ALL: HiddenMask = HiddenMask(63);

impl HiddenMask {
    /// Also shows superseded ones.
    #[must_use]
    pub const fn with_superseded(self) -> Self {
        Self(self.0 & !hidden::SUPERSEDED)
    }

    /// Also shows forgotten ones.
    #[must_use]
    pub const fn with_forgotten(self) -> Self {
        Self(self.0 & !hidden::FORGOTTEN & !hidden::FORGOTTEN_TEXT)
    }

    /// Also shows retired ones.
    #[must_use]
    pub const fn with_retired(self) -> Self {
        Self(self.0 & !hidden::RETIRED)
    }
}

/// A memory with what only the store and the core need of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryRow {
    /// As every door shows it.
    pub memory: Memory,
    /// Its namespace.
    pub namespace: NamespaceId,
    /// Its joined state, to write from.
    pub state: EntityState,
    /// Other memories that say the same and read as this one (J9).
    pub aliases: Vec<EntityId>,
    /// Local number.
    pub num: i64,
    /// Position of the current wording: its document.
    pub text_pos: i64,
    /// Reasons to be hidden; 0 for none.
    pub hidden: i64,
    /// Marks of usefulness less marks of noise.
    pub votes: i64,
}

impl MemoryRow {
    /// True where one of the mask's reasons hides it.
    #[must_use]
    pub const fn is_hidden(&self, mask: HiddenMask) -> bool {
        self.hidden & mask.0 != 0
    }

    /// True where its time is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.memory.expires_at.is_some_and(|at| at <= now)
    }
}

impl Tx<'_> {
    /// What a document says: the text and title of a wording, by its position; none where it is not here.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn wording(&self, doc: i64) -> Result<Option<(String, Option<String>)>> {
        let body = self.body_json(doc)?.and_then(|json| Body::from_json(&json).ok());
        let Some(value) = body.and_then(|mut body| body.registers.remove(TEXT.name)) else { return Ok(None) };
        let said = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(said("text").map(|text| (text, said("title"))))
    }

    /// The memories whose id is, begins or ends with `text` (6 characters at least), within `namespaces` where given.
    ///
    /// # Errors
    /// `bad_input` where the text cannot be an id, `not_found`, `ambiguous` with the candidates.
    pub fn find_memory(&self, text: &str, namespaces: Option<&[i64]>) -> Result<i64> {
        let kind = EntityKind::Memory.number();
        let squeezed: String = text.trim().chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase();
        if squeezed.len() < 6 || squeezed.len() > 32 || !squeezed.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::bad_input(format!("`{}` is not an id", jay_types::text::shorten(text, 40)))
                .hint("Give an id, or at least 6 characters of either end of one; `jay list` shows them.")
                .into());
        }
        let within = namespaces.map_or_else(String::new, |all| {
            let nums: Vec<String> = all.iter().map(i64::to_string).collect();
            format!(" AND e.namespace IN ({})", nums.join(", "))
        });
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?));
        let rows = if let Ok(id) = EntityId::parse(text) {
            self.all(
                &format!("SELECT e.num, e.id FROM entities e WHERE e.id = ?1 AND e.kind = ?2{within}"),
                params![id.0, kind],
                row,
            )?
        } else {
            self.all(
                &format!(
                    "SELECT e.num, e.id FROM entities e JOIN memories m ON m.entity = e.num
                     WHERE e.kind = ?1 AND (lower(hex(e.id)) LIKE ?2 || '%' OR lower(hex(e.id)) LIKE '%' || ?2){within}
                     ORDER BY e.id LIMIT 20"
                ),
                params![kind, squeezed],
                row,
            )?
        };
        match rows.as_slice() {
            [] => Err(Error::not_found(format!("no memory has the id `{}`", jay_types::text::shorten(text, 40)))
                .hint("`jay list` shows the memories here; `jay list --all` those of every namespace.")
                .into()),
            [(num, _)] => Ok(*num),
            several => {
                let candidates: Vec<String> = several.iter().map(|(_, id)| EntityId(*id).to_string()).collect();
                Err(Error::new(Code::Ambiguous, format!("`{}` fits {} memories", text.trim(), candidates.len()))
                    .hint(format!("Give more of the id: {}.", candidates.join(", ")))
                    .details(serde_json::json!({"candidates": candidates}))
                    .into())
            }
        }
    }

    /// The memory with this number as it was at a moment, or the earlier one as which it reads; none where it had no wording
    /// yet, or is purged.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn memory(&self, num: i64, moment: Moment) -> Result<Option<MemoryRow>> {
        let Some(reading) = self.reading(&self.entity(num)?, moment.upto())? else { return Ok(None) };
        self.memory_read(reading, moment)
    }

    /// The same of its own changes alone, whatever it reads as.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn memory_alone(&self, num: i64, moment: Moment) -> Result<Option<MemoryRow>> {
        let entity = self.entity(num)?;
        let Some(state) = self.state_of(&entity, moment.upto())? else { return Ok(None) };
        self.memory_read(Reading::alone(entity, state), moment)
    }

    fn memory_read(&self, reading: Reading, moment: Moment) -> Result<Option<MemoryRow>> {
        let Reading { first: entity, state, created, aliases } = reading;
        let (num, upto) = (entity.num, moment.upto());
        let Some(write) = state.winner(TEXT).filter(|write| !write.value.is_null()) else { return Ok(None) };
        let text_pos = write.stamp.pos as i64;
        let hidden = match moment {
            Moment::Latest => self.number("SELECT hidden FROM memories WHERE entity = ?1", [num])?,
            Moment::Position(_) => self.hidden_at(&entity, (&state, created), upto)?,
        };
        let mut memory = self.show(&entity, &state, hidden, upto)?;
        memory.conflicts = conflicts(&state);
        let votes = |verdict: &str| {
            state.elements(jay_types::change::registry::FEEDBACK).filter(|vote| vote.starts_with(verdict)).count()
                as i64
        };
        let votes = votes("useful ") - votes("noise ");
        Ok(Some(MemoryRow {
            memory,
            namespace: self.namespace_id(entity.namespace)?,
            state,
            aliases: aliases.iter().map(|alias| EntityId(alias.id)).collect(),
            num,
            text_pos,
            hidden,
            votes,
        }))
    }

    /// Number of the namespace of a memory.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespace_of(&self, num: i64) -> Result<i64> {
        Ok(self.entity(num)?.namespace)
    }

    fn show(&self, entity: &EntityRow, state: &EntityState, hidden: i64, upto: i64) -> Result<Memory> {
        let text =
            |name: &str| state.value(TEXT).and_then(|value| value.get(name)).and_then(Value::as_str).map(str::to_owned);
        let time = |value: Option<&Value>| value.and_then(Value::as_i64).map(Timestamp);
        let unit = |register| state.value(register).and_then(|value| serde_json::from_value(value.clone()).ok());
        let id = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|id| EntityId::parse(id).ok());
        let created_at = created_at(state);
        let superseded_by = self.superseded_by(entity, state, hidden, upto)?;
        Ok(Memory {
            id: EntityId(entity.id),
            namespace: self.path_at(entity.namespace, upto)?,
            kind: state.value(KIND).and_then(Value::as_str).and_then(Kind::from_name).unwrap_or_default(),
            key: state.value(KEY).and_then(Value::as_str).map(str::to_owned),
            title: text("title"),
            text: text("text").unwrap_or_default(),
            tags: state.elements(TAGS).map(str::to_owned).collect(),
            importance: unit(IMPORTANCE),
            confidence: unit(CONFIDENCE),
            pinned: state.value(PINNED).and_then(Value::as_bool).unwrap_or(false),
            source: state
                .value(SOURCE)
                .and_then(|source| serde_json::from_value::<Source>(source.clone()).ok())
                .unwrap_or_default(),
            place: place_of(state),
            created_at,
            updated_at: state.updated.map_or(created_at, |updated| updated.at),
            valid_from: time(state.value(VALID).and_then(|valid| valid.get("from"))),
            valid_to: time(state.value(VALID).and_then(|valid| valid.get("to"))),
            expires_at: time(state.value(EXPIRES_AT)),
            superseded_by,
            moved_to: id(state.value(RETIRED).and_then(|retired| retired.get("moved_to"))),
            copied_from: id(state.value(COPIED_FROM).and_then(|copied| copied.get("id"))),
            forgotten: hidden & (hidden::FORGOTTEN | hidden::FORGOTTEN_TEXT) != 0,
            retired: state.is_retired(),
            links: state
                .elements(LINKS)
                .filter_map(split_link)
                .map(|(to, relation)| Link { relation: relation.to_owned(), to })
                .collect(),
            conflicts: Vec::new(),
            version: state.version,
        })
    }

    fn superseded_by(
        &self,
        entity: &EntityRow,
        state: &EntityState,
        hidden: i64,
        upto: i64,
    ) -> Result<Option<EntityId>> {
        if hidden & hidden::SUPERSEDED == 0 {
            return Ok(None);
        }
        let Some(key) = state.value(KEY).and_then(Value::as_str) else { return Ok(None) };
        let holder = if upto == crate::journal::load::EVERYTHING {
            self.key_holder(entity.namespace, key)?.map(|(num, _)| num)
        } else {
            self.key_holder_at(entity.namespace, key, upto)?.map(|(num, _)| num)
        };
        holder.map(|num| Ok(EntityId(self.entity(num)?.id))).transpose()
    }

    /// The derived column as it was: the same rule, over states of that moment.
    fn hidden_at(&self, entity: &EntityRow, (state, created): (&EntityState, i64), upto: i64) -> Result<i64> {
        let mut bits = hidden::own_bits(state);
        if let Some(key) = state.value(KEY).and_then(Value::as_str)
            && let Some((holder, holder_created)) = self.key_holder_at(entity.namespace, key, upto)?
            && holder != entity.num
            && created < holder_created
        {
            bits |= hidden::SUPERSEDED;
        }
        let text = state.value(TEXT).and_then(|value| value.get("text")).and_then(Value::as_str);
        if let (Some(key), Some(text)) = (self.forget_key(entity.namespace)?, text) {
            let forgotten = self.was_forgotten(entity.namespace, &text_mac(&key, text), created, upto)?;
            bits |= if forgotten { hidden::FORGOTTEN_TEXT } else { 0 };
        }
        Ok(bits)
    }

    /// True where a forget of a text with this mark was live at a moment and came after `created`.
    fn was_forgotten(&self, namespace: i64, mac: &[u8; MAC_BYTES], created: i64, upto: i64) -> Result<bool> {
        let forgets: Vec<(i64, u64)> = self.all(
            "SELECT entity, pos FROM forgets WHERE namespace = ?1 AND mac = ?2 AND hlc > ?3 AND pos <= ?4",
            params![namespace, mac, created, upto],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for (num, pos) in forgets {
            let state = self.state_of(&self.entity(num)?, upto)?.unwrap_or_default();
            let heads = state.values.get(FORGOTTEN.name);
            if heads.is_some_and(|heads| heads.0.iter().any(|write| write.stamp.pos == pos)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn key_holder_at(&self, namespace: i64, key: &str, upto: i64) -> Result<Option<(i64, i64)>> {
        let claimants: Vec<i64> = self.all(
            "SELECT DISTINCT entity FROM key_claims WHERE namespace = ?1 AND key = ?2 AND pos <= ?3",
            params![namespace, key, upto],
            |row| row.get(0),
        )?;
        let mut best: Option<(Option<Order>, i64, i64)> = None;
        for num in claimants {
            let Some(Reading { first, state, created, .. }) = self.reading(&self.entity(num)?, upto)? else { continue };
            let claims = state.value(KEY).and_then(Value::as_str) == Some(key);
            if !claims || hidden::own_bits(&state) & (hidden::RETIRED | hidden::SHADOW) != 0 {
                continue;
            }
            let order = state.winner(KEY).map(|write| write.stamp.order);
            if best.is_none_or(|(greatest, ..)| order > greatest) {
                best = Some((order, first.num, created));
            }
        }
        Ok(best.map(|(_, num, created)| (num, created)))
    }

    /// The memory that holds a key.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn holder_of_key(&self, namespace: i64, key: &str) -> Result<Option<i64>> {
        Ok(self.key_holder(namespace, key)?.map(|(num, _)| num))
    }

    /// The memories that link to this one, with the relation.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn links_to(&self, target: EntityId) -> Result<Vec<Link>> {
        self.all(
            "SELECT e.id, l.relation FROM links l JOIN entities e ON e.num = l.entity JOIN memories m ON m.entity = l.entity
             WHERE l.target = ?1 AND m.hidden = 0 ORDER BY e.id, l.relation",
            [target.0],
            |row| Ok(Link { to: EntityId(row.get(0)?), relation: row.get(1)? }),
        )
    }

    /// The state of a namespace entity, to write from.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn namespace_entity(&self, namespace: i64) -> Result<EntityState> {
        self.namespace_entity_at(namespace, crate::journal::load::EVERYTHING)
    }

    pub(crate) fn namespace_entity_at(&self, namespace: i64, upto: i64) -> Result<EntityState> {
        let id = self.namespace_id(namespace)?;
        let num = self.entity_number(namespace, EntityKind::Namespace.number(), EntityId::of_namespace(id))?;
        let Some(num) = num else { return Ok(EntityState::default()) };
        Ok(self.state_of(&self.entity(num)?, upto)?.unwrap_or_default())
    }

    /// The texts that a memory ever had, newest last, each with its title: what a purge looks for elsewhere.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn wordings(&self, num: i64) -> Result<Vec<(String, Option<String>)>> {
        let folded = fold_entity(self, self.entity(num)?, EntityKind::Memory)?;
        let mut texts = Vec::new();
        for (pos, _) in folded.texts {
            if let Some(json) = self.body_json(pos)?
                && let Ok(body) = jay_types::change::Body::from_json(&json)
                && let Some(wording) = body.registers.get(TEXT.name)
                && let Some(text) = wording.get("text").and_then(Value::as_str)
            {
                texts.push((text.to_owned(), wording.get("title").and_then(Value::as_str).map(str::to_owned)));
            }
        }
        Ok(texts)
    }
}

/// The heads that say different things: two that say the same contradict nobody.
fn conflicts(state: &EntityState) -> Vec<Conflict> {
    let head = |write: &&Write| Head { dot: write.dot(), value: write.value.clone(), at: write.stamp.at };
    let conflict = |(field, heads): (&str, Vec<&Write>)| Conflict {
        field: field.to_owned(),
        heads: heads.iter().map(head).collect(),
    };
    disputed(state).into_iter().map(conflict).collect()
}
