//! The loop of one thread over all its connections.

mod aside;
mod connection;
mod cutting;

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pushbench_model::sequence::SequenceCheck;
use pushbench_sys::clock;
use pushbench_sys::poller::{Bell, EventFlags, Events, Poller};

use super::connection::Stage;
use super::pace::Pace;
use super::{Cover, Inlet, Nonce, Progress, Protocol, Request, Subscriber, Subscribers};
use connection::Connection;

/// Bytes read at once; a socket rarely holds more, and one buffer serves all connections of a thread.
const READ_BUFFER: usize = 64 * 1024;

/// What a connection is watched for: each change once, so that the kernel need not look at it again at every wait.
const READING: EventFlags = EventFlags::IN
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);
const READING_AND_WRITING: EventFlags = READING.union(EventFlags::OUT);

/// These say that the peer has ended its side or the connection.
const ENDING: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

/// Token of the bell; connections have theirs from 0 on.
const BELL: u64 = u64::MAX;

/// Subscribers of one transport.
pub(crate) struct EpollLoop<P: Protocol, C: Cover> {
    poller: Poller,
    events: Events,
    bell: Option<Arc<Bell>>,
    /// Connections that may hold more than was read of them, and those of the turn before.
    again: Vec<usize>,
    earlier: Vec<usize>,
    crowd: Crowd<P, C>,
}

/// The connections, apart from what their loop waits with.
struct Crowd<P: Protocol, C: Cover> {
    connections: Vec<Option<Connection<P, C>>>,
    /// Keys without a connection.
    free: Vec<usize>,
    shared: Shared<P::Common>,
    trust: C::Trust,
}

/// What all connections use in turn.
struct Shared<C> {
    common: C,
    request: Rc<Request>,
    buffer: Box<[u8]>,
    out: Vec<u8>,
    inlet: Inlet,
    pace: Pace,
}

impl<P: Protocol, C: Cover> EpollLoop<P, C> {
    /// A loop without connections, whose subscriptions will ask for `request`, of whom `trust` allows. Ringing `bell` ends a wait.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    pub(super) fn new(
        request: Request,
        trust: C::Trust,
        bell: Option<Arc<Bell>>,
    ) -> io::Result<Self> {
        let poller = Poller::new()?;
        if let Some(bell) = &bell {
            poller.add(&**bell, BELL, EventFlags::IN)?;
        }
        Ok(Self {
            poller,
            events: Events::default(),
            bell,
            again: Vec::new(),
            earlier: Vec::new(),
            crowd: Crowd {
                trust,
                connections: Vec::new(),
                free: Vec::new(),
                shared: Shared {
                    pace: Pace::new(request.poll_period_ms),
                    common: P::Common::default(),
                    request: Rc::new(request),
                    buffer: vec![0; READ_BUFFER].into_boxed_slice(),
                    out: Vec::new(),
                    inlet: Inlet::default(),
                },
            },
        })
    }
}

impl<P: Protocol, C: Cover> Subscribers for EpollLoop<P, C> {
    fn reserve(&mut self, count: usize) {
        self.crowd.connections.reserve_exact(count);
    }

    fn open(&mut self, to: SocketAddr, from: Option<IpAddr>, nonce: Nonce) -> io::Result<usize> {
        let request = Rc::clone(&self.crowd.shared.request);
        self.crowd
            .open(&self.poller, to, from, nonce, &request)
            .map(|(key, _)| key)
    }

    fn reopen(
        &mut self,
        to: SocketAddr,
        from: Option<IpAddr>,
        nonce: Nonce,
        after: Option<u64>,
        check: SequenceCheck,
    ) -> io::Result<usize> {
        let request = Rc::new(Request {
            after,
            ..(*self.crowd.shared.request).clone()
        });
        let (key, subscriber) = self.crowd.open(&self.poller, to, from, nonce, &request)?;
        subscriber.check = check;
        subscriber.tells = true;
        Ok(key)
    }

    fn cut(&mut self, key: usize, bytes: u32) {
        self.crowd.cut(&self.poller, key, bytes);
    }

    fn set_aside(&mut self, key: usize) -> io::Result<bool> {
        self.crowd.set_aside(&self.poller, key)
    }

    fn sip(&mut self, key: usize, most: usize) -> usize {
        self.crowd.sip(&self.poller, key, most)
    }

    fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let Self {
            poller,
            events,
            bell,
            again,
            earlier,
            crowd,
        } = self;
        let before = crowd.shared.inlet.now;
        let timeout = if again.is_empty() {
            crowd.shared.timeout(timeout)
        } else {
            Some(Duration::ZERO)
        };
        mem::swap(again, earlier);
        for (token, flags) in poller.wait(events, timeout)? {
            if token == BELL {
                // Whoever rang it looks for what is to be done after every turn.
                let _ = bell.as_ref().is_some_and(|bell| bell.heard());
            } else if crowd.ready(poller, token as usize, flags) == Rest::More {
                again.push(token as usize);
            }
        }
        for key in earlier.drain(..) {
            if crowd.ready(poller, key, EventFlags::IN) == Rest::More {
                again.push(key);
            }
        }
        if crowd.shared.inlet.now == before {
            crowd.shared.inlet.now = clock::now();
        }
        if P::BY_CLOCK {
            crowd.tick(poller);
        }
        Ok(())
    }

    fn inlet(&self) -> &Inlet {
        &self.crowd.shared.inlet
    }

    fn inlet_mut(&mut self) -> &mut Inlet {
        &mut self.crowd.shared.inlet
    }

    fn get(&self, key: usize) -> Option<(&Subscriber, Progress)> {
        let connection = self.crowd.connections.get(key)?.as_ref()?;
        Some((&connection.subscriber, connection.progress()))
    }

    fn run_clocks(&mut self, runs: bool) {
        let Shared { pace, inlet, .. } = &mut self.crowd.shared;
        pace.run(runs, inlet.now);
    }

    fn are_answered(&self) -> bool {
        self.crowd.shared.pace.awaiting == 0
    }

    fn for_each(&self, each: &mut dyn FnMut(&Subscriber, Progress)) {
        for connection in self.crowd.connections.iter().flatten() {
            each(&connection.subscriber, connection.progress());
        }
    }

    fn close(&mut self, key: usize) {
        self.crowd.close(key);
    }

    fn reset(&mut self, key: usize) {
        if let Some((subscriber, _)) = self.get(key) {
            subscriber.reset_at_close();
        }
        self.crowd.close(key);
    }
}

/// What is left to do for a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing until something happens.
    None,
    /// It may hold more than was read of it.
    More,
    /// It was never established: forget it.
    Gone,
}

impl<P: Protocol, C: Cover> Crowd<P, C> {
    fn open(
        &mut self,
        poller: &Poller,
        to: SocketAddr,
        from: Option<IpAddr>,
        nonce: Nonce,
        request: &Rc<Request>,
    ) -> io::Result<(usize, &mut Subscriber)> {
        let mut subscriber = Subscriber::connect(to, from, request.streams as usize)?;
        subscriber.tells = request.tells;
        let out = &mut self.shared.out;
        out.clear();
        let protocol = P::open(request, nonce, out);
        let mut cover = C::begin(&self.trust)?;
        cover.seal(out, &mut self.shared.inlet.tls)?;
        let established = subscriber.stage == Stage::Reading;
        let sent = if established {
            subscriber.send(out)?
        } else {
            0
        };
        if sent < out.len() {
            subscriber.unsent.extend_from_slice(&out[sent..]);
            if established {
                subscriber.stage = Stage::Writing;
            }
        }
        let interest = if subscriber.stage == Stage::Reading {
            READING
        } else {
            READING_AND_WRITING
        };
        let key = self.free.last().copied().unwrap_or(self.connections.len());
        poller.add(subscriber.stream(), key as u64, interest)?;
        if P::BY_CLOCK {
            let pace = &mut self.shared.pace;
            pace.start(key, clock::now(), &nonce);
            pace.awaiting += usize::from(protocol.awaits());
        }
        if self.free.pop().is_none() {
            self.connections.push(None);
        }
        let connection = self.connections[key].insert(Connection {
            subscriber,
            protocol,
            cover,
        });
        Ok((key, &mut connection.subscriber))
    }

    /// Closing its socket also ends its watch.
    fn close(&mut self, key: usize) {
        let place = self.connections.get_mut(key);
        if let Some(mut connection) = place.and_then(Option::take) {
            connection.stop_clock(&mut self.shared.pace, key);
            self.free.push(key);
        }
    }

    /// Has those ask whose time has come.
    fn tick(&mut self, poller: &Poller) {
        let now = self.shared.inlet.now;
        while let Some(key) = self.shared.pace.expire(now) {
            if let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) {
                connection.tick(&mut self.shared, poller, key);
            }
        }
    }

    #[inline]
    fn ready(&mut self, poller: &Poller, key: usize, flags: EventFlags) -> Rest {
        // One that was closed may still be named among those to be read again.
        let Some(connection) = self.connections.get_mut(key).and_then(Option::as_mut) else {
            return Rest::None;
        };
        let rest = connection.ready(&mut self.shared, poller, key, flags);
        if rest == Rest::Gone {
            self.close(key);
        }
        rest
    }
}

impl<C> Shared<C> {
    /// How long to wait until somebody asks, `timeout` at most.
    fn timeout(&self, timeout: Option<Duration>) -> Option<Duration> {
        let Some(due) = self.pace.next() else {
            return timeout;
        };
        let left = Duration::from_nanos(due.saturating_sub(clock::now()));
        Some(timeout.map_or(left, |timeout| timeout.min(left)))
    }
}
