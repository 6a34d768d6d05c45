//! A place among the connections: one attempt after the other.

use std::io;
use std::net::{IpAddr, TcpStream};
use std::rc::Rc;

use pushbench_model::drive::FaultKind;
use pushbench_sys::clock;
use pushbench_sys::poller::EventFlags;
use pushbench_sys::tcp::begin_connect;

use crate::drive::link::{Broken, Link};
use crate::drive::place::Place;
use crate::drive::speech::{Ask, Resume, Sink, Speech, Stop};
use crate::drive::tally::{Tally, Track, record};
use crate::drive::tls::Security;

/// A place.
pub(super) struct Slot {
    place: Rc<Place>,
    connection: Option<Box<Connection>>,
    /// Which address of the place is tried.
    address: usize,
    /// Redirects since the last attempt at the place itself.
    redirects: u32,
    pub(super) resume: Resume,
    settled: bool,
    /// The next connection belongs to the attempt of the last one: a redirect, another address, the next poll.
    pub(super) goes_on: bool,
    /// Number of the present attempt.
    pub(super) attempt: u32,
    /// Attempts that failed in a row.
    pub(super) failures: u32,
    pub(super) track: Track,
}

struct Connection {
    link: Link,
    speech: Speech,
    stage: Stage,
    /// What is sent as soon as it can be.
    first: Vec<u8>,
    asked: u64,
    heard: bool,
    subscribed: bool,
    /// The server has said so itself: a long-poll that waits is a subscription before its first answer.
    accepted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Securing,
    Speaking,
}

/// What is to be done after a look at a connection.
pub(super) enum Step {
    Goes,
    Stops(Stop),
}

/// What a look at a connection came to.
pub(super) struct Seen {
    pub(super) step: Step,
    /// When bytes were read, if any were, CLOCK_MONOTONIC nanoseconds.
    pub(super) read_at: Option<u64>,
    /// Bytes read from the socket.
    pub(super) read: u64,
    /// The connection has become a subscription.
    pub(super) has_subscribed: bool,
    /// Whether it has something to write from now on, if that has changed.
    pub(super) turns_to_writing: Option<bool>,
}

/// Errors of reading on their way out.
enum Out {
    Broken(Broken),
    Stop(Stop),
}

impl From<Broken> for Out {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// What arrives at one connection goes to the worker's tally.
struct Mouth<'a> {
    tally: &'a mut Tally,
    track: &'a mut Track,
    now: u64,
    subscribed: &'a mut bool,
    accepted: &'a mut bool,
}

impl Sink for Mouth<'_> {
    fn message(&mut self, body: &[u8]) -> Option<u64> {
        self.tally.message(body, self.now, self.track)
    }

    fn nothing(&mut self, count: u64) {
        self.tally.messages.without_data += count;
    }

    fn subscribed(&mut self) {
        *self.subscribed = true;
        *self.accepted = true;
    }
}

impl Slot {
    pub(super) fn new(place: Rc<Place>, resume: Resume) -> Self {
        Self {
            place,
            connection: None,
            address: 0,
            redirects: 0,
            resume,
            settled: false,
            goes_on: false,
            attempt: 0,
            failures: 0,
            track: Track::default(),
        }
    }

    /// Begins an attempt.
    pub(super) fn begin(
        &mut self,
        transport: &str,
        ask: &Rc<Ask>,
        source: Option<IpAddr>,
        nonce: [u8; 16],
        security: Option<&Security>,
        now: u64,
    ) -> Result<(), Stop> {
        self.attempt = self.attempt.wrapping_add(1);
        self.track.began = now;
        self.track.fresh = 0;
        let address = self.place.addresses[self.address.min(self.place.addresses.len() - 1)];
        let source = source.filter(|_| address.ip().is_loopback() && address.is_ipv4());
        let refused = |error: io::Error| {
            Stop::Fault(
                FaultKind::Connect,
                format!("cannot connect to {address}: {error}"),
            )
        };
        let begun = begin_connect(address, source).map_err(refused)?;
        let link = Link::new(begun.stream, &self.place, security)
            .map_err(|broken| fault(broken, false))?;
        let mut first = Vec::new();
        let speech = Speech::open(transport, ask, &self.place, &self.resume, nonce, &mut first);
        self.connection = Some(Box::new(Connection {
            link,
            speech,
            stage: Stage::Connecting,
            first,
            asked: 0,
            heard: false,
            subscribed: false,
            accepted: false,
        }));
        Ok(())
    }

    pub(super) fn stream(&self) -> Option<&TcpStream> {
        self.connection
            .as_ref()
            .map(|connection| connection.link.stream())
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.subscribed)
    }

    /// Whether the server itself has accepted the subscription.
    pub(super) fn is_accepted(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.accepted)
    }

    /// Bytes of the present connection, down and up.
    pub(super) fn bytes(&self) -> Option<(u64, u64)> {
        self.connection
            .as_ref()
            .map(|connection| (connection.link.down, connection.link.up))
    }

    /// What has not come yet, in words.
    pub(super) fn waiting_for(&self) -> &'static str {
        match self
            .connection
            .as_ref()
            .map(|connection| (connection.stage, connection.heard))
        {
            Some((Stage::Connecting, _)) | None => "a connection",
            Some((Stage::Securing, _)) => "the end of the TLS handshake",
            Some((Stage::Speaking, false)) => "an answer",
            Some((Stage::Speaking, true)) => "the end of the answer's head",
        }
    }

    /// Whether this is the first time that an attempt has come to something.
    pub(super) fn settle(&mut self) -> bool {
        !std::mem::replace(&mut self.settled, true)
    }

    /// Handles what happened to the connection.
    #[inline]
    pub(super) fn ready(
        &mut self,
        flags: EventFlags,
        buffer: &mut [u8],
        out: &mut Vec<u8>,
        tally: &mut Tally,
    ) -> Seen {
        let mut seen = Seen {
            step: Step::Goes,
            read_at: None,
            read: 0,
            has_subscribed: false,
            turns_to_writing: None,
        };
        let Some(connection) = &mut self.connection else {
            return seen;
        };
        let (was_subscribed, was_writing) = (connection.subscribed, connection.wants_write());
        let before = connection.link.down;
        let track = &mut self.track;
        let done = connection.ready(flags, buffer, out, tally, track, &mut seen.read_at);
        if let Err(how) = done {
            seen.step = Step::Stops(connection.last_word(how, out, tally, track));
        }
        let is_writing = connection.wants_write();
        seen.turns_to_writing = (is_writing != was_writing).then_some(is_writing);
        seen.has_subscribed = connection.subscribed && !was_subscribed;
        seen.read = connection.link.down - before;
        seen
    }

    /// Forgets the connection and keeps what the next one needs.
    pub(super) fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let newest = self.track.check.as_ref();
            self.resume.after = newest.map(|check| check.next().saturating_sub(1));
            connection.speech.resume(&mut self.resume);
        }
    }

    /// Goes where a redirect leads.
    pub(super) fn redirect(
        &mut self,
        status: u16,
        location: &str,
        most: u32,
    ) -> Result<(), String> {
        if self.redirects >= most {
            return Err(match most {
                0 => format!(
                    "the server answered {status} and redirects to {location}; --max-redirects follows it"
                ),
                _ => format!("more than {most} redirects, the last one to {location}"),
            });
        }
        let place = self
            .place
            .follow(location)
            .map_err(|error| format!("a redirect: {error}"))?;
        if place.tls != self.place.tls && !place.tls {
            return Err(format!(
                "a redirect from https to {}, which is not followed",
                place.shown
            ));
        }
        self.redirects += 1;
        self.address = 0;
        self.place = Rc::new(place);
        Ok(())
    }

    /// Whether the place has an address that was not tried.
    pub(super) fn next_address(&mut self) -> bool {
        self.address += 1;
        let there = self.address < self.place.addresses.len();
        if !there {
            self.address = 0;
        }
        there
    }

    /// The next attempt goes to `place`, whatever the last one was redirected to.
    pub(super) fn go_back(&mut self, place: &Rc<Place>) {
        self.redirects = 0;
        self.place = Rc::clone(place);
    }
}

impl Connection {
    fn wants_write(&self) -> bool {
        self.stage == Stage::Connecting || self.link.wants_write()
    }

    /// Ends the conversation; how it came to that.
    #[cold]
    fn last_word(&mut self, how: Out, out: &[u8], tally: &mut Tally, track: &mut Track) -> Stop {
        match how {
            Out::Stop(stop) => {
                // Such as the answer to a close frame.
                let _ = self.link.send(out);
                stop
            }
            Out::Broken(Broken::Ended) if self.stage == Stage::Speaking => {
                let mut mouth = Mouth {
                    tally,
                    track,
                    now: clock::now(),
                    subscribed: &mut self.subscribed,
                    accepted: &mut self.accepted,
                };
                self.speech.end(&mut mouth)
            }
            Out::Broken(broken) => fault(broken, self.subscribed),
        }
    }

    fn ready(
        &mut self,
        flags: EventFlags,
        buffer: &mut [u8],
        out: &mut Vec<u8>,
        tally: &mut Tally,
        track: &mut Track,
        read_at: &mut Option<u64>,
    ) -> Result<(), Out> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.link.stream().take_error().map_err(Broken::from)? {
                let text = format!("cannot connect: {error}");
                return Err(Out::Stop(Stop::Fault(FaultKind::Connect, text)));
            }
            if !flags.intersects(EventFlags::OUT) {
                return Ok(());
            }
            self.stage = Stage::Securing;
        }
        if flags.intersects(EventFlags::OUT) || self.stage == Stage::Securing {
            self.link.flush()?;
        }
        let Self {
            link,
            speech,
            stage,
            first,
            asked,
            heard,
            subscribed,
            accepted,
        } = self;
        if *stage == Stage::Securing && !link.is_secured() {
            // Nothing but the handshake can come.
            link.read::<Out>(buffer, &mut |_| Ok(()))?;
        }
        if *stage == Stage::Securing {
            if !link.is_secured() {
                return Ok(());
            }
            *stage = Stage::Speaking;
            record(&mut tally.connect, clock::now().saturating_sub(track.began));
            link.send(first)?;
            *asked = clock::now();
            *first = Vec::new();
            *subscribed = matches!(speech, Speech::Poll(_));
        }
        if !flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
        {
            return Ok(());
        }
        let read = link.read::<Out>(buffer, &mut |bytes| {
            let now = *read_at.get_or_insert_with(clock::now);
            if !*heard {
                *heard = true;
                record(&mut tally.first_byte, now.saturating_sub(*asked));
            }
            let mut mouth = Mouth {
                tally,
                track,
                now,
                subscribed,
                accepted,
            };
            speech.receive(bytes, out, &mut mouth).map_err(Out::Stop)
        });
        if read.is_ok() && !out.is_empty() {
            link.send(out)?;
            out.clear();
        }
        read
    }
}

fn fault(broken: Broken, subscribed: bool) -> Stop {
    match broken {
        Broken::Tls(why) => Stop::Fault(
            FaultKind::Tls,
            format!("TLS failed: {why} (--cacert names whom to trust, --insecure trusts anybody)"),
        ),
        Broken::Ended => Stop::Fault(
            FaultKind::Tls,
            "the connection ended during the TLS handshake".into(),
        ),
        Broken::Io(io::ErrorKind::ConnectionReset, _) if subscribed => {
            Stop::Fault(FaultKind::Ended, "the connection was reset".into())
        }
        Broken::Io(_, why) if subscribed => {
            Stop::Fault(FaultKind::Ended, format!("the connection failed: {why}"))
        }
        Broken::Io(_, why) => {
            Stop::Fault(FaultKind::Connect, format!("the connection failed: {why}"))
        }
    }
}
