//! Answers on the stack `bare`: connections that a worker's loop has handed over, because what they are sent is theirs
//! alone. Same thread, same epoll instance; a place, a timer and an end of their own.

mod guest;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::sync::Arc;

use pushbench_sys::poller::{EventFlags, Poller};
use pushbench_sys::timer::Timer;
use pushbench_sys::{clock, tcp};

use super::Shelf;
use super::http::Framing;
use crate::bare::Common;

use guest::Guest;

/// Room for one read.
const READ: usize = 64 * 1024;
/// Bytes that wait to be sent to a client before no more tokens are made for it.
const MAX_OWED: usize = 64 * 1024;
const MS: u64 = 1_000_000;

/// How a transport asks and answers.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// A request for each answer.
    Http(Framing),
    /// A request for each answer, and others that fetch it.
    Fetched,
    /// Messages on one connection.
    WebSocket,
}

impl Manner {
    /// Whether a request that begins with `bytes` is for here.
    #[inline]
    pub(crate) fn is_meant(self, bytes: &[u8]) -> bool {
        match self {
            Self::Http(_) => bytes.starts_with(b"POST /chat "),
            Self::Fetched => {
                let openings: [&[u8]; 3] = [b"GET /chat/", b"POST /chat ", b"DELETE /chat/"];
                openings.iter().any(|opening| bytes.starts_with(opening))
            }
            Self::WebSocket => bytes.starts_with(b"GET /chat "),
        }
    }
}

/// The connections of a worker that get answers of their own.
pub(crate) struct Parlour {
    manner: Manner,
    shelf: Arc<Shelf>,
    common: Common,
    /// How long the head of a request is waited for, nanoseconds.
    head_ns: u64,
    /// Set when somebody is here.
    timer: Option<Timer>,
    /// What the timer is set to; `u64::MAX` when it is not.
    armed: u64,
    /// Who is due when: the time, the seat, and how often it was taken before.
    due: BinaryHeap<Reverse<(u64, u32, u32)>>,
    seats: Vec<Seat>,
    free: Vec<u32>,
    /// Made when somebody is here.
    buffer: Box<[u8]>,
}

#[derive(Default)]
struct Seat {
    taken: u32,
    visit: Option<Visit>,
}

struct Visit {
    stream: TcpStream,
    guest: Guest,
    /// The socket takes no more at present.
    blocked: bool,
    /// What is in the heap for it: when it has something to say, and when it is looked after. Entries with other times are
    /// of the past.
    scheduled: u64,
    checked: u64,
}

/// A connection is over.
#[derive(Clone, Copy)]
struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Self {
        // A client that goes away is not an error of the server.
        Self
    }
}

impl Parlour {
    pub(crate) fn new(manner: Manner, shelf: Arc<Shelf>, common: Common) -> Self {
        Self {
            manner,
            shelf,
            head_ns: common.options.header_timeout_ms.saturating_mul(MS),
            common,
            timer: None,
            armed: u64::MAX,
            due: BinaryHeap::new(),
            seats: Vec::new(),
            free: Vec::new(),
            buffer: Box::default(),
        }
    }

    /// Takes a connection over from the loop that `poller` watches it for, with the bytes that it has sent. From here on its
    /// events carry `mark` and a number, and those of the timers `timers`. Whether it is over at once.
    pub(crate) fn admit(
        &mut self,
        poller: &Poller,
        (mark, timers): (u64, u64),
        stream: TcpStream,
        bytes: &[u8],
    ) -> io::Result<bool> {
        if self.timer.is_none() {
            let timer = Timer::new()?;
            poller.add(&timer, timers, EventFlags::IN | EventFlags::ET)?;
            self.timer = Some(timer);
            self.buffer = vec![0; READ].into_boxed_slice();
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.seats.push(Seat::default());
            (self.seats.len() - 1) as u32
        });
        let seat = &mut self.seats[index as usize];
        seat.taken = (seat.taken + 1) & 0x3fff_ffff;
        let token = mark | u64::from(seat.taken) << 32 | u64::from(index);
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        poller.modify(&stream, token, interest)?;
        seat.visit = Some(Visit {
            stream,
            guest: Guest::new(self.manner, bytes, clock::now()),
            blocked: false,
            scheduled: u64::MAX,
            checked: u64::MAX,
        });
        Ok(self.ready(token))
    }

    /// Something happened to the connection of `token`; whether one is over.
    pub(crate) fn ready(&mut self, token: u64) -> bool {
        let index = token as u32;
        let taken = (token >> 32) as u32 & 0x3fff_ffff;
        let here = |seat: &&mut Seat| seat.taken == taken;
        let Some(visit) = self
            .seats
            .get_mut(index as usize)
            .filter(here)
            .and_then(|seat| seat.visit.as_mut())
        else {
            return false;
        };
        visit.blocked = false;
        let read = loop {
            match tcp::receive(&visit.stream, &mut self.buffer) {
                Ok(0) => break Err(Gone),
                Ok(count) => visit.guest.take(&self.buffer[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break Ok(()),
                    ErrorKind::Interrupted => {}
                    _ => break Err(Gone),
                },
            }
            if visit.guest.holds_too_much() {
                break Err(Gone);
            }
        };
        let done = read.and_then(|()| self.attend(index));
        let over = self.after(index, done);
        self.set();
        over
    }

    /// A timer is due; whether a connection is over.
    pub(crate) fn tick(&mut self) -> bool {
        // Watched for edges, it need not be silenced: when it is set anew, what it had to say is forgotten.
        self.armed = u64::MAX;
        let now = clock::now();
        let mut over = false;
        while let Some(&Reverse((due, index, taken))) = self.due.peek() {
            if due > now {
                break;
            }
            self.due.pop();
            let seat = &mut self.seats[index as usize];
            if seat.taken != taken {
                continue;
            }
            if let Some(visit) = &mut seat.visit {
                if due == visit.scheduled {
                    visit.scheduled = u64::MAX;
                } else if due == visit.checked {
                    visit.checked = u64::MAX;
                } else {
                    continue;
                }
                let done = self.attend(index);
                over |= self.after(index, done);
            }
        }
        self.set();
        over
    }

    /// Says what there is to say, as far as the socket takes it.
    fn attend(&mut self, index: u32) -> Result<(), Gone> {
        let seat = &mut self.seats[index as usize];
        let Some(visit) = &mut seat.visit else {
            return Ok(());
        };
        let now = loop {
            let now = clock::now();
            visit.guest.hear(&self.shelf, &mut self.common, now);
            visit
                .guest
                .speak(&self.shelf, &mut self.common, now, MAX_OWED);
            flush(visit)?;
            if visit.guest.is_done() && visit.guest.owed.is_empty() {
                return Err(Gone);
            }
            // What is behind an answer may be the next request.
            let goes_on = match visit.guest.due() {
                Some(due) => due <= clock::now(),
                None => visit.guest.has_more(),
            };
            if visit.blocked || !goes_on {
                break now;
            }
        };
        let mut enter = |due| self.due.push(Reverse((due, index, seat.taken)));
        if let Some(due) = visit.guest.due().filter(|_| !visit.blocked)
            && due < visit.scheduled
        {
            visit.scheduled = due;
            enter(due);
        }
        // A deadline that is put off stays in the heap, and is looked up when it comes up.
        if let Some(deadline) = visit.guest.deadline(self.head_ns) {
            if deadline <= now {
                return Err(Gone);
            }
            if deadline < visit.checked {
                visit.checked = deadline;
                enter(deadline);
            }
        }
        Ok(())
    }

    fn after(&mut self, index: u32, done: Result<(), Gone>) -> bool {
        if done.is_err() {
            self.seats[index as usize].visit = None;
            self.free.push(index);
        }
        done.is_err()
    }

    /// Sets the timer, if somebody is due before what it is set to.
    fn set(&mut self) {
        if let (Some(timer), Some(&Reverse((first, ..)))) = (&self.timer, self.due.peek())
            && first < self.armed
        {
            self.armed = first;
            if let Err(error) = timer.set(first) {
                eprintln!("pushbench: a timer cannot be set: {error}");
            }
        }
    }
}

fn flush(visit: &mut Visit) -> Result<(), Gone> {
    let owed = &mut visit.guest.owed;
    let mut sent = 0;
    while sent < owed.len() && !visit.blocked {
        match tcp::send(&visit.stream, &owed[sent..]) {
            Ok(count) => sent += count,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => visit.blocked = true,
                ErrorKind::Interrupted => {}
                _ => return Err(Gone),
            },
        }
    }
    owed.drain(..sent);
    Ok(())
}
