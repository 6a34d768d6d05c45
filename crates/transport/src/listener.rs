//! Accepting connections, the same for every transport.

use std::future::Future;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What one worker thread of a server needs.
#[derive(Debug)]
pub struct Worker {
    /// The bound socket, non-blocking; workers share it by duplicates.
    pub listener: StdListener,
    /// Counters shared by all workers.
    pub stats: Arc<Stats>,
    /// Becomes true when the server is to end.
    pub shutdown: watch::Receiver<bool>,
}

/// Counts over all connections of a server.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Of these, connections whose TCP_NODELAY was set and read back as set.
    pub nodelay: AtomicU64,
}

/// Accepts until shutdown, running `serve` for each connection as a task of its own on this thread. On shutdown the
/// connections are dropped.
pub async fn accept<S, F>(worker: Worker, serve: S)
where
    S: Fn(TcpStream) -> F,
    F: Future<Output = ()> + 'static,
{
    let Worker {
        listener,
        stats,
        mut shutdown,
    } = worker;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("pushbench: cannot accept on this worker: {error}");
            return;
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    stats.accepted.fetch_add(1, Ordering::Relaxed);
                    if pushbench_sys::tcp::set_nodelay_checked(&stream).unwrap_or(false) {
                        stats.nodelay.fetch_add(1, Ordering::Relaxed);
                    }
                    connections.spawn_local(serve(stream));
                }
                Err(error) => back_off(&error).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = shutdown.wait_for(|stop| *stop) => return,
        }
    }
}

/// A peer that reset its connection before it was accepted is no reason to stop. Out of file descriptors, accepting
/// again at once would only spin: wait until some are closed.
async fn back_off(error: &std::io::Error) {
    if error.kind() != std::io::ErrorKind::ConnectionAborted {
        eprintln!(
            "pushbench: cannot accept a connection: {error} (see `pushbench doctor` for limits)"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
