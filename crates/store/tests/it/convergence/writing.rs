//! What nodes write: anything that a kind takes, and what no program of this version would.

use super::*;

impl World {
    pub(super) fn write_memory(&mut self, at: usize) {
        let word = self.word();
        let other = self.word();
        let ns = self.namespaces[self.random.index(self.namespaces.len())];
        let known: Vec<_> = self.memories.iter().copied().filter(|(_, id)| self.nodes[at].get(*id).is_some()).collect();
        let Some((ns, id)) = self.random.pick(&known).copied().filter(|_| self.random.chance(70)) else {
            let mut body = saying(word).with_set(TAGS, &SetEdit { add: vec![other.into()], remove: vec![] });
            if self.random.chance(40) {
                body = body.with(KEY, other);
            }
            if self.random.chance(20) {
                body = body.with(CREATED_AT, -5);
            }
            if let Some((_, same)) = self.random.pick(&known).filter(|(home, _)| *home == ns) {
                body = body.with(ALIAS_OF, json!(same));
            }
            let id = self.nodes[at].create(ns, body);
            return self.memories.push((ns, id));
        };
        let node = &self.nodes[at];
        let state = node.get(id).unwrap().state;
        let knows_key = node.memory.read::<_, Error>(|tx| {
            let num = tx.namespace_num(ns)?;
            Ok(num.map(|num| tx.mark_of(num, "x")).transpose()?.flatten().is_some())
        });
        let knows_key = knows_key.unwrap();
        let set =
            |register, add: String, dots| Body::default().with_set(register, &SetEdit { add: vec![add], remove: dots });
        // Mostly one of before it, but any may be named.
        let is_near = |other: &&(NamespaceId, EntityId)| other.0 == ns && other.1 != id;
        let before: Vec<_> =
            self.memories.iter().take_while(|(_, other)| *other != id).filter(is_near).copied().collect();
        let named = if self.random.chance(80) { &before } else { &known };
        let another = self.random.pick(named).map_or(id, |(_, another)| *another);
        match self.random.below(13) {
            11 | 12 => node.edit(ns, id, Body::default().with(ALIAS_OF, json!(another))),
            0 | 1 => node.edit(ns, id, saying(&format!("{word} {other}"))),
            2 => node.edit(ns, id, set(TAGS, word.to_owned(), state.element_dots(TAGS, other))),
            3 => node.edit(ns, id, set(LINKS, format!("{} {word}", EntityId([3; 16])), vec![])),
            4 => node.edit(ns, id, set(FEEDBACK, format!("useful {word}"), vec![])),
            5 => node.edit(ns, id, Body::default().with(KEY, word)),
            6 => node.edit(ns, id, Body::default().with(RETIRED, json!({"reason": "undo"})).with(IMPORTANCE, 0.1)),
            7 if knows_key => node.forget(ns, id),
            8 => node.unforget(ns, id),
            9 if self.random.chance(40) => node.purge(ns, id),
            _ => {
                let mut body = saying(word);
                body.undoes = Some(jay_types::ActId([7; 16]));
                node.edit(ns, id, body);
            }
        }
    }

    pub(super) fn write_namespace(&mut self, at: usize) {
        let ns = self.namespaces[self.random.index(self.namespaces.len())];
        let word = self.word().to_owned();
        let set = |register| Body::default().with_set(register, &SetEdit { add: vec![word.clone()], remove: vec![] });
        let body = match self.random.below(6) {
            0 => Body::default().with(PATH, word.as_str()),
            1 => set(ALIASES),
            2 => set(REMOTES),
            3 => Body::default().with(POLICY, json!({"secrets": "refuse"})),
            4 => Body::default().with(FORGET_KEY, Hash::of(word.as_bytes()).to_string()),
            _ => Body::default().with(RETIRED, json!({"reason": "deleted"})),
        };
        let entity = EntityId::of_namespace(ns);
        let act = |w: &mut jay_store::WriteTx<'_>| {
            w.draft(Draft::new(ns, EntityKind::Namespace, entity, Op::Update, body));
            Ok(())
        };
        self.nodes[at].act(act).unwrap();
    }

    pub(super) fn write_archive(&mut self, at: usize) {
        let session = SESSIONS[self.random.index(2)];
        let words: Vec<&str> = (0..=self.random.below(4)).map(|_| self.word()).collect();
        let path = ["/a", "/b"][self.random.index(2)];
        let block = block(session, path, self.random.below(3) as u32, self.random.below(5), &words);
        let ns = self.namespaces[self.random.index(self.namespaces.len())];
        let purges = self.random.chance(10);
        let written = self.nodes[at].archive.write::<_, Error>(&ann(), |w| {
            if purges {
                w.draft(Draft::new(ns, EntityKind::Session, session_id(session), Op::Purge, Body::default()));
            } else {
                w.draft(Draft::block(ns, session_id(session), block.to_json()));
            }
            Ok(())
        });
        written.unwrap();
    }

    /// Something of any kind with any op, known and unknown, in either journal.
    pub(super) fn speak_strangely(&mut self) {
        let place = self.random.index(2);
        let ns = self.namespaces[self.random.index(self.namespaces.len())];
        let changes: Vec<Foreign> = (0..=self.random.below(3)).map(|_| self.foreign()).collect();
        self.authors[place].hlc += self.random.below(30_000_000);
        let part = self.authors[place].part(ns, &changes);
        self.said[place].push(part);
    }

    fn foreign(&mut self) -> Foreign {
        let kinds: Vec<u16> = EntityKind::ALL.iter().map(|kind| kind.number()).chain([4, 4, 4, 2, 88]).collect();
        let ops: Vec<u16> = Op::ALL.iter().map(|op| op.number()).chain([2, 3, 3, 999]).filter(|op| *op != 1).collect();
        let (kind, mut op) = (kinds[self.random.index(kinds.len())], ops[self.random.index(ops.len())]);
        if op == Op::Purge.number() && self.random.chance(70) {
            op = Op::Update.number();
        }
        let entity = match EntityKind::from_number(kind) {
            Some(EntityKind::Memory) => self.random.pick(&self.memories).map_or(EntityId([4; 16]), |(_, id)| *id),
            Some(EntityKind::Namespace) => {
                EntityId::of_namespace(self.namespaces[self.random.index(self.namespaces.len())])
            }
            Some(EntityKind::Session) => session_id(SESSIONS[self.random.index(2)]),
            _ => EntityId([self.random.below(3) as u8; 16]),
        };
        let mut registers = BTreeMap::new();
        let names: Vec<&str> = EntityKind::ALL
            .iter()
            .flat_map(|kind| kind.registers())
            .map(|register| register.name)
            .chain(["mood", "block"])
            .collect();
        for _ in 0..=self.random.below(3) {
            let value = self.value();
            registers.insert(names[self.random.index(names.len())].to_owned(), value);
        }
        if self.random.chance(50) {
            registers.insert(TEXT.name.to_owned(), json!({"text": self.word(), "title": self.word()}));
        }
        if op == Op::Forget.number() {
            registers.insert(FORGOTTEN.name.to_owned(), json!({"mac": "00112233445566778899aabbccddeeff"}));
        }
        let replaces = BTreeMap::from([(TEXT.name.to_owned(), vec![Dot([1; 16])])]);
        let mut change = Foreign::raw(kind, entity, op, Body { registers, replaces, undoes: None }.to_json());
        match self.random.below(12) {
            0 => change.encoding = 1,
            1 => change.encoding = 200,
            2 => change.bytes = b"{\"replaces\": 3".to_vec(),
            _ => {}
        }
        change
    }
}
