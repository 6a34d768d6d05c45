//! The state of a connection, without its socket: bytes of the client in, bytes for it out.

mod hearing;
mod requests;

use std::mem;

use pushbench_model::scenario::MOST_STREAMS;

use crate::http2::PREFACE;
use crate::http2::frame::{self, FIRST_WINDOW, Frame, FrameError, LARGEST, error, setting};
use crate::http2::head::Heads;
use crate::hub::Lagged;

use super::parcel::Parcel;
use super::site::Site;
use super::stream::{Past, Put, Stream};

/// Bytes that wait to be said, and are no messages, before no more is read of what they answer.
const MOST_OWED: usize = 4 * 1024;
/// The same with the rest of a frame that the socket has not taken.
const MOST_UNSENT: usize = MOST_OWED + LARGEST + 9;

/// The connection cannot go on, for an error of this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault(u32);

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLong(_) | FrameError::Malformed(_) => Self(error::FRAME_SIZE_ERROR),
        }
    }
}

const PROTOCOL: Fault = Fault(error::PROTOCOL_ERROR);
const SIZE: Fault = Fault(error::FRAME_SIZE_ERROR);
const FLOW: Fault = Fault(error::FLOW_CONTROL_ERROR);

/// A head that goes on in the next frame.
#[derive(Debug)]
struct Unfinished {
    stream: u32,
    ends: bool,
    block: Vec<u8>,
    /// Bytes of the frames that it came in.
    cost: usize,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Machine {
    /// Bytes of the preface that have come.
    preface: usize,
    /// The client has sent its settings.
    settled: bool,
    /// The beginning of a frame.
    cut: Vec<u8>,
    heads: Heads,
    unfinished: Option<Unfinished>,
    /// The last stream that was begun.
    last: u32,
    past: Past,
    /// In the order of their numbers.
    streams: Vec<Stream>,
    /// The stream whose turn it is.
    turn: usize,
    /// Bytes that may be sent on the connection.
    window: i64,
    /// What the window of a new stream is.
    first_window: i64,
    /// Bytes of fields that the client lets us refer to.
    table: u32,
    /// It has lowered that, and was not told that we keep to it.
    lowered: bool,
    /// Bytes of the client that it was not allowed to send anew.
    taken: u32,
    /// What the socket has not taken of what it was given.
    unsent: Vec<u8>,
    /// What is to be said besides messages.
    owed: Vec<u8>,
    /// Nothing follows but what is owed.
    over: bool,
    /// A stream waits for a window, or for what the ring has run past.
    waits: bool,
}

/// What a connection waits for its client to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    /// To say what it wants, or the rest of it.
    Head,
    /// To want something again.
    More,
    /// Nothing.
    Nothing,
}

impl Machine {
    /// A connection that was accepted: it begins with our settings.
    pub(super) fn new() -> Self {
        let mut owed = Vec::new();
        let streams = (setting::MAX_CONCURRENT_STREAMS, MOST_STREAMS);
        frame::settings(&[streams], &mut owed);
        Self {
            preface: 0,
            settled: false,
            cut: Vec::new(),
            heads: Heads::default(),
            unfinished: None,
            last: 0,
            past: Past::default(),
            streams: Vec::new(),
            turn: 0,
            window: FIRST_WINDOW.into(),
            first_window: FIRST_WINDOW.into(),
            table: 4096,
            lowered: false,
            taken: 0,
            unsent: Vec::new(),
            owed,
            over: false,
            waits: false,
        }
    }

    /// Whether nothing follows but what is owed.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether something is to go out that is no message.
    pub(super) fn owes(&self) -> bool {
        !(self.unsent.is_empty() && self.owed.is_empty())
    }

    /// Whether so much waits to be said that no more is to be read.
    pub(super) fn is_full(&self) -> bool {
        self.owed.len() > MOST_OWED || self.owed.len() + self.unsent.len() > MOST_UNSENT
    }

    /// Subscriptions on it.
    pub(super) fn subscriptions(&self) -> usize {
        self.streams.len()
    }

    /// Whether, as of the last [`Self::fill`], a stream has to wait for its client.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// What its client is to do, and the last stream that it has begun.
    pub(super) fn awaits(&self) -> (Awaits, u32) {
        let awaits = if self.last == 0 || self.unfinished.is_some() {
            Awaits::Head
        } else if self.streams.is_empty() {
            Awaits::More
        } else {
            Awaits::Nothing
        };
        (awaits, self.last)
    }

    /// Takes leave of the client with an error of this code, or none.
    #[cold]
    pub(super) fn end(&mut self, code: u32) {
        if self.over {
            return;
        }
        self.over = true;
        frame::goaway(self.last, code, &mut self.owed);
        self.streams = Vec::new();
        self.cut = Vec::new();
        self.unfinished = None;
    }

    /// Takes bytes as they were read.
    pub(super) fn receive(&mut self, bytes: &[u8], site: &mut Site, now: u64) {
        if self.over {
            return;
        }
        if let Err(Fault(code)) = self.read(bytes, site, now) {
            self.end(code);
        }
    }

    fn read(&mut self, bytes: &[u8], site: &mut Site, now: u64) -> Result<(), Fault> {
        let mut bytes = self.read_preface(bytes)?;
        // What completes the frame that was cut in two.
        while !self.cut.is_empty() {
            let missing = frame::missing(&self.cut)?;
            if missing == 0 {
                let whole = mem::take(&mut self.cut);
                if let Some((frame, _)) = Frame::split(&whole)? {
                    self.hear(frame, site, now)?;
                }
                break;
            }
            let (piece, rest) = bytes.split_at(missing.min(bytes.len()));
            if piece.is_empty() {
                return Ok(());
            }
            self.cut.extend_from_slice(piece);
            bytes = rest;
        }
        while let Some((frame, rest)) = Frame::split(bytes)? {
            self.hear(frame, site, now)?;
            bytes = rest;
        }
        self.cut.extend_from_slice(bytes);
        Ok(())
    }

    fn read_preface<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let expected = &PREFACE[self.preface..];
        let (start, rest) = bytes.split_at(expected.len().min(bytes.len()));
        if !expected.starts_with(start) {
            return Err(PROTOCOL);
        }
        self.preface += start.len();
        Ok(rest)
    }

    /// Fills `parcel` with what is owed, and with frames of the streams in turn, until it has `most` bytes or a little more.
    pub(super) fn fill(&mut self, site: &Site, parcel: &mut Parcel, most: usize) {
        parcel.begin([&self.unsent, &self.owed]);
        self.waits = false;
        let count = self.streams.len();
        // Streams in a row that had nothing to put in.
        let mut passed = 0;
        let mut index = if self.turn < count { self.turn } else { 0 };
        while passed < count && parcel.bytes.len() < most {
            match self.streams[index].put(index, &mut self.window, site, parcel) {
                Put::Frame => passed = 0,
                Put::Nothing => passed += 1,
                Put::Waits => {
                    self.waits = true;
                    passed += 1;
                }
            }
            index = if index + 1 == count { 0 } else { index + 1 };
        }
        self.turn = index;
    }

    /// After a write of `parcel` that took `sent` bytes: what it has not taken is put back, but for the rest of a frame.
    #[inline]
    pub(super) fn sent(&mut self, parcel: &Parcel, sent: usize) {
        if sent < parcel.bytes.len() {
            return self.cut(parcel, sent);
        }
        if parcel.owed > 0 {
            // What was held is freed.
            (self.unsent, self.owed) = (Vec::new(), Vec::new());
        }
    }

    #[cold]
    fn cut(&mut self, parcel: &Parcel, sent: usize) {
        let mut kept = sent;
        let mut start = parcel.owed;
        for (at, piece) in parcel.pieces.iter().enumerate() {
            if sent <= start {
                self.put_back(&parcel.pieces[at..]);
                break;
            }
            kept = piece.end;
            start = piece.end;
        }
        let kept = kept.max(parcel.owed);
        self.unsent = parcel.bytes[sent..kept.max(sent)].to_vec();
        self.owed = Vec::new();
    }

    /// Streams of which frames were not begun are where they were before.
    fn put_back(&mut self, pieces: &[super::parcel::Piece]) {
        for piece in pieces.iter().rev() {
            let stream = &mut self.streams[piece.stream];
            stream.place = piece.place;
            stream.window += piece.len as i64;
            self.window += piece.len as i64;
            self.turn = piece.stream;
        }
    }

    /// What a subscription lacks that has fallen behind the ring, or the queue of the options.
    pub(super) fn behind(&self, site: &Site) -> Option<Lagged> {
        let (first, next) = (site.feed.first_seq(), site.feed.next_seq());
        let queue = site.common.options.queue as u64;
        let late = self.streams.iter().find(|stream| {
            let from = stream.place.cursor;
            from < first || next.saturating_sub(from.max(stream.live_from)) > queue
        })?;
        Some(Lagged {
            wanted: late.place.cursor,
            oldest: first,
        })
    }
}
