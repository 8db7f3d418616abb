//! The doors that stay open: HTTP (`POST /v1/<operation>`) and MCP, over stdio and streamable HTTP.
//!
//! A door finds the caller, reads JSON and writes JSON; every call goes through the catalogue of `jay-ops`. Async
//! ends here: the engine is called on threads of its own ([`Service`]).
//!
//! **Invariant:** nothing but `/healthz` answers without the token, and nothing at all answers a request whose `Host`
//! or `Origin` is not this server's own: a web page that a person visits must not reach their memory.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing))]

mod guard;
mod http;
mod lines;
mod mcp;
mod mcp_http;
mod metrics;
mod run;
mod service;
mod sessions;
mod syncer;
mod token;
mod worker;

pub use guard::Guard;
pub use http::{Close, router};
pub use lines::Lines;
pub use mcp::Mcp;
pub use run::{ServeOptions, mcp_stdio, serve, when_stopped};
pub use service::{BLOCKING_THREADS_MAX, Service};
pub use token::{load_or_create, path as token_path};
