//! Who comes in and goes out of the vault.

use super::*;

impl Fleet {
    /// A person on this machine lets in everybody who asks and was not taken out.
    pub(crate) fn answer(&mut self, by: usize) {
        let (keys, _) = self.machines[by].vault();
        let asking: Vec<NodeId> =
            RemoteState::load(&self.machines[by].home.memory, "home").unwrap().requests.into_keys().collect();
        let removed: BTreeSet<NodeId> =
            self.machines.iter().filter(|machine| !machine.is_left()).flat_map(Machine::nodes).collect();
        for node in asking.into_iter().filter(|node| !removed.contains(node)) {
            let path = jay_transfer::vault::request::path(node);
            let Some(file) = self.seat(by).read(&path, REQUEST_MAX_BYTES).unwrap() else { continue };
            let Ok((request, _)) = jay_transfer::vault::request::open(&file, &keys) else { continue };
            let home = &self.machines[by].home;
            members::admit(&home.memory, &ann(), keys.vault, &request, &Grounds::Keys).unwrap();
            self.note(by);
            self.tell(format!("{by} lets {node} in"));
        }
    }

    /// One machine is taken out, and the keys are changed. What nobody else has by then is promised to nobody.
    pub(super) fn remove(&mut self, by: usize) {
        let (_, roster) = self.machines[by].vault();
        // Not one that goes on as a new node of which nobody knows yet, and no copy: the other one would be taken out too.
        let may_go = |machine: &Machine| {
            let is_known = machine.nodes().iter().all(|node| roster.is_member(*node));
            matches!(machine.standing, Standing::Joined) && !machine.is_doubled && is_known
        };
        let whom: Vec<usize> = (0..self.machines.len()).filter(|at| *at != by && may_go(&self.machines[*at])).collect();
        let Some(whom) = self.random.pick(&whom).copied() else { return };
        if self.machines.iter().any(|machine| !machine.is_left()) {
            return;
        }
        self.take_out(by, whom);
    }

    pub(crate) fn take_out(&mut self, by: usize, whom: usize) {
        let nodes: Vec<NodeId> = self.machines[whom].nodes().into_iter().collect();
        self.machines[by].home.take_out(&nodes, None);
        self.note(whom);
        self.machines[whom].standing = Standing::Removed;
        self.note(by);
        let of_removed: Vec<Change> =
            self.promised.iter().copied().filter(|(stream, ..)| nodes.contains(&stream.node)).collect();
        for change in of_removed {
            if !self.machines.iter().any(|machine| machine.is_left() && machine.has(change)) {
                self.promised.remove(&change);
                self.unpromised.insert(change);
            }
        }
        self.tell(format!("{by} takes {whom} out"));
    }

    /// A member with a newer program writes what this one does not know, and carries it itself.
    pub(super) fn speak_newer(&mut self, at: usize) {
        if !matches!(self.machines[at].standing, Standing::Joined) || !self.machines[at].is_member() {
            return;
        }
        let (keys, _) = self.machines[at].vault();
        if self.newer.is_none() {
            self.newer = Some(Author::new((self.seed % 200) as u8));
            self.admit_newer(at);
        }
        let Some(ns) = self.any_namespace(at) else { return };
        let changes = self.strange_changes(at);
        let key = keys.keys().min_by_key(|key| key.id).unwrap();
        let author = self.newer.as_mut().unwrap();
        author.hlc += self.random.below(30_000_000);
        let part = author.part(ns, &changes);
        let (path, file) = segment_file(&keys, &key, author.node_id(), &part, &mut self.random);
        for entry in &part {
            let header = jay_types::change::Header::decode(&entry.header).unwrap();
            self.promised.insert((header.stream(), header.seq, header.hash()));
        }
        self.note_texts(&part);
        self.carrier.place(&path, file);
        self.tell("the newer program speaks".to_owned());
    }

    /// Lets the newer program in, also where the one who did so was put back.
    pub(crate) fn admit_newer(&mut self, by: usize) {
        let (keys, roster) = self.machines[by].vault();
        let Some(author) = self.newer.as_ref().filter(|author| !roster.is_member(author.node_id())) else { return };
        let memory = &self.machines[by].home.memory;
        members::admit(memory, &ann(), keys.vault, &request_of(author), &Grounds::Keys).unwrap();
        self.note(by);
    }
}
