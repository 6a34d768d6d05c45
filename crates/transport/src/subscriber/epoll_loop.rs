//! The loop of one thread over all its connections.

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
use super::{
    Happened, Inlet, Nonce, Note, Progress, Protocol, Request, SubscribeError, Subscriber,
};

/// All subscribers of one thread.
///
/// Behind the trait object there is one call per turn of the loop or per connection; inside, all is monomorphic over the
/// transport's [`Protocol`].
pub trait Subscribers {
    /// Makes room for `count` more of them.
    fn reserve(&mut self, count: usize);

    /// Begins a connection to `to`, from the address `from` if one is given, and subscribes as soon as it is
    /// established. Returns the key of the subscriber.
    ///
    /// # Errors
    ///
    /// When the connection fails at once; one that fails later leaves a note.
    fn open(&mut self, to: SocketAddr, from: Option<IpAddr>, nonce: Nonce) -> io::Result<usize>;

    /// As [`Self::open`], for a subscriber that was cut off: `check` knows what it has, and it asks for messages after
    /// `after`. It tells of its first message that is new ([`Happened::Served`]).
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    fn reopen(
        &mut self,
        to: SocketAddr,
        from: Option<IpAddr>,
        nonce: Nonce,
        after: Option<u64>,
        check: SequenceCheck,
    ) -> io::Result<usize>;

    /// Cuts the connection of one off when `bytes` more of it have been read, at once if there are to be none. It leaves a note
    /// ([`SubscribeError::Cut`]), and stays as it is until it is closed.
    fn cut(&mut self, key: usize, bytes: u32);

    /// Waits for something to happen, for `timeout` at most, and handles all that did.
    ///
    /// # Errors
    ///
    /// When waiting is not possible; a connection that fails leaves a note.
    fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// What they share.
    fn inlet(&self) -> &Inlet;

    /// What they share, to be changed.
    fn inlet_mut(&mut self) -> &mut Inlet;

    /// One of them.
    fn get(&self, key: usize) -> Option<(&Subscriber, Progress)>;

    /// Lets those that poll by the clock go on, or has them rest: one that has asked is answered, and no more is asked.
    /// They go on from the start. Without effect on transports that do not.
    fn run_clocks(&mut self, runs: bool);

    /// Whether none of those that poll by the clock awaits an answer.
    fn are_answered(&self) -> bool;

    /// Calls `each` for every one that was not closed, the ended ones too.
    fn for_each(&self, each: &mut dyn FnMut(&Subscriber, Progress));

    /// Closes the connection of one and forgets it; its key is free again.
    fn close(&mut self, key: usize);

    /// As [`Self::close`], by a reset, which leaves no TIME_WAIT behind.
    fn reset(&mut self, key: usize);
}

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
pub struct EpollLoop<P: Protocol> {
    poller: Poller,
    events: Events,
    bell: Option<Arc<Bell>>,
    /// Connections that may hold more than was read of them, and those of the turn before.
    again: Vec<usize>,
    earlier: Vec<usize>,
    crowd: Crowd<P>,
}

/// The connections, apart from what their loop waits with.
struct Crowd<P: Protocol> {
    connections: Vec<Option<Connection<P>>>,
    /// Keys without a connection.
    free: Vec<usize>,
    shared: Shared<P::Common>,
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

struct Connection<P> {
    subscriber: Subscriber,
    protocol: P,
}

impl<P: Protocol> EpollLoop<P> {
    /// A loop without connections, whose subscriptions will ask for `request`. Ringing `bell` ends a wait.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    pub fn new(request: Request, bell: Option<Arc<Bell>>) -> io::Result<Self> {
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

impl<P: Protocol> Subscribers for EpollLoop<P> {
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
        Some((&connection.subscriber, connection.protocol.progress()))
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
            each(&connection.subscriber, connection.protocol.progress());
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

impl<P: Protocol> Crowd<P> {
    fn open(
        &mut self,
        poller: &Poller,
        to: SocketAddr,
        from: Option<IpAddr>,
        nonce: Nonce,
        request: &Rc<Request>,
    ) -> io::Result<(usize, &mut Subscriber)> {
        let mut subscriber = Subscriber::connect(to, from)?;
        subscriber.tells = request.once;
        let out = &mut self.shared.out;
        out.clear();
        let protocol = P::open(request, nonce, out);
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

impl<P: Protocol> Connection<P> {
    /// It is time to ask.
    fn tick(&mut self, shared: &mut Shared<P::Common>, poller: &Poller, key: usize) {
        let Shared {
            common,
            out,
            inlet,
            pace,
            ..
        } = shared;
        let reads = matches!(self.subscriber.stage, Stage::Reading | Stage::Cutting);
        if !reads || self.protocol.awaits() {
            return;
        }
        out.clear();
        self.protocol.tick(common, out);
        if self.protocol.awaits() {
            pace.awaiting += 1;
            // What is left to do, the poller tells.
            let _ = self.answer(out, inlet, pace, poller, key);
        }
    }

    /// It asks no more.
    fn stop_clock(&mut self, pace: &mut Pace, key: usize) {
        if P::BY_CLOCK && self.subscriber.stage != Stage::Ended {
            pace.end(key);
            pace.awaiting -= usize::from(self.protocol.awaits());
        }
    }

    /// Handles what happened: in the steady state that is one read, and what it brought.
    #[inline]
    fn ready(
        &mut self,
        shared: &mut Shared<P::Common>,
        poller: &Poller,
        key: usize,
        flags: EventFlags,
    ) -> Rest {
        self.subscriber.ending |= flags.intersects(ENDING);
        if self.subscriber.stage != Stage::Reading {
            if self.subscriber.stage == Stage::Cutting {
                return self.read_to_the_cut(shared, poller, key);
            }
            if let Some(rest) = self.advance(&mut shared.inlet, &mut shared.pace, poller, key) {
                return rest;
            }
        }
        match self.subscriber.read(&mut shared.buffer) {
            Ok(0) => {
                let ended = self.protocol.end();
                self.end(&mut shared.inlet, &mut shared.pace, poller, key, ended)
            }
            Ok(read) => self.take(shared, poller, key, read),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Rest::None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Rest::More,
            Err(error) => self.end(
                &mut shared.inlet,
                &mut shared.pace,
                poller,
                key,
                error.into(),
            ),
        }
    }

    /// Takes the `read` bytes in the buffer.
    #[inline]
    fn take(
        &mut self,
        shared: &mut Shared<P::Common>,
        poller: &Poller,
        key: usize,
        read: usize,
    ) -> Rest {
        let received = clock::now();
        let Shared {
            common,
            buffer,
            out,
            inlet,
            pace,
            ..
        } = shared;
        let Self {
            subscriber,
            protocol,
        } = self;
        let awaited = P::BY_CLOCK && protocol.awaits();
        inlet.now = received;
        out.clear();
        let (settled, corrupted) = (inlet.inbox.settled(), inlet.inbox.corrupted());
        let (inbox, check) = (&mut inlet.inbox, &mut subscriber.check);
        let result = protocol.receive(common, &buffer[..read], out, &mut |body| {
            inbox.take(body, received, check);
        });
        if !subscriber.subscribed && protocol.progress().subscribed {
            subscriber.subscribed = true;
            inlet.subscribed += 1;
        }
        if awaited && !protocol.awaits() {
            pace.awaiting -= 1;
        }
        if let Err(error) = result {
            return self.end(inlet, pace, poller, key, error);
        }
        if subscriber.tells && inlet.inbox.settled() > settled {
            subscriber.tells = false;
            let corrupted = inlet.inbox.corrupted() - corrupted;
            inlet.notes.push(Note {
                key,
                happened: Happened::Served {
                    received,
                    corrupted,
                },
            });
        }
        if !out.is_empty()
            && let Some(rest) = self.answer(out, inlet, pace, poller, key)
        {
            return rest;
        }
        // A short read has emptied the socket, but for an end that was announced before it.
        if read == buffer.len() || self.subscriber.ending {
            Rest::More
        } else {
            Rest::None
        }
    }

    /// Sends what a message asked for. Returns what is left to do if that is not to read on.
    fn answer(
        &mut self,
        out: &[u8],
        inlet: &mut Inlet,
        pace: &mut Pace,
        poller: &Poller,
        key: usize,
    ) -> Option<Rest> {
        let sent = match self.subscriber.send(out) {
            Ok(sent) if sent == out.len() => return None,
            Ok(sent) => sent,
            Err(error) => return Some(self.end(inlet, pace, poller, key, error.into())),
        };
        self.subscriber.unsent.extend_from_slice(&out[sent..]);
        self.subscriber.stage = Stage::Writing;
        // If there is room again by now, this tells.
        let watched = poller.modify(self.subscriber.stream(), key as u64, READING_AND_WRITING);
        Some(match watched {
            Ok(()) => Rest::None,
            Err(error) => self.end(inlet, pace, poller, key, error.into()),
        })
    }

    /// Goes on with a connection that is not to be read yet. Returns what is left to do if it still is not.
    #[cold]
    fn advance(
        &mut self,
        inlet: &mut Inlet,
        pace: &mut Pace,
        poller: &Poller,
        key: usize,
    ) -> Option<Rest> {
        match self.subscriber.stage {
            Stage::Ended => return Some(Rest::None),
            Stage::Connecting => {
                if let Err(error) = self.subscriber.established() {
                    inlet.unconnected += 1;
                    inlet.notes.push(Note {
                        key,
                        happened: Happened::Unconnected(error),
                    });
                    return Some(Rest::Gone);
                }
            }
            Stage::Reading | Stage::Writing | Stage::Cutting => {}
        }
        let unsent = mem::take(&mut self.subscriber.unsent);
        match self.subscriber.send(&unsent) {
            Ok(sent) if sent == unsent.len() => {
                self.subscriber.stage = Stage::Reading;
                None
            }
            Ok(sent) => {
                self.subscriber.unsent.extend_from_slice(&unsent[sent..]);
                self.subscriber.stage = Stage::Writing;
                Some(Rest::None)
            }
            Err(error) => Some(self.end(inlet, pace, poller, key, error.into())),
        }
    }

    /// Reads it no further.
    #[cold]
    fn end(
        &mut self,
        inlet: &mut Inlet,
        pace: &mut Pace,
        poller: &Poller,
        key: usize,
        error: SubscribeError,
    ) -> Rest {
        self.stop_clock(pace, key);
        // A watch that cannot be ended tells of nothing that would be listened to.
        let _ = poller.remove(self.subscriber.stream());
        self.subscriber.stage = Stage::Ended;
        self.subscriber.unsent = Vec::new();
        inlet.ended += 1;
        inlet.refused += u64::from(!self.subscriber.subscribed);
        inlet.notes.push(Note {
            key,
            happened: Happened::Ended(error),
        });
        Rest::None
    }
}
