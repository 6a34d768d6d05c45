//! The subscriber half: a request by hand, then chunked coding and event stream decoded incrementally.

use pushbench_model::theory;

use crate::http1::body::BodyDecoder;
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Progress, Protocol, Request, SubscribeError};

use super::decode::Decoder;

/// An SSE subscription.
#[derive(Debug)]
pub(super) struct SseProtocol {
    request: Request,
    state: State,
    progress: Progress,
}

#[derive(Debug)]
enum State {
    Head(HeadReader),
    Stream {
        body: BodyDecoder,
        chunked: bool,
        events: Decoder,
    },
}

impl SseProtocol {
    pub(super) fn new(request: Request) -> Self {
        Self {
            request,
            state: State::Head(HeadReader::default()),
            progress: Progress::default(),
        }
    }

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
        if !essence.eq_ignore_ascii_case("text/event-stream") {
            let found = content_type.to_owned();
            return Err(SubscribeError::ContentType {
                found,
                expected: "text/event-stream",
            });
        }
        self.progress.subscribed = true;
        self.progress.expected_down += head.len as u64;
        self.state = State::Stream {
            body: BodyDecoder::new(head.framing()),
            chunked: head.chunked,
            events: Decoder::new(MAX_MESSAGE),
        };
        Ok(Some(taken))
    }
}

impl Protocol for SseProtocol {
    fn open(&mut self, out: &mut Vec<u8>) {
        let Request {
            host, path, after, ..
        } = &self.request;
        let mut text =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n");
        if let Some(after) = after {
            text.push_str(&format!("Last-Event-ID: {after}\r\n"));
        }
        text.push_str("\r\n");
        out.extend_from_slice(text.as_bytes());
        self.progress.expected_up += text.len() as u64;
    }

    #[inline]
    fn receive(
        &mut self,
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
            events,
        } = &mut self.state
        else {
            return Ok(());
        };
        let expected_down = &mut self.progress.expected_down;
        let chunked = *chunked;
        body.feed::<SubscribeError>(bytes, &mut |data| {
            events.feed(data, &mut |event| {
                // An id that is no number of ours is a session-wide one and costs nothing per event.
                let id = event.last_event_id.parse().ok();
                let name = (event.event != "message").then_some(event.event.len() as u64);
                let cost = theory::sse_event(event.data.len() as u64, 1, id, name);
                *expected_down += if chunked { theory::chunk(cost) } else { cost };
                deliver(event.data.as_bytes());
            })?;
            Ok(())
        })?;
        if body.is_done() {
            return Err(SubscribeError::Ended("after a complete response"));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> Result<(), SubscribeError> {
        match &mut self.state {
            State::Head(_) => Err(SubscribeError::Ended("before it had answered")),
            State::Stream { body, .. } => {
                body.finish()?;
                Err(SubscribeError::Ended("of the event stream"))
            }
        }
    }
}
