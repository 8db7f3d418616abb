//! Opening the doors and closing them again.

use crate::guard::Guard;
use crate::http::router;
use crate::lines::Lines;
use crate::mcp::Mcp;
use crate::service::{BLOCKING_THREADS_MAX, Service};
use crate::syncer::Syncer;
use jay_ops::agents::Profile;
use jay_types::namespace::NamespacePath;
use jay_types::{Code, Error, Result};
use rmcp::ServiceExt as _;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long requests under way may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How often a stdio server looks whether its parent is still there.
const PARENT_CHECK: Duration = Duration::from_secs(2);

/// How to serve.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The address, `127.0.0.1:7717`; port 0 takes a free one.
    pub addr: String,
    /// The token; none lets in everybody of this machine (tests).
    pub token: Option<String>,
    /// The name under which calls of the token's holder are recorded.
    pub principal: String,
    /// The tools that `/mcp` shows.
    pub profile: Profile,
    /// How often the remotes are synced with; never where absent.
    pub sync_every: Option<Duration>,
}

/// Serves HTTP until SIGTERM or ctrl-c; `announce` is told the address once it listens.
///
/// # Errors
/// `bad_input` where the address is none; `refused` where it is not loopback; `io` where it is taken.
pub fn serve(service: Arc<Service>, options: &ServeOptions, announce: impl FnOnce(SocketAddr)) -> Result<()> {
    let addr = loopback(&options.addr)?;
    let runtime = runtime()?;
    let syncer: Arc<OnceLock<Syncer>> = Arc::default();
    let syncing = Arc::clone(&syncer);
    let served = runtime.block_on(async move {
        let failed = |error: &std::io::Error| {
            Error::io(format!("cannot listen on {addr}"), error)
                .hint("Choose another port with `jay serve --addr 127.0.0.1:PORT`.")
        };
        let listener = tokio::net::TcpListener::bind(addr).await.map_err(|error| failed(&error))?;
        let bound = listener.local_addr().map_err(|error| failed(&error))?;
        let guard = Guard::new(bound.port(), options.token.as_deref());
        let (routes, close) = router(&service, guard, &options.principal, options.profile);
        // Whoever is told the address may ask this process to stop at once.
        let stop = stop_signal();
        announce(bound);
        if let Some(every) = options.sync_every {
            let _ = syncing.set(Syncer::start(Arc::clone(&service), every)?);
        }
        let (stopping, mut stopped) = tokio::sync::watch::channel(false);
        let graceful = async move {
            stop.await;
            close();
            if let Some(syncer) = syncing.get() {
                syncer.stop();
            }
            // The receiver lives as long as this function.
            let _ = stopping.send(true);
        };
        let serving = axum::serve(listener, routes).with_graceful_shutdown(graceful);
        tokio::select! {
            served = async { serving.await } => served.map_err(|error| Error::io("the server failed", &error)),
            // A client that holds a stream open does not hold the server.
            () = async { let _ = stopped.wait_for(|stop| *stop).await; tokio::time::sleep(GRACE).await } => Ok(()),
        }
    });
    runtime.shutdown_timeout(GRACE);
    if let Some(syncer) = syncer.get() {
        syncer.wait(GRACE);
    }
    served
}

fn loopback(addr: &str) -> Result<SocketAddr> {
    let parsed = addr.replace("localhost", "127.0.0.1").parse::<SocketAddr>().map_err(|_| {
        Error::bad_input(format!("`{}` is not an address", jay_types::text::shorten(addr, 60)))
            .hint("Write one like 127.0.0.1:7717.")
    })?;
    if parsed.ip().is_loopback() {
        return Ok(parsed);
    }
    Err(Error::new(Code::Refused, format!("{parsed} can be reached from other machines"))
        .hint("Serve on 127.0.0.1 and reach it through an SSH tunnel; other addresses need TLS and keys, which this version does not have."))
}

/// Speaks MCP as `actor`, or as the client calls itself, on stdin and stdout until stdin closes, the parent process ends, or SIGTERM.
///
/// # Errors
/// `io` where the runtime cannot start; `bad_input` where what comes is not MCP.
pub fn mcp_stdio(
    service: Arc<Service>,
    profile: Profile,
    namespace: NamespacePath,
    actor: Option<String>,
) -> Result<()> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async move {
        let stop = stop_signal();
        let handler = Mcp::new(service, profile, namespace, actor);
        let (reader, writer) = rmcp::transport::io::stdio_pipes();
        let talk = async {
            let running = match handler.serve(Lines::new(reader, writer)).await {
                Ok(running) => running,
                // A client that closes before it says anything has asked for nothing.
                Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
                // What it says of it quotes the message, and with it what was to be remembered.
                Err(_) => {
                    return Err(Error::bad_input("the client did not begin as MCP does, with `initialize`")
                        .hint("`jay mcp` is started by an MCP client: `claude mcp add jay -- jay mcp`."));
                }
            };
            running.waiting().await.map(|_| ()).map_err(|_| Error::internal("the MCP connection panicked"))
        };
        tokio::select! {
            ended = talk => ended,
            () = parent_gone() => Ok(()),
            () = stop => Ok(()),
        }
    });
    // A read of stdin may still be waiting on a thread; it must not keep the process.
    runtime.shutdown_timeout(Duration::from_millis(500));
    ended
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .map_err(|error| Error::io("cannot start the runtime", &error))
}

/// Calls `told` once this process is asked to stop (SIGTERM, SIGHUP or ctrl-c), from a thread of its own. For a command that
/// stays without being a door.
///
/// # Errors
/// `io` where the thread cannot be started.
pub fn when_stopped(told: impl FnOnce() + Send + 'static) -> Result<()> {
    let failed = |error| Error::io("cannot wait for signals", &error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let stop = {
        let _inside = runtime.enter();
        stop_signal()
    };
    // It is not joined: it ends with the process, or after its one call.
    std::thread::Builder::new()
        .name("jay-signals".to_owned())
        .spawn(move || {
            runtime.block_on(stop);
            told();
        })
        .map_err(failed)?;
    Ok(())
}

/// Resolves on SIGTERM, SIGHUP or ctrl-c: those that come after this was called count, whenever it is waited for. To be called in a
/// runtime.
#[cfg(unix)]
fn stop_signal() -> impl Future<Output = ()> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()].map(signal);
    async move {
        let [Ok(mut terminate), Ok(mut hang_up), Ok(mut interrupt)] = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// Resolves on ctrl-c.
#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Resolves when the process that started this one is no more. stdin tells the same, unless a sibling inherited it.
async fn parent_gone() {
    #[cfg(unix)]
    {
        let parent = std::os::unix::process::parent_id();
        while std::os::unix::process::parent_id() == parent {
            tokio::time::sleep(PARENT_CHECK).await;
        }
    }
    #[cfg(not(unix))]
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_served() {
        assert!(
            loopback("127.0.0.1:0").is_ok() && loopback("localhost:7717").is_ok() && loopback("[::1]:7717").is_ok()
        );
        for (addr, code) in
            [("0.0.0.0:7717", Code::Refused), ("192.168.1.2:80", Code::Refused), ("7717", Code::BadInput)]
        {
            assert_eq!(loopback(addr).unwrap_err().code, code, "{addr}");
        }
    }
}
