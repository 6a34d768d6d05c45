//! Accepting: as many connections as there are file descriptors, and no spinning when there are no more.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pushbench_sys::poller::{EventFlags, Poller};
use pushbench_sys::tcp;

use super::Worker;
use crate::listener::let_go_after;

/// Connections accepted between two looks at everybody else, at most.
const AT_ONCE: usize = 64;
/// How long a worker without file descriptors waits for others to close some, nanoseconds. It looks at once when one of
/// its own connections has closed.
const PAUSE_NS: u64 = 100_000_000;

/// The listener of a worker.
pub(crate) struct Door {
    token: u64,
    interest: EventFlags,
    /// Connections to be accepted before the next look at everybody else: twice as many every time, as long as there are so many.
    /// Looking in vain for a second one behind each would cost as much as accepting it.
    at_once: usize,
    /// Closed until then, nanoseconds.
    closed_until: Option<u64>,
    /// How long a peer may acknowledge nothing.
    dead_after: Option<Duration>,
}

impl Door {
    /// Opens the door; its events carry `token`.
    pub(crate) fn new(
        poller: &Poller,
        worker: &Worker,
        token: u64,
        dead_after: Option<Duration>,
    ) -> io::Result<Self> {
        // Several workers with one file table need not all be woken for a connection. With tables of their own they
        // must: whoever has room takes it.
        let interest = if worker.shares_the_door {
            EventFlags::IN
        } else {
            EventFlags::IN | EventFlags::EXCLUSIVE
        };
        // Those that are accepted have it from here (tcp(7)).
        tcp::set_nodelay_checked(&*worker.listener)?;
        poller.add(&*worker.listener, token, interest)?;
        Ok(Self {
            token,
            interest,
            at_once: 1,
            closed_until: None,
            dead_after,
        })
    }

    /// Nobody has knocked since the last look at everybody.
    #[inline]
    pub(crate) fn is_quiet(&mut self) {
        self.at_once = 1;
    }

    /// Hands on who is waiting, up to a number.
    pub(crate) fn accept(
        &mut self,
        poller: &Poller,
        worker: &Worker,
        now: u64,
        mut take: impl FnMut(TcpStream),
    ) {
        if self.closed_until.is_some() {
            return;
        }
        for _ in 0..self.at_once {
            match tcp::accept(&*worker.listener) {
                Ok(stream) => {
                    worker.stats.accepted.fetch_add(1, Ordering::Relaxed);
                    if tcp::nodelay_checked(&stream).unwrap_or(false) {
                        worker.stats.nodelay.fetch_add(1, Ordering::Relaxed);
                    }
                    let_go_after(&stream, self.dead_after);
                    take(stream);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return self.is_quiet(),
                    // A peer that reset its connection before it was accepted is no reason to stop.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    _ => return self.close(poller, worker, now, &error),
                },
            }
        }
        self.at_once = AT_ONCE.min(self.at_once * 2);
    }

    #[cold]
    fn close(&mut self, poller: &Poller, worker: &Worker, now: u64, error: &io::Error) {
        // Where others have room there is nothing to complain of.
        if !worker.shares_the_door {
            eprintln!(
                "pushbench: cannot accept a connection: {error} (see `pushbench doctor` for limits)"
            );
        }
        if poller.remove(&*worker.listener).is_ok() {
            self.closed_until = Some(now + PAUSE_NS);
        }
    }

    /// When it is to be opened again, if it is closed.
    pub(crate) fn reopens(&self) -> Option<u64> {
        self.closed_until
    }

    /// Opens it again if it is closed: there is room, or may be.
    pub(crate) fn reopen(&mut self, poller: &Poller, worker: &Worker) {
        if self.closed_until.is_some()
            && poller
                .add(&*worker.listener, self.token, self.interest)
                .is_ok()
        {
            self.closed_until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use pushbench_sys::poller::Bell;
    use tokio::sync::watch;

    use super::*;

    fn worker() -> Worker {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Worker {
            listener: Arc::new(listener),
            stats: Arc::default(),
            shutdown: watch::channel(false).1,
            bell: Arc::new(Bell::new().unwrap()),
            shares_the_door: false,
        }
    }

    fn call(worker: &Worker, clients: usize) -> Vec<TcpStream> {
        let address = worker.listener.local_addr().unwrap();
        let calls = (0..clients).map(|_| TcpStream::connect(address).unwrap());
        calls.collect()
    }

    #[test]
    fn the_kernel_is_told_how_long_to_wait_for_a_peer() {
        for dead_after in [Some(Duration::from_secs(3)), None] {
            let worker = worker();
            let client = call(&worker, 1);
            let poller = Poller::new().unwrap();
            let mut door = Door::new(&poller, &worker, 1, dead_after).unwrap();
            let mut found = Vec::new();
            door.accept(&poller, &worker, 0, |stream| {
                found.push(tcp::user_timeout(&stream).unwrap());
            });
            assert_eq!(found, [dead_after.unwrap_or_default()]);
            drop(client);
        }
    }

    #[test]
    fn more_are_accepted_at_once_as_long_as_there_are_more() {
        let worker = worker();
        let poller = Poller::new().unwrap();
        let mut door = Door::new(&poller, &worker, 1, None).unwrap();
        // No more than wait at a listener of the standard library.
        let clients = call(&worker, 120);
        let taken = |door: &mut Door| {
            let mut taken = 0;
            door.accept(&poller, &worker, 0, |stream| {
                assert!(stream.nodelay().unwrap());
                taken += 1;
            });
            taken
        };
        let crowd: Vec<u32> = (0..7).map(|_| taken(&mut door)).collect();
        // The last of them finds fewer than it could take, and who comes then is probably alone.
        assert_eq!(crowd, [1, 2, 4, 8, 16, 32, 57]);
        let few = call(&worker, 4);
        assert_eq!([taken(&mut door), taken(&mut door)], [1, 2]);
        door.is_quiet();
        assert_eq!([taken(&mut door), taken(&mut door)], [1, 0]);
        drop((clients, few));
        let stats = &worker.stats;
        let counted = [&stats.accepted, &stats.nodelay].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counted, [124, 124]);
    }
}
