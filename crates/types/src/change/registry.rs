//! The numbers that stand in headers and the registers that each entity kind has (I2).
//!
//! **Invariant:** a number once given is never given again; what a version does not know it defers, it does not guess.

/// Which of the two journals a stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Journal {
    /// Memories, namespaces, actors.
    Memory,
    /// Sessions as blocks.
    Archive,
}

impl Journal {
    /// Its byte in the header.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Memory => 0,
            Self::Archive => 1,
        }
    }

    /// The journal of that byte.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Memory),
            1 => Some(Self::Archive),
            _ => None,
        }
    }
}

/// What a change does. 9 and above are reserved: 16–31 facts, 32–47 runs, 48–63 reviews, 64–79 tasks, 80–95 messages,
/// 96–111 policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// First change of a stream: carries the node's public key, is never purged.
    Open,
    /// Brings an entity into being.
    Create,
    /// Writes registers of an entity.
    Update,
    /// Forgets an entity and the wording it has.
    Forget,
    /// Takes a forget back.
    Unforget,
    /// Destroys every body of an entity, for ever.
    Purge,
    /// Appends archived source rows and the messages read from them.
    Block,
    /// Replaces the messages of an earlier block by what a better adapter reads in it.
    Reparse,
}

impl Op {
    /// Every op this version knows.
    pub const ALL: [Self; 8] =
        [Self::Open, Self::Create, Self::Update, Self::Forget, Self::Unforget, Self::Purge, Self::Block, Self::Reparse];

    /// Its number in the header.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Open => 1,
            Self::Create => 2,
            Self::Update => 3,
            Self::Forget => 4,
            Self::Unforget => 5,
            Self::Purge => 6,
            Self::Block => 7,
            Self::Reparse => 8,
        }
    }

    /// The op of that number, if this version knows it.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.number() == number)
    }

    /// Its name for history and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Update => "update",
            Self::Forget => "forget",
            Self::Unforget => "unforget",
            Self::Purge => "purge",
            Self::Block => "block",
            Self::Reparse => "reparse",
        }
    }
}

/// How the writes of a register are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterShape {
    /// The greatest write wins; writes that did not see each other are a conflict.
    Value,
    /// An observed-remove set of strings.
    Set,
}

/// A register: fields that mean something only together are one (J7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its name in bodies.
    pub name: &'static str,
    /// Its number in the store and in roots.
    pub number: u8,
    /// How its writes are joined.
    pub shape: RegisterShape,
}

const fn value(number: u8, name: &'static str) -> Register {
    Register { name, number, shape: RegisterShape::Value }
}

const fn set(number: u8, name: &'static str) -> Register {
    Register { name, number, shape: RegisterShape::Set }
}

/// {text, title?, spans?}
pub const TEXT: Register = value(1, "text");
/// The kind's name.
pub const KIND: Register = value(2, "kind");
/// The key slot that is claimed, or null.
pub const KEY: Register = value(3, "key");
/// 0 to 1.
pub const IMPORTANCE: Register = value(4, "importance");
/// 0 to 1.
pub const CONFIDENCE: Register = value(5, "confidence");
/// Boolean.
pub const PINNED: Register = value(6, "pinned");
/// {agent?, client?, session?, message?, uri?, span?}
pub const SOURCE: Register = value(7, "source");
/// Microseconds.
pub const CREATED_AT: Register = value(8, "created_at");
/// {from?, to?} in microseconds.
pub const VALID: Register = value(9, "valid");
/// Microseconds, or null.
pub const EXPIRES_AT: Register = value(10, "expires_at");
/// {reason, moved_to?}, or null; a greater write to text, key or valid reopens it (J10).
pub const RETIRED: Register = value(11, "retired");
/// {mac, reason?, alone?} by `forget`, null by `unforget`; no other op writes it. `alone`: a copy of it was seen and stays.
pub const FORGOTTEN: Register = value(12, "forgotten");
/// {namespace, id} that a move or fork copied.
pub const COPIED_FROM: Register = value(13, "copied_from");
/// The id of the same thing on another node; written once by a job (J9).
pub const ALIAS_OF: Register = value(14, "alias_of");
/// Tags.
pub const TAGS: Register = set(15, "tags");
/// `<id of the other end> <relation>`.
pub const LINKS: Register = set(16, "links");
/// `<useful or noise> <kind of actor>:<name>`.
pub const FEEDBACK: Register = set(17, "feedback");
/// {root, base?, path, line, line_end}: where a piece of a document stands in its file
pub const PLACE: Register = value(18, "place");
/// A namespace's path.
pub const PATH: Register = value(32, "path");
/// Other paths of a namespace.
pub const ALIASES: Register = set(33, "aliases");
/// Normalised git remotes of a namespace.
pub const REMOTES: Register = set(34, "remotes");
/// 32 bytes of hex: the key of a namespace's forget marks.
pub const FORGET_KEY: Register = value(35, "forget_key");
/// {secrets}
pub const POLICY: Register = value(36, "policy");
/// An actor's or agent's name.
pub const NAME: Register = value(48, "name");
/// A node's public key, hex.
pub const PUBLIC_KEY: Register = value(64, "public_key");

/// {number, key}: the epoch that files of a vault are sealed in, and the first 8 bytes of its key's hash, hex.
pub const EPOCH: Register = value(80, "epoch");
/// For whom a vault's keys are wrapped on this machine: an age recipient.
pub const RECIPIENT: Register = value(81, "recipient");
/// {state: "member" or "removed", admitted?, streams?}: whether a node's streams are journalled, and up to where.
pub const STANDING: Register = value(82, "standing");
/// Others for whom a vault's keys are wrapped: age or SSH recipients of people.
pub const RECIPIENTS: Register = set(83, "recipients");

/// Everything that changes can be about. Reserved: 6 fact entity, 7 fact, 8 run, 9 review, 10 task, 11 message, 12 policy,
/// 13 checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A node, in the `open` of each of its streams.
    Node,
    /// A namespace: the entity whose id is the namespace's.
    Namespace,
    /// Who acts in a namespace.
    Actor,
    /// A memory.
    Memory,
    /// An archived session.
    Session,
    /// A vault: the entity whose id is the id of the vault's own namespace (J16).
    Vault,
    /// A node of a vault, in the vault's own namespace: the entity whose id is the node's (J16).
    Member,
}

impl EntityKind {
    /// The registry: property, rebuild, root and purge tests iterate over it.
    pub const ALL: [Self; 7] =
        [Self::Node, Self::Namespace, Self::Actor, Self::Memory, Self::Session, Self::Vault, Self::Member];

    /// Its number in the header.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Node => 1,
            Self::Namespace => 2,
            Self::Actor => 3,
            Self::Memory => 4,
            Self::Session => 5,
            Self::Vault => 14,
            Self::Member => 15,
        }
    }

    /// The kind of that number, if this version knows it.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its name for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Namespace => "namespace",
            Self::Actor => "actor",
            Self::Memory => "memory",
            Self::Session => "session",
            Self::Vault => "vault",
            Self::Member => "member",
        }
    }

    /// The registers that it has; blocks of sessions are not registers.
    #[must_use]
    pub const fn registers(self) -> &'static [Register] {
        match self {
            Self::Node => &[PUBLIC_KEY],
            Self::Namespace => &[PATH, ALIASES, REMOTES, FORGET_KEY, POLICY, RETIRED],
            Self::Actor => &[KIND, NAME],
            Self::Memory => &[
                TEXT,
                KIND,
                KEY,
                IMPORTANCE,
                CONFIDENCE,
                PINNED,
                SOURCE,
                CREATED_AT,
                VALID,
                EXPIRES_AT,
                RETIRED,
                FORGOTTEN,
                COPIED_FROM,
                ALIAS_OF,
                TAGS,
                LINKS,
                FEEDBACK,
                PLACE,
            ],
            Self::Session => &[],
            Self::Vault => &[NAME, PUBLIC_KEY, EPOCH, RECIPIENTS],
            Self::Member => &[NAME, PUBLIC_KEY, RECIPIENT, STANDING],
        }
    }

    /// The register of that name, if this kind has it.
    #[must_use]
    pub fn register(self, name: &str) -> Option<Register> {
        self.registers().iter().copied().find(|register| register.name == name)
    }

    /// True where `op` may be applied to this kind.
    #[must_use]
    pub const fn takes(self, op: Op) -> bool {
        match op {
            Op::Open => matches!(self, Self::Node),
            Op::Create | Op::Update => {
                matches!(self, Self::Namespace | Self::Actor | Self::Memory | Self::Vault | Self::Member)
            }
            Op::Forget | Op::Unforget => matches!(self, Self::Memory),
            Op::Purge => matches!(self, Self::Memory | Self::Session),
            Op::Block | Op::Reparse => matches!(self, Self::Session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_are_given_once() {
        let kinds: BTreeSet<u16> = EntityKind::ALL.iter().map(|kind| kind.number()).collect();
        assert_eq!(kinds.len(), EntityKind::ALL.len());
        let ops: BTreeSet<u16> = Op::ALL.iter().map(|op| op.number()).collect();
        assert_eq!(ops.len(), Op::ALL.len());
        for kind in EntityKind::ALL {
            let numbers: BTreeSet<u8> = kind.registers().iter().map(|register| register.number).collect();
            assert_eq!(numbers.len(), kind.registers().len(), "{}", kind.name());
            assert_eq!(EntityKind::from_number(kind.number()), Some(kind));
        }
    }
}
