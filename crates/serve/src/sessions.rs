//! How many MCP sessions may stand open over HTTP.
//!
//! A client that never says goodbye leaves its session to the idle time; one that begins anew for each question would
//! fill the memory long before. So there is room for a number of them, and the one unused for longest makes way: its
//! client is told that the session is gone and begins again.

use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an MCP session over HTTP may stand idle; a client that comes back later has to begin again.
const IDLE: Duration = Duration::from_secs(2 * 60 * 60);
/// MCP sessions over HTTP that stand open at once; one takes some 60 kB.
pub(crate) const SESSIONS_MAX: usize = 128;

/// The open sessions in the order in which they were used.
pub(crate) struct Sessions {
    manager: Arc<LocalSessionManager>,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    /// Counts uses: an order, not a time.
    turn: u64,
    by_id: HashMap<String, u64>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        let mut manager = LocalSessionManager::default();
        manager.session_config.keep_alive = Some(IDLE);
        Self { manager: Arc::new(manager), used: Mutex::default() }
    }

    /// What rmcp keeps them in.
    pub(crate) fn manager(&self) -> Arc<LocalSessionManager> {
        Arc::clone(&self.manager)
    }

    /// The session is used; one that is not known here is not noted.
    pub(crate) fn touch(&self, id: &str) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.turn += 1;
        let turn = used.turn;
        if let Some(last) = used.by_id.get_mut(id) {
            *last = turn;
        }
    }

    /// The session was begun; those beyond [`SESSIONS_MAX`] are closed, the one unused for longest first.
    pub(crate) async fn begun(&self, id: &str) {
        let open: Vec<_> = self.manager.sessions.read().await.keys().cloned().collect();
        let surplus = {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.turn += 1;
            let turn = used.turn;
            used.by_id.insert(id.to_owned(), turn);
            used.by_id.retain(|id, _| open.iter().any(|open| **open == **id));
            let mut ids: Vec<_> = open.into_iter().map(|id| (used.by_id.get(&*id).copied(), id)).collect();
            // One that is not noted yet is being begun at this moment.
            ids.sort_by_key(|(turn, _)| turn.unwrap_or(u64::MAX));
            ids.truncate(ids.len().saturating_sub(SESSIONS_MAX));
            ids
        };
        for (_, id) in surplus {
            if self.manager.close_session(&id).await.is_err() {
                tracing::debug!("an MCP session had ended by itself");
            }
        }
    }
}
