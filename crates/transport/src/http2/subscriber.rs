//! The subscriber half: many subscriptions to a stream of messages that share one connection.
//!
//! Only whole frames are looked at; what a read has cut in two waits for the rest. The windows are so large, and opened again so
//! early, that a server is held up by the path alone.

use std::rc::Rc;

use pushbench_model::theory;
use pushbench_model::theory::http2::{FRAME, WINDOW_UPDATE};

use super::PREFACE;
use super::frame::{
    self, FIRST_WINDOW, Frame, FrameError, LARGEST, WIDEST_WINDOW, flag, kind, setting,
};
use super::head::{self, HeadError, Heads, field, name};
use crate::ascii::push_decimal;
use crate::stream::subscriber::Reader;
use crate::subscriber::{Nonce, Progress, Protocol, Request, SubscribeError};

/// Bytes that a server may send ahead of what was read, on each stream and on the connection.
const WINDOW: u32 = 16 << 20;

/// Bytes read after which a server is told that it may send as many more.
const OPENED_AFTER: u32 = WINDOW / 2;

/// Why a connection that subscriptions share is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Http2Error {
    /// The server answers in HTTP/1.1.
    #[error(
        "the server speaks HTTP/1.1, and not HTTP/2 by prior knowledge (ours does with serve --http2)"
    )]
    Http1,
    /// No frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// No head.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Fewer streams than are wanted.
    #[error(
        "http/2: the server takes {most} streams on a connection, and there are to be {wanted}"
    )]
    TooFew {
        /// What it takes.
        most: u32,
        /// What is wanted.
        wanted: usize,
    },
    /// It ended a stream.
    #[error("http/2: the server ended stream {stream} with the error {code}")]
    Reset {
        /// Which, by its number on the wire.
        stream: u32,
        /// RFC 9113 §7.
        code: u32,
    },
    /// It takes leave.
    #[error("http/2: the server ended the connection with the error {0}")]
    Away(u32),
    /// Something that has no place in the protocol.
    #[error("http/2: {0}")]
    Unexpected(&'static str),
}

/// Subscriptions on the streams of one connection.
#[derive(Debug)]
pub(crate) struct Shared<R> {
    streams: Vec<Stream<R>>,
    /// The beginning of a frame.
    cut: Vec<u8>,
    heads: Heads,
    /// A head that goes on in the next frame, and the number of its stream.
    unfinished: Option<(u32, Vec<u8>)>,
    /// Bytes read since the server was last told that it may send more.
    read: u32,
    answered: usize,
    progress: Progress,
}

#[derive(Debug, Default)]
struct Stream<R> {
    messages: R,
    answered: bool,
    read: u32,
}

/// The number on the wire of the subscription `index`: those that clients begin are odd (RFC 9113 §5.1.1).
fn number(index: usize) -> u32 {
    2 * index as u32 + 1
}

/// What is to be said of `error` in `bytes`: those of HTTP/1.1 are a frame that is far too long.
fn told(error: FrameError, bytes: &[u8]) -> Http2Error {
    match error {
        FrameError::TooLong(_) if bytes.starts_with(b"HTTP/1.") => Http2Error::Http1,
        error => error.into(),
    }
}

impl<R: Reader> Shared<R> {
    /// The subscription whose stream is `number`.
    fn index(&self, number: u32) -> Result<usize, Http2Error> {
        let index = (number / 2) as usize;
        let there = number % 2 == 1 && index < self.streams.len();
        there.then_some(index).ok_or(Http2Error::Unexpected(
            "something on a stream that was not begun",
        ))
    }

    /// Reads on in a frame.
    fn frame(
        &mut self,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(usize, &[u8]),
    ) -> Result<(), SubscribeError> {
        if self.unfinished.is_some() && frame.kind != kind::CONTINUATION {
            return Err(Http2Error::Unexpected("something in the middle of a head").into());
        }
        if frame.kind == kind::DATA {
            return self.data(frame, out, deliver);
        }
        self.progress.expected_down += frame.len() as u64;
        self.other(frame, out)
    }

    #[inline]
    fn data(
        &mut self,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(usize, &[u8]),
    ) -> Result<(), SubscribeError> {
        let index = self.index(frame.stream)?;
        let content = frame.plain().map_err(Http2Error::from)?;
        let stream = &mut self.streams[index];
        if !stream.answered {
            return Err(Http2Error::Unexpected("content without a head").into());
        }
        let expected = &mut self.progress.expected_down;
        if let Some(message) = stream.messages.whole(content) {
            *expected += theory::http2::data(content.len() as u64, LARGEST as u64);
            deliver(index, message);
        } else {
            // Where a long message is cut, windows have a say in, too: heads enter as they came.
            *expected += FRAME;
            stream.messages.feed(content, &mut |message, bytes| {
                *expected += bytes;
                deliver(index, message);
            })?;
        }
        let read = frame.content.len() as u32;
        let mut open = |read_so_far: &mut u32, number| {
            *read_so_far += read;
            if *read_so_far >= OPENED_AFTER {
                frame::window_update(number, std::mem::take(read_so_far), out);
                self.progress.expected_up += WINDOW_UPDATE;
            }
        };
        open(&mut self.read, 0);
        open(&mut stream.read, frame.stream);
        if frame.flags & flag::END_STREAM != 0 {
            return Err(SubscribeError::Ended("after a complete response"));
        }
        Ok(())
    }

    /// Everything but content, which is rare.
    #[cold]
    fn other(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) -> Result<(), SubscribeError> {
        match frame.kind {
            kind::SETTINGS if frame.flags & flag::ACK == 0 => self.settings(frame, out)?,
            kind::HEADERS => {
                self.index(frame.stream)?;
                let block = frame.plain().map_err(Http2Error::from)?;
                self.block(frame.stream, frame.flags, block)?;
            }
            kind::CONTINUATION => {
                let (number, mut block) = self
                    .unfinished
                    .take()
                    .filter(|(number, _)| *number == frame.stream)
                    .ok_or(Http2Error::Unexpected("more of a head that was not begun"))?;
                block.extend_from_slice(frame.content);
                if block.len() > head::LONGEST {
                    return Err(Http2Error::from(HeadError::TooLong).into());
                }
                let flags = frame.flags & !flag::END_STREAM;
                self.block(number, flags, &block)?;
            }
            kind::PING if frame.flags & flag::ACK == 0 => {
                if frame.content.len() != 8 {
                    return Err(Http2Error::from(FrameError::Malformed(kind::PING)).into());
                }
                let before = out.len();
                frame::frame(kind::PING, flag::ACK, 0, frame.content, out);
                self.progress.expected_up += (out.len() - before) as u64;
            }
            kind::RST_STREAM => {
                return Err(Http2Error::Reset {
                    stream: frame.stream,
                    code: frame.number().map_err(Http2Error::from)?,
                }
                .into());
            }
            kind::GOAWAY => {
                let code = frame.content.get(4..).and_then(<[u8]>::first_chunk::<4>);
                let code = code.ok_or(Http2Error::from(FrameError::Malformed(kind::GOAWAY)))?;
                let code = u32::from_be_bytes(*code);
                let last = frame.number().map_err(Http2Error::from)? & WIDEST_WINDOW;
                // What was begun goes on where it only takes no more (RFC 9113 §6.8).
                if code != 0 || last < number(self.streams.len() - 1) {
                    return Err(Http2Error::Away(code).into());
                }
            }
            kind::PUSH_PROMISE => {
                return Err(Http2Error::Unexpected("a push, which was forbidden").into());
            }
            _ => {}
        }
        Ok(())
    }

    fn settings(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) -> Result<(), Http2Error> {
        let (settings, rest) = frame.content.as_chunks::<6>();
        if !rest.is_empty() || frame.stream != 0 {
            return Err(FrameError::Malformed(kind::SETTINGS).into());
        }
        for &[a, b, value @ ..] in settings {
            let most = u32::from_be_bytes(value);
            let wanted = self.streams.len();
            if u16::from_be_bytes([a, b]) == setting::MAX_CONCURRENT_STREAMS
                && (most as usize) < wanted
            {
                return Err(Http2Error::TooFew { most, wanted });
            }
        }
        let before = out.len();
        frame::frame(kind::SETTINGS, flag::ACK, 0, &[], out);
        self.progress.expected_up += (out.len() - before) as u64;
        Ok(())
    }

    /// A head, or the beginning of one.
    fn block(&mut self, number: u32, flags: u8, block: &[u8]) -> Result<(), SubscribeError> {
        if flags & flag::END_HEADERS == 0 {
            self.unfinished = Some((number, block.to_vec()));
            return Ok(());
        }
        let index = self.index(number)?;
        let (mut status, mut content_type) = (0, String::new());
        let read = self.heads.read(block, &mut |name, value| match name {
            b":status" => {
                let text = std::str::from_utf8(value).unwrap_or_default();
                status = text.parse().unwrap_or(0);
            }
            b"content-type" => content_type = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        });
        read.map_err(Http2Error::from)?;
        let stream = &mut self.streams[index];
        let ends = flags & flag::END_STREAM != 0;
        if stream.answered {
            // Fields behind the content.
            return Err(SubscribeError::Ended("after a complete response"));
        }
        if (100..200).contains(&status) && !ends {
            return Ok(());
        }
        if status != 200 {
            let expected = "200";
            return Err(SubscribeError::Status { status, expected });
        }
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(R::CONTENT_TYPE) {
            return Err(SubscribeError::ContentType {
                found: content_type,
                expected: R::CONTENT_TYPE,
            });
        }
        if ends {
            return Err(SubscribeError::Ended("after a complete response"));
        }
        stream.answered = true;
        self.answered += 1;
        self.progress.subscribed = self.answered == self.streams.len();
        Ok(())
    }

    /// Takes what completes the frame that was cut in two. Returns it, if it is whole now, and the rest.
    fn complete<'a>(
        &mut self,
        mut bytes: &'a [u8],
    ) -> Result<(Option<Vec<u8>>, &'a [u8]), Http2Error> {
        while !self.cut.is_empty() {
            let missing = frame::missing(&self.cut).map_err(|error| told(error, &self.cut))?;
            if missing == 0 {
                return Ok((Some(std::mem::take(&mut self.cut)), bytes));
            }
            let (piece, rest) = bytes.split_at(missing.min(bytes.len()));
            if piece.is_empty() {
                return Ok((None, bytes));
            }
            self.cut.extend_from_slice(piece);
            bytes = rest;
        }
        Ok((None, bytes))
    }
}

impl<R: Reader> Protocol for Shared<R> {
    type Common = ();

    fn open(request: &Rc<Request>, _nonce: Nonce, out: &mut Vec<u8>) -> Self {
        let Request {
            host,
            path,
            after,
            streams,
            ..
        } = &**request;
        let start = out.len();
        out.extend_from_slice(PREFACE);
        frame::settings(
            &[
                (setting::ENABLE_PUSH, 0),
                (setting::INITIAL_WINDOW_SIZE, WINDOW),
            ],
            out,
        );
        frame::window_update(0, WINDOW - FIRST_WINDOW, out);
        let mut block = vec![field::GET, field::HTTP];
        head::literal(name::AUTHORITY, host.as_bytes(), &mut block);
        head::literal(name::PATH, path.as_bytes(), &mut block);
        head::literal(name::ACCEPT, R::CONTENT_TYPE.as_bytes(), &mut block);
        if let Some(after) = after {
            let mut digits = Vec::new();
            push_decimal(*after, &mut digits);
            head::named(b"last-event-id", &digits, &mut block);
        }
        let streams = (*streams).max(1) as usize;
        let flags = flag::END_STREAM | flag::END_HEADERS;
        for index in 0..streams {
            frame::frame(kind::HEADERS, flags, number(index), &block, out);
        }
        Self {
            streams: (0..streams).map(|_| Stream::default()).collect(),
            cut: Vec::new(),
            heads: Heads::default(),
            unfinished: None,
            read: 0,
            answered: 0,
            progress: Progress {
                expected_up: (out.len() - start) as u64,
                ..Progress::default()
            },
        }
    }

    fn receive(
        &mut self,
        common: &mut (),
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        self.receive_shared(common, bytes, out, &mut |_, body| deliver(body))
    }

    #[inline]
    fn receive_shared(
        &mut self,
        (): &mut (),
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(usize, &[u8]),
    ) -> Result<(), SubscribeError> {
        let (whole, mut rest) = self.complete(bytes)?;
        if let Some(whole) = &whole
            && let Some((frame, _)) = Frame::split(whole).map_err(|error| told(error, whole))?
        {
            self.frame(frame, out, deliver)?;
        }
        if !self.cut.is_empty() {
            return Ok(());
        }
        while let Some((frame, behind)) = Frame::split(rest).map_err(|error| told(error, rest))? {
            self.frame(frame, out, deliver)?;
            rest = behind;
        }
        if let Some(mut room) = whole {
            // The memory is used again.
            room.clear();
            self.cut = room;
        }
        self.cut.extend_from_slice(rest);
        Ok(())
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> SubscribeError {
        if self.cut.starts_with(b"HTTP") {
            return Http2Error::Http1.into();
        }
        if self.answered < self.streams.len() {
            return SubscribeError::Ended("before it had answered");
        }
        SubscribeError::Ended(R::END)
    }
}

#[cfg(test)]
mod tests;
