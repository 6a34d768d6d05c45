//! The subscriber half: asks, takes the batch, asks again from the last message it holds; at once, or when it is time.
//!
//! The first request asks not to be held: its answer, with messages or empty, shows that the connection works. From
//! then on a cursor makes sure that nothing is lost between polls.

use std::ops::Range;
use std::rc::Rc;

use pushbench_model::{message, theory};

use crate::ascii::push_decimal;
use crate::http1::body::{BodyDecoder, Framing};
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Nonce, Progress, Protocol, Request, SubscribeError};

use super::batch::{BatchSplitter, LastLine};
use super::usual::{KnownHead, KnownPoll};

#[cfg(test)]
mod tests;

/// A polling subscription: one that asks as soon as it has been answered, or `BY_CLOCK` and is not held.
#[derive(Debug)]
pub(crate) struct PollProtocol<const BY_CLOCK: bool> {
    request: Rc<Request>,
    head: HeadReader,
    body: Option<BodyDecoder>,
    batch: BatchSplitter,
    /// Number of the newest message held.
    cursor: u64,
    in_batch: u64,
    closing: bool,
    /// A request is under way.
    asked: bool,
    progress: Progress,
}

/// What the subscriptions of a thread have in common: as all take the same messages, what one sends and is sent is what
/// the last sent and was sent.
#[derive(Debug, Default)]
pub(crate) struct Common {
    head: KnownHead,
    poll: KnownPoll,
}

impl<const BY_CLOCK: bool> PollProtocol<BY_CLOCK> {
    fn ask(&mut self, common: &mut KnownPoll, out: &mut Vec<u8>) {
        let (cursor, request) = (self.cursor, &*self.request);
        let hold_ms = if BY_CLOCK { 0 } else { request.poll_timeout_ms };
        let text = common.text(cursor, |text| poll(request, cursor, hold_ms, text));
        out.extend_from_slice(text);
        self.progress.expected_up += text.len() as u64;
        self.asked = true;
    }

    /// Whether it has what it came for.
    fn is_served(&self) -> bool {
        self.request.once && self.progress.batches > 0
    }

    /// Reads a head; returns how many of `bytes` belong to it once it is complete.
    fn read_head(
        &mut self,
        common: &mut KnownHead,
        bytes: &[u8],
    ) -> Result<Option<usize>, SubscribeError> {
        let Some((head, taken)) = self.head.feed(bytes)? else {
            return Ok(None);
        };
        self.progress.expected_down += head.len as u64;
        if head.is_interim() {
            return Ok(Some(taken));
        }
        // Relays use 204, 304 or 408 for "nothing yet".
        match head.status {
            200 | 204 | 304 | 408 => {}
            status => {
                return Err(SubscribeError::Status {
                    status,
                    expected: "200 or 204",
                });
            }
        }
        self.closing = head.close;
        self.body = Some(BodyDecoder::new(head.framing()));
        if let Framing::Length(length) = head.framing()
            && (head.status, head.close, head.len) == (200, false, taken)
        {
            common.remember(&bytes[..taken], length);
        }
        Ok(Some(taken))
    }

    /// Takes the answer at the start of `bytes` if its head is known and all of it is there; returns its length.
    #[inline]
    fn usual_answer(
        &mut self,
        common: &mut Common,
        bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<Option<usize>, SubscribeError> {
        if !self.head.is_at_start() {
            return Ok(None);
        }
        let Some((start, length)) = common.head.at_start_of(bytes) else {
            return Ok(None);
        };
        let end = usize::try_from(length).ok();
        let end = end.and_then(|length| start.checked_add(length));
        let Some((end, body)) = end.and_then(|end| Some((end, bytes.get(start..end)?))) else {
            return Ok(None);
        };
        self.progress.expected_down += start as u64;
        self.closing = false;
        self.lines(body, deliver)?;
        self.response_done(&mut common.poll, out, deliver)?;
        Ok(Some(end))
    }

    /// Takes a part of a body.
    #[inline]
    fn lines(
        &mut self,
        data: &[u8],
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        let Self {
            request,
            batch,
            cursor,
            in_batch,
            progress,
            ..
        } = self;
        let counted = request.counted;
        batch.feed(data, &mut |message| {
            let line_end = theory::long_poll_response(0, 0, 1);
            *cursor = after(message, *cursor, counted);
            take(message, in_batch, progress, line_end);
            deliver(message);
        })?;
        Ok(())
    }

    fn response_done(
        &mut self,
        common: &mut KnownPoll,
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        let Self {
            request,
            batch,
            cursor,
            in_batch,
            progress,
            ..
        } = self;
        let counted = request.counted;
        batch.finish(LastLine::MayBeOpen, &mut |body| {
            *cursor = after(body, *cursor, counted);
            take(body, in_batch, progress, 0);
            deliver(body);
        })?;
        self.progress.answers += 1;
        if self.in_batch > 0 {
            self.progress.batches += 1;
            self.in_batch = 0;
        }
        self.body = None;
        self.asked = false;
        self.progress.subscribed = true;
        if self.is_served() {
            return Ok(());
        }
        if self.closing {
            return Err(SubscribeError::Ended(
                "after a poll, instead of keeping it alive",
            ));
        }
        if !BY_CLOCK {
            self.ask(common, out);
        }
        Ok(())
    }
}

/// Appends the poll for messages after number `after`; returns where that number stands.
fn poll(request: &Request, after: u64, hold_ms: u64, out: &mut Vec<u8>) -> Range<usize> {
    let Request { host, path, .. } = request;
    let join = if path.contains('?') { "&" } else { "?" };
    for part in ["GET ", path, join, "after="] {
        out.extend_from_slice(part.as_bytes());
    }
    let start = out.len();
    push_decimal(after, out);
    let number = start..out.len();
    out.extend_from_slice(b"&timeout=");
    push_decimal(hold_ms, out);
    for part in [" HTTP/1.1\r\nHost: ", host, "\r\n\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    number
}

/// The cursor of the next poll, of a subscriber that has a message beyond `cursor`.
#[inline]
pub(crate) fn after(body: &[u8], cursor: u64, counted: bool) -> u64 {
    let next = cursor.saturating_add(1);
    if counted {
        return next;
    }
    match message::claimed_seq(body) {
        // As expected. Whether it is intact, the inbox finds out, which shares that work among subscribers.
        Some(seq) if seq == next => next,
        _ => match message::parse(body) {
            Ok(stamp) => cursor.max(stamp.seq),
            // A damaged body is the inbox's to count. It stands where the next message should: a cursor that stayed
            // would ask for it again and again.
            Err(_) => next,
        },
    }
}

/// Notes a message, and the bytes it must have cost.
fn take(body: &[u8], in_batch: &mut u64, progress: &mut Progress, line_end: u64) {
    *in_batch += 1;
    progress.expected_down += body.len() as u64 + line_end;
}

impl<const BY_CLOCK: bool> Protocol for PollProtocol<BY_CLOCK> {
    type Common = Common;

    const BY_CLOCK: bool = BY_CLOCK;

    fn open(request: &Rc<Request>, _nonce: Nonce, out: &mut Vec<u8>) -> Self {
        let mut protocol = Self {
            cursor: request.after.unwrap_or(0),
            request: Rc::clone(request),
            head: HeadReader::default(),
            body: None,
            batch: BatchSplitter::new(MAX_MESSAGE),
            in_batch: 0,
            closing: false,
            asked: true,
            progress: Progress::default(),
        };
        let start = out.len();
        poll(request, protocol.cursor, 0, out);
        protocol.progress.expected_up = (out.len() - start) as u64;
        protocol
    }

    #[inline]
    fn receive(
        &mut self,
        common: &mut Common,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        while !bytes.is_empty() {
            if self.body.is_none() {
                if let Some(taken) = self.usual_answer(common, bytes, out, deliver)? {
                    bytes = &bytes[taken..];
                    continue;
                }
                let Some(taken) = self.read_head(&mut common.head, bytes)? else {
                    return Ok(());
                };
                bytes = &bytes[taken..];
            }
            let Some(mut body) = self.body.take() else {
                continue;
            };
            let taken = body.feed(bytes, &mut |data| self.lines(data, deliver))?;
            bytes = &bytes[taken..];
            let done = body.is_done();
            self.body = Some(body);
            if done {
                self.response_done(&mut common.poll, out, deliver)?;
            }
        }
        Ok(())
    }

    fn tick(&mut self, common: &mut Common, out: &mut Vec<u8>) {
        if !self.asked && !self.is_served() {
            self.ask(&mut common.poll, out);
        }
    }

    fn awaits(&self) -> bool {
        self.asked
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> SubscribeError {
        match self.body.as_mut().map(BodyDecoder::finish) {
            Some(Err(error)) => error.into(),
            Some(Ok(())) | None if BY_CLOCK && !self.asked => {
                SubscribeError::Ended("between two polls")
            }
            Some(Ok(())) | None if BY_CLOCK => SubscribeError::Ended("instead of answering a poll"),
            Some(Ok(())) | None => SubscribeError::Ended("while a poll was held"),
        }
    }
}
