//! The subscriber half: asks, takes the batch, asks again from the last message it holds.
//!
//! The first request asks not to be held: its answer, with messages or empty, shows that the connection works. From
//! then on a cursor makes sure that nothing is lost between polls.

use std::rc::Rc;

use pushbench_model::{message, theory};

use crate::http1::body::{BodyDecoder, Framing};
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Nonce, Progress, Protocol, Request, SubscribeError};

use super::batch::{BatchSplitter, LastLine};
use super::usual::{KnownHead, KnownPoll};

/// A long-polling subscription.
#[derive(Debug)]
pub(super) struct PollProtocol {
    request: Rc<Request>,
    head: HeadReader,
    body: Option<BodyDecoder>,
    batch: BatchSplitter,
    /// Number of the newest message held.
    cursor: u64,
    in_batch: u64,
    closing: bool,
    progress: Progress,
}

/// What the subscriptions of a thread have in common: as all take the same messages, what one sends and is sent is what
/// the last sent and was sent.
#[derive(Debug, Default)]
pub(super) struct Common {
    head: KnownHead,
    poll: KnownPoll,
}

impl PollProtocol {
    fn ask(&mut self, hold_ms: u64, common: &mut KnownPoll, out: &mut Vec<u8>) {
        let (cursor, request) = (self.cursor, &*self.request);
        let text = common.text(cursor, hold_ms, |text| poll(request, cursor, hold_ms, text));
        out.extend_from_slice(text);
        self.progress.expected_up += text.len() as u64;
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
            batch,
            cursor,
            in_batch,
            progress,
            ..
        } = self;
        batch.feed(data, &mut |message| {
            let line_end = theory::long_poll_response(0, 0, 1);
            take(message, cursor, in_batch, progress, line_end);
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
            batch,
            cursor,
            in_batch,
            progress,
            ..
        } = self;
        batch.finish(LastLine::MayBeOpen, &mut |body| {
            take(body, cursor, in_batch, progress, 0);
            deliver(body);
        })?;
        if self.in_batch > 0 {
            self.progress.batches += 1;
            self.in_batch = 0;
        }
        let served = self.progress.batches > 0;
        self.body = None;
        self.progress.subscribed = true;
        if self.request.once && served {
            return Ok(());
        }
        if self.closing {
            return Err(SubscribeError::Ended(
                "after a poll, instead of keeping it alive",
            ));
        }
        self.ask(self.request.poll_timeout_ms, common, out);
        Ok(())
    }
}

/// Appends the poll for messages after number `after`.
fn poll(request: &Request, after: u64, hold_ms: u64, out: &mut Vec<u8>) {
    let Request { host, path, .. } = request;
    let join = if path.contains('?') { "&" } else { "?" };
    for part in ["GET ", path, join, "after="] {
        out.extend_from_slice(part.as_bytes());
    }
    push_decimal(after, out);
    out.extend_from_slice(b"&timeout=");
    push_decimal(hold_ms, out);
    for part in [" HTTP/1.1\r\nHost: ", host, "\r\n\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Appends a number, at a fraction of what the general formatting of text costs: a poll is half of a delivery.
fn push_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Notes a message: the cursor of the next poll, and the bytes it must have cost.
fn take(body: &[u8], cursor: &mut u64, in_batch: &mut u64, progress: &mut Progress, line_end: u64) {
    let next = cursor.saturating_add(1);
    *cursor = match message::claimed_seq(body) {
        // As expected. Whether it is intact, the inbox finds out, which shares that work among subscribers.
        Some(seq) if seq == next => next,
        _ => match message::parse(body) {
            Ok(stamp) => (*cursor).max(stamp.seq),
            // A damaged body is the inbox's to count. It stands where the next message should: a cursor that stayed
            // would ask for it again and again.
            Err(_) => next,
        },
    };
    *in_batch += 1;
    progress.expected_down += body.len() as u64 + line_end;
}

impl Protocol for PollProtocol {
    type Common = Common;

    fn open(request: &Rc<Request>, _nonce: Nonce, out: &mut Vec<u8>) -> Self {
        let mut protocol = Self {
            cursor: request.after.unwrap_or(0),
            request: Rc::clone(request),
            head: HeadReader::default(),
            body: None,
            batch: BatchSplitter::new(MAX_MESSAGE),
            in_batch: 0,
            closing: false,
            progress: Progress::default(),
        };
        protocol.ask(0, &mut KnownPoll::default(), out);
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

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> SubscribeError {
        match self.body.as_mut().map(BodyDecoder::finish) {
            Some(Err(error)) => error.into(),
            Some(Ok(())) | None => SubscribeError::Ended("while a poll was held"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use pushbench_model::message::{Stamp, encode_text};

    use super::*;
    use crate::pieces::{Received, cuts, receive, soup};

    fn whole(stream: &[u8]) -> Received {
        receive::<PollProtocol>("/poll", [stream])
    }

    fn body(seq: u64) -> Vec<u8> {
        let stamp = Stamp {
            seq,
            intended: 1,
            published: 2,
        };
        let mut out = Vec::new();
        encode_text(stamp, "data", &mut out);
        out
    }

    /// An answer with these lines; without any it is 204.
    fn answer(lines: &[Vec<u8>]) -> Vec<u8> {
        if lines.is_empty() {
            return b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
        }
        let body: Vec<u8> = lines
            .iter()
            .flat_map(|line| [&line[..], b"\n"].concat())
            .collect();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.into_bytes(), body].concat()
    }

    fn asked(sent: &[u8]) -> Vec<String> {
        let text = std::str::from_utf8(sent).unwrap();
        text.split("\r\n\r\n")
            .filter_map(|request| Some(request.split(' ').nth(1)?.to_owned()))
            .collect()
    }

    #[test]
    fn every_poll_continues_the_last() {
        let stream = [
            answer(&[]),
            answer(&[body(1)]),
            answer(&[body(2), body(3)]),
            b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
            answer(&[]),
        ]
        .concat();
        let got = whole(&stream);
        assert_eq!(got.messages, [body(1), body(2), body(3)]);
        assert_eq!(
            asked(&got.sent),
            [
                "/poll?after=0&timeout=0",
                "/poll?after=0&timeout=20000",
                "/poll?after=1&timeout=20000",
                "/poll?after=3&timeout=20000",
                "/poll?after=3&timeout=20000",
            ]
        );
        assert!(got.progress.subscribed);
        assert_eq!(got.progress.batches, 2);
        assert_eq!(got.progress.expected_down, stream.len() as u64);
        assert_eq!(got.progress.expected_up, got.sent.len() as u64);
        assert_eq!(
            got.ended,
            "the server ended the connection while a poll was held"
        );
    }

    /// Otherwise a message that the server keeps damaged would be fetched for ever.
    #[test]
    fn a_damaged_message_is_not_asked_for_again() {
        let mut damaged = body(2);
        let last = damaged.len() - 3;
        damaged[last] ^= 1;
        let stream = [
            answer(&[body(1), damaged.clone()]),
            answer(&[damaged]),
            answer(&[body(4)]),
        ];
        let got = whole(&stream.concat());
        let cursors = asked(&got.sent);
        let cursors: Vec<_> = cursors.iter().map(|url| &url[..13]).collect();
        assert_eq!(
            cursors,
            [
                "/poll?after=0",
                "/poll?after=2",
                "/poll?after=3",
                "/poll?after=4"
            ]
        );
    }

    #[test]
    fn numbers_are_as_they_are_usually_written() {
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut out = Vec::new();
            push_decimal(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (stream, expected) in [
            (
                "HTTP/1.1 500 Oops\r\n\r\n",
                "the server answered 500, expected 200 or 204",
            ),
            (
                "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
                "the server ended the connection after a poll, instead of keeping it alive",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}\n",
                "http body: the connection ended 6 bytes before the end of the body",
            ),
        ] {
            assert_eq!(whole(stream.as_bytes()).ended, expected);
        }
    }

    const TOKENS: &[&[u8]] = &[
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\n{}\n\r\n0\r\n\r\n",
        b"{}\n",
        b"x",
    ];

    proptest! {
        #[test]
        fn any_cut_is_received_the_same(batches in vec(0..4_u64, 0..5), cuts in cuts()) {
            let mut seq = 0;
            let mut stream = Vec::new();
            for size in batches {
                let lines: Vec<_> = (0..size).map(|at| body(seq + 1 + at)).collect();
                seq += size;
                stream.extend(answer(&lines));
            }
            prop_assert_eq!(whole(&stream), receive::<PollProtocol>("/poll", cuts.of(&stream)));
        }

        #[test]
        fn any_cut_of_garbage_is_received_the_same(stream in soup(TOKENS), cuts in cuts()) {
            prop_assert_eq!(whole(&stream), receive::<PollProtocol>("/poll", cuts.of(&stream)));
        }
    }
}
