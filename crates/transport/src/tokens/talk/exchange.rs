//! A request for each answer, on an HTTP/1.1 connection that is kept alive.

use pushbench_model::theory;

use super::Turn;
use crate::ascii::push_decimal;
use crate::http1::body::{BodyDecoder, Framing};
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::stream::subscriber::Reader;
use crate::subscriber::{Progress, SubscribeError};
use crate::tokens::PATH;

/// Bytes of the chunk that ends a body.
const LAST_CHUNK: u64 = 5;
/// Type of an answer that comes at once.
const WHOLE: &str = "application/json";

#[derive(Debug)]
pub(super) struct Exchange<R> {
    host: String,
    state: State<R>,
    progress: Progress,
}

#[derive(Debug)]
enum State<R> {
    Idle,
    Head(HeadReader),
    Stream {
        body: BodyDecoder,
        chunked: bool,
        messages: R,
    },
    Whole {
        body: BodyDecoder,
        text: Vec<u8>,
    },
}

impl<R: Reader> Exchange<R> {
    pub(super) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            state: State::Idle,
            progress: Progress::default(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.state = State::Idle;
    }

    pub(super) fn ask(&mut self, ask: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        for part in [
            "POST ",
            PATH,
            " HTTP/1.1\r\nHost: ",
            &self.host,
            "\r\nAccept: ",
            R::CONTENT_TYPE,
            "\r\nContent-Type: application/json\r\nContent-Length: ",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        push_decimal(ask.len() as u64, out);
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(ask);
        self.progress.expected_up += (out.len() - start) as u64;
        self.state = State::Head(HeadReader::default());
    }

    /// Reads the head; how many of `bytes` belong to it once it is complete.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, SubscribeError> {
        let State::Head(reader) = &mut self.state else {
            return Ok(Some(0));
        };
        let Some((head, taken)) = reader.feed(bytes)? else {
            return Ok(None);
        };
        self.progress.expected_down += head.len as u64;
        if head.is_interim() {
            return Ok(Some(taken));
        }
        if head.status != 200 {
            return Err(SubscribeError::Status {
                status: head.status,
                expected: "200",
            });
        }
        let found = head.content_type.unwrap_or_default();
        let essence = found.split(';').next().unwrap_or_default().trim();
        let framing = head.framing();
        // An answer that only the end of the connection ends is one that nobody can follow with a question.
        let body = match framing {
            Framing::UntilClose => return Err(SubscribeError::Ended("with every answer")),
            _ => BodyDecoder::new(framing),
        };
        self.state = if essence.eq_ignore_ascii_case(R::CONTENT_TYPE) {
            State::Stream {
                body,
                chunked: head.chunked,
                messages: R::default(),
            }
        } else if essence.eq_ignore_ascii_case(WHOLE) {
            let text = Vec::new();
            State::Whole { body, text }
        } else {
            return Err(SubscribeError::ContentType {
                found: found.to_owned(),
                expected: R::CONTENT_TYPE,
            });
        };
        self.progress.subscribed = true;
        Ok(Some(taken))
    }

    pub(super) fn receive(
        &mut self,
        mut bytes: &[u8],
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        while matches!(self.state, State::Head(_)) {
            let Some(taken) = self.head(bytes)? else {
                return Ok(());
            };
            bytes = &bytes[taken..];
        }
        let expected_down = &mut self.progress.expected_down;
        let (taken, is_done) = match &mut self.state {
            State::Idle if bytes.is_empty() => return Ok(()),
            State::Idle | State::Head(_) => {
                return Err(SubscribeError::Ended("by saying what nobody asked for"));
            }
            State::Stream {
                body,
                chunked,
                messages,
            } => {
                let taken = body.feed::<SubscribeError>(bytes, &mut |data| {
                    messages.feed(data, &mut |message, cost| {
                        *expected_down += if *chunked { theory::chunk(cost) } else { cost };
                        deliver(message);
                    })
                })?;
                if body.is_done() && *chunked {
                    *expected_down += LAST_CHUNK;
                }
                (taken, body.is_done())
            }
            State::Whole { body, text } => {
                let taken = body.feed::<SubscribeError>(bytes, &mut |data| {
                    *expected_down += data.len() as u64;
                    text.extend_from_slice(data);
                    if text.len() > MAX_MESSAGE {
                        return Err(SubscribeError::Ended("with an endless answer"));
                    }
                    Ok(())
                })?;
                if body.is_done() {
                    deliver(text);
                }
                (taken, body.is_done())
            }
        };
        if is_done {
            self.state = State::Idle;
        }
        if taken < bytes.len() {
            return Err(SubscribeError::Ended("by saying what nobody asked for"));
        }
        Ok(())
    }

    pub(super) fn turn(&self) -> Turn {
        match self.state {
            State::Idle => Turn::Idle,
            _ => Turn::Answering,
        }
    }

    pub(super) const fn progress(&self) -> Progress {
        self.progress
    }
}
