//! What a machine may write, of every registered kind.

use crate::fleet::Fleet;
use crate::world::{Home, ann, path, saying};
use jay_store::{ActorName, Draft};
use jay_testkit::Foreign;
use jay_testkit::blocks::{any_block, session_id};
use jay_transfer::vault::members;
use jay_types::change::block::{Block, Row};
use jay_types::change::registry::{
    ALIAS_OF, COPIED_FROM, CREATED_AT, EXPIRES_AT, FEEDBACK, FORGET_KEY, FORGOTTEN, KEY, LINKS, PATH, PINNED, POLICY,
    RETIRED, SOURCE, TAGS, TEXT, VALID,
};
use jay_types::change::{Body, EntityKind, Op, Register, RegisterShape, SetEdit};
use jay_types::{EntityId, Error, Hash, NamespaceId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const WORDS: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];
const PATHS: [&str; 3] = ["global", "work/one", "work/two"];
const SESSIONS: [&str; 2] = ["session-one", "session-two"];

/// A memory as a machine shows it: its namespace, its id, and what its text is.
type Known = (NamespaceId, EntityId);

impl Fleet {
    fn word(&mut self) -> &'static str {
        WORDS[self.random.index(WORDS.len())]
    }

    /// One act on one machine. A kind that is registered later has no arm here, and does not compile.
    pub(crate) fn write(&mut self, at: usize) {
        let mut kinds = EntityKind::ALL.to_vec();
        kinds.extend([EntityKind::Memory; 14]);
        kinds.extend([EntityKind::Session; 3]);
        kinds.extend([EntityKind::Namespace; 2]);
        let kind = kinds[self.random.index(kinds.len())];
        match kind {
            // The first act of an actor in a namespace opens a stream and names the actor.
            EntityKind::Node | EntityKind::Actor => self.speak_as_agent(at),
            EntityKind::Namespace => self.write_namespace(at),
            EntityKind::Memory => self.write_memory(at),
            EntityKind::Session => self.write_session(at),
            EntityKind::Vault => self.write_vault(at),
            EntityKind::Member => self.answer_if_member(at),
        }
        self.note(at);
    }

    fn speak_as_agent(&mut self, at: usize) {
        let actor = ActorName { kind: "agent".to_owned(), name: self.word().to_owned() };
        let (word, place) = (self.word(), PATHS[self.random.index(3)]);
        let written = self.machines[at].home.memory.write::<_, Error>(&actor, |w| {
            let ns = w.namespace(&path(place))?.0;
            let id = w.new_id();
            w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Create, saying(word)));
            Ok(())
        });
        written.unwrap();
    }

    fn write_memory(&mut self, at: usize) {
        let known = memories(&self.machines[at].home);
        let Some((ns, id)) = self.random.pick(&known).copied().filter(|_| self.random.chance(70)) else {
            return self.create_memory(at);
        };
        let (word, other) = (self.word(), self.word());
        let mut body = Body::default();
        let op = match self.random.below(15) {
            0..3 => {
                body = saying(&self.unlike_any(&format!("{word} {other}")));
                Op::Update
            }
            3..8 => {
                body = self.any_registers(at, EntityKind::Memory, (ns, id));
                Op::Update
            }
            8 => match self.mark_of(at, (ns, id)) {
                Some(mark) => {
                    body = body.with(FORGOTTEN, json!({"mac": mark}));
                    Op::Forget
                }
                None => return,
            },
            9 => {
                body = body.with(FORGOTTEN, Value::Null);
                Op::Unforget
            }
            10..12 => Op::Purge,
            12 => return self.supersede(at, (ns, id)),
            _ => return self.move_memory(at, (ns, id)),
        };
        self.machines[at].home.write(ns, id, op, body);
    }

    fn create_memory(&mut self, at: usize) {
        let (word, tag, place) = (self.word(), self.word(), PATHS[self.random.index(3)]);
        // Some say the same as others.
        let text = if self.random.chance(60) { self.unlike_any(word) } else { word.to_owned() };
        let mut body = saying(&text).with_set(TAGS, &SetEdit { add: vec![tag.into()], remove: vec![] });
        if self.random.chance(40) {
            // The same key on two machines: only one of the two holds the slot.
            body = body.with(KEY, tag);
        }
        if self.random.chance(20) {
            body = body.with(CREATED_AT, -5);
        }
        self.machines[at].home.act(|w| {
            let ns = w.namespace(&path(place))?.0;
            let id = w.new_id();
            w.draft(Draft::new(ns, EntityKind::Memory, id, Op::Create, body));
            Ok(())
        });
    }

    /// Some machines purge something that lies in files of others by now.
    pub(crate) fn purge_what_is_shared(&mut self) {
        for at in self.left() {
            let known = memories(&self.machines[at].home);
            let Some((ns, id)) = self.random.pick(&known).copied().filter(|_| self.random.chance(40)) else { continue };
            self.machines[at].home.write(ns, id, Op::Purge, Body::default());
            self.note(at);
            self.tell(format!("{at} purges {id}"));
        }
    }

    /// A later one takes the key slot of an earlier one, which may have none yet.
    fn supersede(&mut self, at: usize, (ns, id): Known) {
        let (word, key) = (self.word(), self.word());
        let text = self.unlike_any(word);
        let home = &self.machines[at].home;
        home.write(ns, id, Op::Update, Body::default().with(KEY, key));
        home.act(|w| {
            let body = saying(&text).with(KEY, key);
            w.draft(Draft::new(ns, EntityKind::Memory, w.new_id(), Op::Create, body));
            Ok(())
        });
    }

    /// Some registers of a kind, whichever are registered.
    fn any_registers(&mut self, at: usize, kind: EntityKind, (ns, id): Known) -> Body {
        let mut body = Body::default();
        for _ in 0..=self.random.below(2) {
            let Some(register) = self.random.pick(kind.registers()).copied() else { break };
            if register == FORGOTTEN || register == TEXT {
                continue;
            }
            body = match register.shape {
                RegisterShape::Value => {
                    let value = self.value_of(at, register);
                    body.with(register, value)
                }
                RegisterShape::Set => {
                    let element = self.element_of(register);
                    let seen = self.random.chance(40).then(|| dots(&self.machines[at].home, (ns, id), register));
                    body.with_set(register, &SetEdit { add: vec![element], remove: seen.unwrap_or_default() })
                }
            };
        }
        body
    }

    fn value_of(&mut self, at: usize, register: Register) -> Value {
        let (n, word) = (self.random.below(9), self.word());
        match register {
            KEY => [Value::Null, json!(word)][usize::from(n > 2)].clone(),
            PINNED => json!(n > 4),
            SOURCE => json!({"agent": word}),
            CREATED_AT | EXPIRES_AT => json!(n),
            VALID => json!({"from": n, "to": n + 1}),
            RETIRED => [json!({"reason": "undo"}), Value::Null][usize::from(n > 4)].clone(),
            COPIED_FROM => json!({"namespace": NamespaceId([3; 16]), "id": EntityId([n as u8; 16])}),
            // Mostly one that is there, whatever it says.
            ALIAS_OF => {
                let known = memories(&self.machines[at].home);
                let other = self.random.pick(&known).filter(|_| n > 0).map(|(_, id)| *id);
                json!(other.unwrap_or(EntityId([n as u8; 16])))
            }
            PATH => json!(PATHS[n as usize % 3]),
            POLICY => json!({"secrets": (["refuse", "allow"][n as usize % 2])}),
            FORGET_KEY => json!(Hash::of(word.as_bytes()).to_string()),
            // Numbers from 0 to 1, and whatever is registered later.
            _ => json!(n as f64 / 10.0),
        }
    }

    fn element_of(&mut self, register: Register) -> String {
        match register {
            LINKS => format!("{} {}", EntityId([self.random.below(3) as u8; 16]), self.word()),
            FEEDBACK => format!("useful person:{}", self.word()),
            _ => self.word().to_owned(),
        }
    }

    fn move_memory(&mut self, at: usize, (ns, id): Known) {
        self.move_all(at, ns, &[id]);
    }

    /// Copies in another namespace and retired originals, in one act; answers where they are now, if anywhere else.
    fn move_all(&mut self, at: usize, ns: NamespaceId, ids: &[EntityId]) -> Option<NamespaceId> {
        let place = PATHS[self.random.index(3)];
        let texts: Vec<String> = ids.iter().map(|_| self.unlike_any("moved")).collect();
        self.machines[at].home.act(|w| {
            let target = w.namespace(&path(place))?.0;
            if target == ns {
                return Ok(None);
            }
            for (id, text) in ids.iter().zip(&texts) {
                let copy = w.new_id();
                let body = saying(text).with(COPIED_FROM, json!({"namespace": ns, "id": id}));
                w.draft(Draft::new(target, EntityKind::Memory, copy, Op::Create, body));
                let retired = Body::default().with(RETIRED, json!({"reason": "moved", "moved_to": copy}));
                w.draft(Draft::new(ns, EntityKind::Memory, *id, Op::Update, retired));
            }
            Ok(Some(target))
        })
    }

    /// Everything in a namespace moves into another one, and it ends.
    fn merge_namespace(&mut self, at: usize, ns: NamespaceId) {
        let known = memories(&self.machines[at].home);
        let ids: Vec<EntityId> = known.into_iter().filter(|(of, _)| *of == ns).map(|(_, id)| id).collect();
        let Some(target) = self.move_all(at, ns, &ids) else { return };
        self.machines[at].home.act(|w| {
            let ended = Body::default().with(RETIRED, json!({"reason": "merged", "moved_to": target}));
            w.draft(Draft::new(ns, EntityKind::Namespace, EntityId::of_namespace(ns), Op::Update, ended));
            Ok(())
        });
    }

    /// What a forget of a memory's wording says, where the namespace's key is known.
    fn mark_of(&self, at: usize, (ns, id): Known) -> Option<String> {
        let read = self.machines[at].home.memory.read::<_, Error>(|tx| {
            let Some(num) = tx.namespace_num(ns)? else { return Ok(None) };
            let Ok(memory) = tx.find_memory(&id.to_string(), None) else { return Ok(None) };
            let Some(row) = tx.memory(memory, jay_store::Moment::Latest)? else { return Ok(None) };
            Ok(tx.mark_of(num, &row.memory.text)?)
        });
        read.unwrap().map(|mark| jay_types::id::to_hex(&mark))
    }

    /// Renames, gives other names, deletes, brings back; of any register that a namespace has. Or it goes into another one.
    fn write_namespace(&mut self, at: usize) {
        let Some(ns) = self.any_namespace(at) else { return };
        if self.random.chance(15) {
            return self.merge_namespace(at, ns);
        }
        let entity = EntityId::of_namespace(ns);
        let mut body = self.any_registers(at, EntityKind::Namespace, (ns, entity));
        let replaces = self.random.chance(50);
        self.machines[at].home.act(|w| {
            let state = w.namespace_num(ns)?.map(|num| w.namespace_entity(num)).transpose()?;
            for name in body.registers.keys().filter(|_| replaces) {
                let Some(register) = EntityKind::Namespace.register(name) else { continue };
                let heads = state.as_ref().map(|state| state.head_dots(register)).unwrap_or_default();
                if register.shape == RegisterShape::Value && !heads.is_empty() {
                    body.replaces.insert(name.clone(), heads);
                }
            }
            if !body.registers.is_empty() {
                w.draft(Draft::new(ns, EntityKind::Namespace, entity, Op::Update, body));
            }
            Ok(())
        });
    }

    fn write_session(&mut self, at: usize) {
        let Some(ns) = self.any_namespace(at) else { return };
        let session = SESSIONS[self.random.index(2)];
        let unlike = [self.unlike_any("eta"), self.unlike_any("theta")];
        let words: Vec<&str> = WORDS[..2].iter().copied().chain(unlike.iter().map(String::as_str)).collect();
        let block = any_block(&mut self.random, session, &words);
        let draft = match self.random.below(10) {
            0 => Draft::new(ns, EntityKind::Session, session_id(session), Op::Purge, Body::default()),
            1..4 => match self.read_again(at) {
                Some(draft) => draft,
                None => Draft::block(ns, session_id(session), block.to_json()),
            },
            _ => Draft::block(ns, session_id(session), block.to_json()),
        };
        let home = &self.machines[at].home;
        home.steps.clock.tick();
        let written = home.archive.write::<_, Error>(&ann(), |w| {
            w.draft(draft);
            Ok(())
        });
        written.unwrap();
    }

    /// A better adapter reads a block that is here.
    fn read_again(&mut self, at: usize) -> Option<Draft> {
        let archive = &self.machines[at].home.archive;
        let read = archive.exists().then(|| {
            archive.read::<_, Error>(|tx| {
                let kept = tx.kept_blocks("h", "generic")?;
                let Some(one) = kept.into_iter().next_back() else { return Ok(None) };
                Ok(tx.block(one.pos)?.map(|block| (one, block)))
            })
        });
        let (kept, block) = read?.unwrap()?;
        let rows = block.rows.iter().map(|row| Row::elsewhere(row.n)).collect();
        let adapter = 2 + self.random.below(3) as u32;
        let reading = Block { adapter, reads: Some(kept.dot), rows, ..block };
        Some(Draft::reparse(kept.namespace, kept.session, reading.to_json()))
    }

    /// A new epoch, or one more for whom keys are wrapped.
    fn write_vault(&mut self, at: usize) {
        if !self.machines[at].is_left() || !self.machines[at].is_member() {
            return;
        }
        let (mut keys, roster) = self.machines[at].vault();
        let home = &self.machines[at].home;
        if self.random.chance(50) {
            home.rotate();
            self.tell(format!("{at} rotates"));
        } else {
            let known = self.random.pick(&roster.recipients).cloned();
            let is_added = known.is_none() || self.random.chance(50);
            let recipient = known
                .filter(|_| !is_added)
                .unwrap_or_else(|| age::x25519::Identity::generate().to_public().to_string());
            if is_added {
                members::add_recipient(&home.memory, &ann(), keys.vault, &recipient).unwrap();
            } else {
                let vault = (&mut keys, &roster);
                members::remove_recipient(&home.memory, &ann(), vault, &recipient, home.steps.as_ref()).unwrap();
            }
        }
    }

    fn answer_if_member(&mut self, at: usize) {
        if self.machines[at].is_left() && self.machines[at].is_member() {
            self.answer(at);
        }
    }

    /// Something of any kind with any op, known and unknown.
    pub(crate) fn strange_changes(&mut self, at: usize) -> Vec<Foreign> {
        let known = memories(&self.machines[at].home);
        let count = 1 + self.random.below(3);
        (0..count).map(|_| self.strange_change(&known)).collect()
    }

    fn strange_change(&mut self, known: &[Known]) -> Foreign {
        let kinds = [EntityKind::Memory.number(), EntityKind::Memory.number(), 7, 88];
        let ops = [Op::Create.number(), Op::Update.number(), 17, 999];
        let (kind, op) = (kinds[self.random.index(4)], ops[self.random.index(4)]);
        let entity = self.random.pick(known).map_or(EntityId([4; 16]), |(_, id)| *id);
        let mut registers = BTreeMap::new();
        registers.insert("mood".to_owned(), json!(self.word()));
        if self.random.chance(60) {
            let word = self.word();
            registers.insert(TEXT.name.to_owned(), json!({"text": self.unlike_any(word)}));
        }
        let body = Body { registers, ..Body::default() };
        let mut change = Foreign::raw(kind, entity, op, body.to_json());
        match self.random.below(8) {
            0 => change.encoding = 200,
            1 => change.bytes = b"{\"replaces\": 3".to_vec(),
            _ => {}
        }
        change
    }
}

/// The memories that a machine shows, by id.
pub(crate) fn memories(home: &Home) -> Vec<Known> {
    if !home.memory.exists() {
        return Vec::new();
    }
    let mut known: Vec<Known> = home
        .memory
        .read::<_, Error>(|tx| {
            let filter = jay_store::ListFilter::shown(jay_store::Scope::All);
            let page = tx.list(&filter, 1000, None)?;
            let mut known = Vec::new();
            for row in page.rows {
                // An id that a newer program used in two namespaces names none.
                let Ok(num) = tx.find_memory(&row.memory.id.to_string(), None) else { continue };
                known.push((tx.namespace_id_of(tx.namespace_of(num)?)?, row.memory.id));
            }
            Ok(known)
        })
        .unwrap();
    known.sort();
    known
}

fn dots(home: &Home, (_, id): Known, register: Register) -> Vec<jay_types::change::body::ElementDot> {
    let read = home.memory.read::<_, Error>(|tx| {
        let Ok(num) = tx.find_memory(&id.to_string(), None) else { return Ok(Vec::new()) };
        let Some(row) = tx.memory(num, jay_store::Moment::Latest)? else { return Ok(Vec::new()) };
        let elements = row.state.sets.get(register.name).into_iter().flatten().map(|(element, _)| element.clone());
        Ok(elements.flat_map(|element| row.state.element_dots(register, &element)).collect())
    });
    read.unwrap()
}
