//! A request for each answer, on an HTTP/1.1 connection that is kept alive.

use pushbench_model::theory;

use super::Turn;
use super::http::{UNASKED, add, content, question};
use crate::http1::body::BodyDecoder;
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::stream::subscriber::Reader;
use crate::subscriber::{Progress, SubscribeError};

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
        question(&self.host, ["Accept", R::CONTENT_TYPE], ask, out);
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
        let (essence, body) = content(&head)?;
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
                found: head.content_type.unwrap_or_default().to_owned(),
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
                return Err(UNASKED);
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
                    add(text, data, MAX_MESSAGE)
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
            return Err(UNASKED);
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
