//! A call: who calls, through which door, when, and what makes sending it twice harmless.
//!
//! **Invariant:** what a call writes is one act, in the caller's name; an idempotency key that was answered is answered the
//! same again, and neither key nor input can be read from what is kept of it.

use crate::engine::Engine;
use jay_store::{ActorName, WriteTx};
use jay_types::bounds::Word;
use jay_types::namespace::NamespacePath;
use jay_types::{Error, NamespaceId, Result, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Which door a call came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The command line.
    Cli,
    /// The batch door, `jay call`.
    Call,
    /// HTTP.
    Http,
    /// MCP, over stdio or HTTP.
    Mcp,
    /// The web page.
    Web,
}

/// What sort of actor calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    Person,
    /// An agent.
    Agent,
    /// A program that acts by itself.
    Service,
}

impl ActorKind {
    /// Its name in the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Agent => "agent",
            Self::Service => "service",
        }
    }
}

/// Who calls, from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What sort of actor.
    pub kind: ActorKind,
    /// Its name.
    pub name: String,
    /// The door.
    pub door: Door,
    /// The namespace in which the caller stands.
    pub namespace: NamespacePath,
}

impl Caller {
    /// As the journal names who acts.
    #[must_use]
    pub fn actor(&self) -> ActorName {
        ActorName { kind: self.kind.name().to_owned(), name: self.name.clone() }
    }

    /// True for a person at the command line or the web page: who may see and undo what was forgotten (J10).
    #[must_use]
    pub fn is_person_at_hand(&self) -> bool {
        self.kind == ActorKind::Person && matches!(self.door, Door::Cli | Door::Call | Door::Web)
    }
}

/// An idempotency key with the hash of the operation's input.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The operation.
    pub operation: &'static str,
    /// The caller's key.
    pub key: Word,
    /// BLAKE3 of the input's canonical JSON.
    pub input_hash: [u8; 32],
}

impl Idempotency {
    /// Under which the answer is kept: two operations may be given the same key, and a key may be a secret.
    fn name(&self, secret: &[u8; 32]) -> String {
        let mut hasher = jay_types::text::keyed_hasher(secret);
        hasher.update(self.key.as_str().as_bytes());
        format!("{} {}", self.operation, hasher.finalize().to_hex())
    }

    /// Keyed, so that the record does not let anybody guess the input.
    fn hash(&self, secret: &[u8; 32]) -> [u8; 32] {
        let mut hasher = jay_types::text::keyed_hasher(secret);
        hasher.update(&self.input_hash);
        *hasher.finalize().as_bytes()
    }
}

fn kept<T: DeserializeOwned>(answer: &str) -> Result<T> {
    serde_json::from_str(answer).map_err(|error| Error::internal(format!("a kept answer: {error}")))
}

/// One call of one operation.
#[derive(Debug)]
pub struct Call<'a> {
    /// What it runs on.
    pub engine: &'a Engine,
    /// Who calls.
    pub caller: &'a Caller,
    /// When.
    pub now: Timestamp,
    /// Makes sending it twice harmless.
    pub idempotency: Option<Idempotency>,
}

impl Call<'_> {
    /// Runs `write` as one act of the caller, or gives the answer that its idempotency key was given before.
    pub(crate) fn act<T: Serialize + DeserializeOwned>(
        &self,
        write: impl FnOnce(&mut WriteTx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.engine.memory.write(&self.caller.actor(), |w| {
            let Some(idempotency) = &self.idempotency else { return write(w) };
            let secret = w.local_secret()?;
            let (name, hash) = (idempotency.name(&secret), idempotency.hash(&secret));
            if let Some(answer) = w.answered_before(&name, &hash, self.now.0)? {
                return kept(&answer);
            }
            let value = write(w)?;
            let answer = serde_json::to_string(&value).map_err(|error| Error::internal(error.to_string()))?;
            w.remember_answer(&name, &hash, &answer)?;
            Ok(value)
        })
    }

    /// The answer that the call's idempotency key was given before, for operations that look before they write.
    ///
    /// # Errors
    /// `conflict` where the key was used with other input.
    pub(crate) fn answer_before<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let Some(idempotency) = &self.idempotency else { return Ok(None) };
        self.engine.memory.read(|tx| {
            let Some(secret) = tx.known_local_secret()? else { return Ok(None) };
            let answer = tx.answered_before(&idempotency.name(&secret), &idempotency.hash(&secret), self.now.0)?;
            answer.as_deref().map(kept).transpose()
        })
    }

    /// Refuses what only a person at the command line or the web page may do.
    pub(crate) fn demand_person(&self, what: &str) -> Result<()> {
        if self.caller.is_person_at_hand() {
            return Ok(());
        }
        Err(Error::new(jay_types::Code::Refused, format!("{what} is for people, from the command line"))
            .hint("Ask the person to run it in a terminal."))
    }

    /// The namespace id of a path, made in the memory where there is none: the archive's streams carry it.
    pub(crate) fn namespace_id(&self, path: &NamespacePath) -> Result<NamespaceId> {
        let known = self.engine.memory.read(|tx| -> Result<Option<NamespaceId>> {
            let first = tx.namespaces_at(path.as_str())?.first().copied();
            Ok(first.map(|num| tx.namespace_id_of(num)).transpose()?)
        })?;
        match known {
            Some(id) => Ok(id),
            None => {
                self.engine.memory.write(&self.caller.actor(), |w| -> Result<NamespaceId> { Ok(w.namespace(path)?.0) })
            }
        }
    }
}
