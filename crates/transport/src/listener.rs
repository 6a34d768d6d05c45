//! Accepting connections, the same for every transport.

use std::future::Future;
use std::io;
use std::net::TcpListener as StdListener;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::tokens::Shelf;
use pushbench_model::tuning::Tuning;
use pushbench_sys::tcp;
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
/// connections are dropped. `tuning` says whether TCP_NODELAY is set, or left as the system gives it; a peer that
/// acknowledges nothing for `dead_after` is let go.
pub async fn accept<S, F>(worker: Worker, tuning: Tuning, dead_after: Option<Duration>, serve: S)
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
                            tcp::set_nodelay_checked(&stream)
                        }
                    };
                    if nodelay.unwrap_or(false) {
                        stats.nodelay.fetch_add(1, Ordering::Relaxed);
                    }
                    let_go_after(&stream, dead_after);
                    connections.spawn_local(serve(stream));
                }
                Err(error) => back_off(&error).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Has the kernel let go of a peer that acknowledges nothing for `dead_after`, if anything.
pub(crate) fn let_go_after(stream: impl AsFd, dead_after: Option<Duration>) {
    if let Some(dead_after) = dead_after
        && let Err(error) = tcp::set_user_timeout(stream, dead_after)
    {
        eprintln!("pushbench: TCP_USER_TIMEOUT cannot be set on a connection: {error}");
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::*;

    /// What the kernel has on a connection that [`accept`] has taken.
    fn accepted(dead_after: Option<Duration>) -> Duration {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stop, shutdown) = watch::channel(false);
        let worker = Worker {
            listener,
            stats: Arc::default(),
            shutdown,
        };
        let found = Rc::new(RefCell::new(None));
        let (keep, stop) = (Rc::clone(&found), Rc::new(stop));
        let serve = move |stream: TcpStream| {
            *keep.borrow_mut() = Some(tcp::user_timeout(&stream).unwrap());
            stop.send_replace(true);
            async {}
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let accepting = accept(worker, Tuning::Fixed, dead_after, serve);
        LocalSet::new().block_on(&runtime, accepting);
        found.take().unwrap()
    }

    #[test]
    fn the_kernel_is_told_how_long_to_wait_for_a_peer() {
        let three = Duration::from_secs(3);
        assert_eq!(accepted(Some(three)), three);
        assert_eq!(accepted(None), Duration::ZERO);
    }
}
