//! The subscriber half: a request by hand, then chunked coding and messages decoded incrementally.

mod coding;
#[cfg(test)]
mod packed_tests;

use std::rc::Rc;

use crate::ascii::push_decimal;
use crate::http1::body::BodyDecoder;
use crate::http1::head::HeadReader;
use crate::subscriber::{Nonce, Progress, Protocol, Request, SubscribeError};

use coding::Coding;
pub(crate) use coding::{Gzip, Identity};

/// Takes the messages out of a stream.
pub(crate) trait Reader: Default {
    /// Type of the response.
    const CONTENT_TYPE: &'static str;
    /// What a connection is said to end of.
    const END: &'static str;

    /// The message, if `chunk` is exactly one and nothing before it is unfinished, in the form that servers of our own
    /// send it. With `None` nothing has changed.
    fn whole<'a>(&mut self, chunk: &'a [u8]) -> Option<&'a [u8]>;

    /// Reads on: every message that `bytes` complete, and what it has cost by formula, without chunked coding.
    fn feed(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8], u64),
    ) -> Result<(), SubscribeError>;
}

/// A subscription to a stream.
#[derive(Debug)]
pub(crate) struct StreamProtocol<R, C = Identity> {
    state: State<R, C>,
    progress: Progress,
}

#[derive(Debug)]
enum State<R, C> {
    Head(HeadReader),
    Stream {
        body: BodyDecoder,
        chunked: bool,
        coding: C,
        messages: R,
    },
}

impl<R: Reader, C: Coding> StreamProtocol<R, C> {
    /// Reads the head; returns how many of `bytes` belong to it once it is complete.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, SubscribeError> {
        let State::Head(reader) = &mut self.state else {
            return Ok(Some(0));
        };
        let Some((head, taken)) = reader.feed(bytes)? else {
            return Ok(None);
        };
        if head.is_interim() {
            self.progress.expected_down += head.len as u64;
            return Ok(Some(taken));
        }
        if head.status != 200 {
            return Err(SubscribeError::Status {
                status: head.status,
                expected: "200",
            });
        }
        let content_type = head.content_type.unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(R::CONTENT_TYPE) {
            let found = content_type.to_owned();
            return Err(SubscribeError::ContentType {
                found,
                expected: R::CONTENT_TYPE,
            });
        }
        C::check(head.content_encoding)?;
        self.progress.subscribed = true;
        self.progress.expected_down += head.len as u64;
        self.state = State::Stream {
            body: BodyDecoder::new(head.framing()),
            chunked: head.chunked,
            coding: C::default(),
            messages: R::default(),
        };
        Ok(Some(taken))
    }
}

impl<R: Reader, C: Coding> Protocol for StreamProtocol<R, C> {
    type Common = C::Room;

    fn open(request: &Rc<Request>, _nonce: Nonce, out: &mut Vec<u8>) -> Self {
        let Request {
            host, path, after, ..
        } = &**request;
        let start = out.len();
        for part in [
            "GET ",
            path,
            " HTTP/1.1\r\nHost: ",
            host,
            "\r\nAccept: ",
            R::CONTENT_TYPE,
            "\r\n",
            C::OFFER,
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(after) = after {
            out.extend_from_slice(b"Last-Event-ID: ");
            push_decimal(*after, out);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Self {
            state: State::Head(HeadReader::default()),
            progress: Progress {
                expected_up: (out.len() - start) as u64,
                ..Progress::default()
            },
        }
    }

    #[inline]
    fn receive(
        &mut self,
        room: &mut C::Room,
        mut bytes: &[u8],
        _out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        while matches!(self.state, State::Head(_)) {
            let Some(taken) = self.head(bytes)? else {
                return Ok(());
            };
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return Ok(());
            }
        }
        let State::Stream {
            body,
            chunked,
            coding,
            messages,
        } = &mut self.state
        else {
            return Ok(());
        };
        let expected_down = &mut self.progress.expected_down;
        coding.read(
            room,
            (body, *chunked),
            messages,
            bytes,
            expected_down,
            deliver,
        )?;
        if body.is_done() {
            return Err(SubscribeError::Ended("after a complete response"));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> SubscribeError {
        match &mut self.state {
            State::Head(_) => SubscribeError::Ended("before it had answered"),
            State::Stream { body, .. } => match body.finish() {
                Ok(()) => SubscribeError::Ended(R::END),
                Err(error) => error.into(),
            },
        }
    }
}
