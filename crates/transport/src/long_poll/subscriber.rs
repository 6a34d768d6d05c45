//! The subscriber half: asks, takes the batch, asks again from the last message it holds.
//!
//! The first request asks not to be held: its answer, with messages or empty, shows that the connection works. From
//! then on a cursor makes sure that nothing is lost between polls.

use pushbench_model::{message, theory};

use crate::http1::body::BodyDecoder;
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Progress, Protocol, Request, SubscribeError};

use super::batch::{BatchSplitter, LastLine};

/// A long-polling subscription.
#[derive(Debug)]
pub(super) struct PollProtocol {
    request: Request,
    head: HeadReader,
    body: Option<BodyDecoder>,
    batch: BatchSplitter,
    /// Number of the newest message held.
    cursor: u64,
    in_batch: u64,
    closing: bool,
    progress: Progress,
}

impl PollProtocol {
    pub(super) fn new(request: Request) -> Self {
        Self {
            cursor: request.after.unwrap_or(0),
            request,
            head: HeadReader::default(),
            body: None,
            batch: BatchSplitter::new(MAX_MESSAGE),
            in_batch: 0,
            closing: false,
            progress: Progress::default(),
        }
    }

    fn ask(&mut self, hold_ms: u64, out: &mut Vec<u8>) {
        let Request { host, path, .. } = &self.request;
        let join = if path.contains('?') { '&' } else { '?' };
        let cursor = self.cursor;
        let text = format!(
            "GET {path}{join}after={cursor}&timeout={hold_ms} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        );
        out.extend_from_slice(text.as_bytes());
        self.progress.expected_up += text.len() as u64;
    }

    fn read_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, SubscribeError> {
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
        Ok(Some(taken))
    }

    fn response_done(
        &mut self,
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
        self.body = None;
        self.progress.subscribed = true;
        if self.closing {
            return Err(SubscribeError::Ended(
                "after a poll, instead of keeping it alive",
            ));
        }
        self.ask(self.request.poll_timeout_ms, out);
        Ok(())
    }
}

/// Notes a message: the cursor of the next poll, and the bytes it must have cost.
fn take(body: &[u8], cursor: &mut u64, in_batch: &mut u64, progress: &mut Progress, line_end: u64) {
    // Damaged bodies are the inbox's to count; the cursor then moves with the next intact one.
    if let Ok(stamp) = message::parse(body) {
        *cursor = (*cursor).max(stamp.seq);
    }
    *in_batch += 1;
    progress.expected_down += body.len() as u64 + line_end;
}

impl Protocol for PollProtocol {
    fn open(&mut self, out: &mut Vec<u8>) {
        self.ask(0, out);
    }

    fn receive(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        while !bytes.is_empty() {
            if self.body.is_none() {
                let Some(taken) = self.read_head(bytes)? else {
                    return Ok(());
                };
                bytes = &bytes[taken..];
            }
            let Self {
                body: Some(body),
                batch,
                cursor,
                in_batch,
                progress,
                ..
            } = self
            else {
                continue;
            };
            let taken = body.feed::<SubscribeError>(bytes, &mut |data| {
                batch.feed(data, &mut |message| {
                    take(
                        message,
                        cursor,
                        in_batch,
                        progress,
                        theory::long_poll_response(0, 0, 1),
                    );
                    deliver(message);
                })?;
                Ok(())
            })?;
            bytes = &bytes[taken..];
            if body.is_done() {
                self.response_done(out, deliver)?;
            }
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> Result<(), SubscribeError> {
        if let Some(body) = &mut self.body {
            body.finish()?;
        }
        Err(SubscribeError::Ended("while a poll was held"))
    }
}
