//! Accepting connections, the same for every transport.

use std::future::Future;
use std::io;
use std::net::TcpListener as StdListener;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::tokens::Shelf;
use pushbench_model::tuning::Tuning;
use tokio::io::AsyncWrite as _;
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
    /// Of these, connections whose TCP_NODELAY was read back as set.
    pub nodelay: AtomicU64,
    /// Answers that are made for one client each.
    pub chats: Arc<Shelf>,
}

/// Accepts until shutdown, running `serve` for each connection as a task of its own on this thread. On shutdown the
/// connections are dropped. `tuning` says whether TCP_NODELAY is set, or left as the system gives it.
pub async fn accept<S, F>(worker: Worker, tuning: Tuning, serve: S)
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
    let mut stopped = pin!(shutdown.wait_for(|stop| *stop));
    loop {
        tokio::select! {
            // The end comes first: a crowd of clients at the door must not keep the server from it.
            biased;
            _ = &mut stopped => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    stats.accepted.fetch_add(1, Ordering::Relaxed);
                    let nodelay = match tuning {
                        Tuning::Defaults => stream.nodelay(),
                        Tuning::Equalised | Tuning::Fixed => {
                            pushbench_sys::tcp::set_nodelay_checked(&stream)
                        }
                    };
                    if nodelay.unwrap_or(false) {
                        stats.nodelay.fetch_add(1, Ordering::Relaxed);
                    }
                    connections.spawn_local(serve(stream));
                }
                Err(error) => back_off(&error).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Writes to a socket that nearly always has room: what tokio knows of it is asked for only when it has none.
#[inline]
pub(crate) fn poll_write(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match stream.try_write(bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Pin::new(stream).poll_write(cx, bytes)
        }
        sent => Poll::Ready(sent),
    }
}

/// A peer that reset its connection before it was accepted is no reason to stop. Out of file descriptors, accepting
/// again at once would only spin: wait until some are closed.
async fn back_off(error: &io::Error) {
    if error.kind() != io::ErrorKind::ConnectionAborted {
        eprintln!(
            "pushbench: cannot accept a connection: {error} (see `pushbench doctor` for limits)"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
