//! What this machine knows of the files on a remote: a local record, one file of the state directory for each remote.
//!
//! **Invariant:** whoever loses it loses nothing but the reading of clear headers; it is written after the journal, so that it
//! never says of a file that it was taken in when it was not.

use super::clocks::SeenClock;
use super::scope::Elsewhere;
use crate::format::clear::Range;
use crate::format::head::{Head, StreamHead};
use jay_store::Store;
use jay_types::change::Journal;
use jay_types::change::header::StreamId;
use jay_types::{EntityId, Error, Hash, NamespaceId, NodeId, Result, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Everything in it is here.
    Applied,
    /// Something in it cannot be taken in yet.
    Waiting,
    /// It is complete and not what it says, or not ours: it is not read again unless it changes.
    Quarantined,
}

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// The listing's stamp when it was.
    pub stamp: String,
    /// Its size.
    pub bytes: u64,
    /// What became of it.
    pub state: FileState,
    /// Why it waits or is not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it carries.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "write_ranges",
        deserialize_with = "read_ranges"
    )]
    pub ranges: Vec<Range>,
    /// Since when it is not listed any longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Timestamp>,
    /// True where it is a checkpoint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_checkpoint: bool,
    /// True once its seal was opened and it carries what its header says: who carries files can write any header. It was also where
    /// this machine began with a checkpoint, among whatever lay there. A record without it is of an earlier version, which did not look: none
    /// of it is believed, and everything is read once more.
    pub is_intact: bool,
    /// True once it was looked through for everything that had been purged before it came; from then on only what is purged later
    /// counts. One that was away and came back is looked through anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_looked_through: bool,
    /// True where it is as large as segments are made: joined with others it would be the same once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_full: bool,
}

/// What another node told last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHead {
    /// The listing's stamp of the file.
    pub stamp: String,
    /// The latest head that was ever seen of the node.
    pub head: Head,
    /// When it was first seen, by this machine's clock: a node's own may be far from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// Another one lies there that cannot be read, as where its key has not come: how far the node is now is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_outdated: bool,
    /// A carrier gave back an older one, of this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
}

/// How many earlier contents are remembered, to tell how far behind another node is.
const CONTENTS_MAX: usize = 64;

/// The record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteState {
    /// Files by path.
    #[serde(default)]
    pub files: BTreeMap<String, FileRecord>,
    /// Heads of other nodes.
    #[serde(default)]
    pub heads: BTreeMap<NodeId, SeenHead>,
    /// The head that this node wrote last.
    #[serde(default)]
    pub own: Option<Head>,
    /// The size of its file, and the listing's stamp once it was listed.
    #[serde(default)]
    pub own_file: (u64, String),
    /// For each of the latest contents of our own heads how many changes were shared.
    #[serde(default)]
    pub contents: Vec<(u64, u64)>,
    /// For each of them when it was first told, by this machine's clock.
    #[serde(default)]
    pub told: BTreeMap<u64, Timestamp>,
    /// What the heads of other nodes showed of their clocks.
    #[serde(default)]
    pub clocks: BTreeMap<NodeId, SeenClock>,
    /// For whom our key rings are wrapped, by epoch: a hash of keys and recipients.
    #[serde(default)]
    pub keyrings: BTreeMap<u32, String>,
    /// Stamps of key rings, requests and invitations that were read.
    #[serde(default)]
    pub read: BTreeMap<String, String>,
    /// For which keys key rings were read, as a hash.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wanted_keys: String,
    /// Requests that a person has to decide.
    #[serde(default)]
    pub requests: BTreeMap<NodeId, (String, Timestamp)>,
    /// Requests that whoever invited has yet to answer: the invitation, and when they were made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub invited: BTreeMap<String, (String, Timestamp)>,
    /// Own files that were joined into others: by which content of our head others know of it, and since when.
    #[serde(default)]
    pub retired: BTreeMap<String, (u64, Timestamp)>,
    /// Purged entities for which the files were looked through.
    #[serde(default)]
    pub scrubbed: BTreeSet<(NamespaceId, EntityId)>,
    /// Files that hold bodies of what is purged: they are written anew by their owners.
    #[serde(default)]
    pub unscrubbed: BTreeSet<String>,
    /// Acts that were written once more for who lacks their bodies, by the change that was asked for: in which file.
    #[serde(default)]
    pub given: BTreeMap<String, String>,
    /// Something was purged since this node's checkpoint was made.
    #[serde(default)]
    pub checkpoint_holds_purged: bool,
    /// Since when something of a member's is sealed with a key that has not come.
    #[serde(default)]
    pub lacks_key_since: Option<Timestamp>,
    /// Nodes that are taken out, and took out in turn who had done so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contested: BTreeMap<NodeId, NodeId>,
    /// Since when members are known here to have changed the key at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rival_keys_since: Option<Timestamp>,
    /// Paths of namespaces that were left out, by the latest change that gives one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub elsewhere: BTreeMap<NamespaceId, Elsewhere>,
    /// Journals and namespaces of which files were passed over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<(u8, NamespaceId)>,
    /// When the last sync with it ended well.
    #[serde(default)]
    pub last_success: Option<Timestamp>,
    /// By journal the change that had arrived last when this was written. Where it is not there, a database was put back from a copy, or
    /// begun anew, beside a record of what had been taken into another one.
    #[serde(default)]
    pub journals: BTreeMap<u8, (u64, Hash)>,
}

impl RemoteState {
    fn file_name(remote: &str) -> String {
        format!("remote-{remote}.json")
    }

    /// The record of a remote; an empty one where there is none or it cannot be read.
    ///
    /// # Errors
    /// `io`.
    pub fn load(store: &Store, remote: &str) -> Result<Self> {
        let bytes = store.state(&Self::file_name(remote))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// The record as far as it is one of these journals. Of another database nothing counts that was taken in or looked through: what remains is
    /// what the place and other nodes showed.
    ///
    /// # Errors
    /// `io`; what the stores say.
    pub fn load_for(memory: &Store, archive: &Store, remote: &str) -> Result<Self> {
        let state = Self::load(memory, remote)?;
        for (journal, store) in [(Journal::Memory, memory), (Journal::Archive, archive)] {
            if let Some((pos, hash)) = state.journals.get(&journal.number())
                && !store.read::<_, Error>(|tx| Ok(tx.is_change_at(*pos, *hash)?))?
            {
                return Ok(state.of_another_database());
            }
        }
        Ok(state)
    }

    fn of_another_database(mut self) -> Self {
        // Read once more: what they acknowledge is seen with what is here.
        self.heads.values_mut().for_each(|seen| seen.stamp.clear());
        Self { heads: self.heads, clocks: self.clocks, last_success: self.last_success, ..Self::default() }
    }

    /// Notes whose record it is.
    ///
    /// # Errors
    /// What the stores say.
    pub fn note_journals(&mut self, memory: &Store, archive: &Store) -> Result<()> {
        self.journals.clear();
        for (journal, store) in [(Journal::Memory, memory), (Journal::Archive, archive)] {
            let latest = store.read::<_, Error>(|tx| Ok(tx.latest_change()?))?;
            self.journals.extend(latest.map(|latest| (journal.number(), latest)));
        }
        Ok(())
    }

    /// Replaces it.
    ///
    /// # Errors
    /// `io`.
    pub fn save(&self, store: &Store, remote: &str) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::internal(error.to_string()))?;
        Ok(store.put_state(&Self::file_name(remote), &bytes)?)
    }

    /// Notes how much is shared with this content of our head, and when it was told.
    pub fn note_content(&mut self, content: u64, changes: u64, at: Timestamp) {
        self.contents.retain(|(known, _)| *known != content);
        self.contents.push((content, changes));
        let surplus = self.contents.len().saturating_sub(CONTENTS_MAX);
        self.contents.drain(..surplus);
        self.told.entry(content).or_insert(at);
        let contents = &self.contents;
        self.told.retain(|told, _| contents.iter().any(|(known, _)| known == told));
    }

    /// Times that this machine noted while its clock was ahead: a period that began then begins now, or it would end that much too
    /// late; and when something was told is not known.
    pub fn set_back(&mut self, now: Timestamp) {
        let began = self.files.values_mut().filter_map(|record| record.missing_since.as_mut());
        let began = began.chain(self.heads.values_mut().filter_map(|seen| seen.seen_at.as_mut()));
        for at in began.chain(self.retired.values_mut().map(|(_, at)| at)) {
            *at = now.min(*at);
        }
        self.told.retain(|_, at| *at <= now);
    }

    /// How many changes that we share a node lacks, by what it has acknowledged; none where that is not known.
    #[must_use]
    pub fn lag_there(&self, us: NodeId, node: NodeId) -> Option<u64> {
        let own = self.own.as_ref()?;
        let seen = *self.heads.get(&node)?.head.seen.get(&us)?;
        if seen >= own.content {
            return Some(0);
        }
        let had = self.contents.iter().find(|(content, _)| *content == seen).map(|(_, changes)| *changes)?;
        Some(own.changes.saturating_sub(had))
    }
}

/// One end of a branch as a head tells it.
#[must_use]
pub const fn stream_head(stream: StreamId, seq: u64, hash: Hash) -> StreamHead {
    StreamHead { journal: stream.journal, namespace: stream.namespace, node: stream.node, seq, hash }
}

fn write_ranges<S: Serializer>(ranges: &[Range], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(|range| {
        let Range { stream, from, to, hash } = range;
        format!("{} {} {} {from} {to} {hash}", stream.journal, stream.namespace, stream.node)
    }))
}

fn read_ranges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Range>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = |text: &str| -> Option<Range> {
        let mut words = text.split(' ');
        let mut next = || words.next();
        let stream = StreamId {
            journal: next()?.parse().ok()?,
            namespace: NamespaceId::parse(next()?).ok()?,
            node: NodeId::parse(next()?).ok()?,
        };
        Some(Range { stream, from: next()?.parse().ok()?, to: next()?.parse().ok()?, hash: Hash::parse(next()?).ok()? })
    };
    texts.iter().map(|text| read(text).ok_or_else(|| serde::de::Error::custom("not a range"))).collect()
}
