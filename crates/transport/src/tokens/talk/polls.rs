//! A request that begins an answer, and others that fetch it, on an HTTP/1.1 connection that is kept alive.

use pushbench_model::theory;
use pushbench_model::tokens::Done;
use serde::Deserialize;

use super::Turn;
use super::http::{UNASKED, add, content, question};
use crate::ascii::push_decimal;
use crate::http1::body::BodyDecoder;
use crate::http1::head::HeadReader;
use crate::limits::MAX_MESSAGE;
use crate::long_poll::batch::{BatchSplitter, LastLine};
use crate::long_poll::cursor_behind;
use crate::subscriber::{Progress, SubscribeError};
use crate::tokens::PATH;
use crate::tokens::fetch::{JSON, LINES};

/// Longest name of an answer, bytes.
const MAX_NAME: usize = 64;
/// Most bytes of what says the name.
const MAX_BEGUN: usize = 1024;

#[derive(Debug)]
pub(super) struct Polls {
    host: String,
    /// What the server calls the answer.
    name: String,
    /// Tokens that have come.
    had: u64,
    /// What ends the answer has come.
    ended: bool,
    /// Requests that are under way, the first one first.
    asked: Asked,
    state: State,
    progress: Progress,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// That an answer be begun.
    Begin,
    /// What there is of it.
    Fetch,
    /// The same, and that it be stopped then.
    FetchAndStop,
    /// That it be stopped.
    Stop,
}

#[derive(Debug)]
enum State {
    Head(HeadReader),
    Body { body: BodyDecoder, content: Content },
}

/// What a response holds.
#[derive(Debug)]
enum Content {
    /// A line for each message.
    Lines(BatchSplitter),
    /// One text.
    Text(Vec<u8>),
    Nothing,
}

/// What says how an answer is called.
#[derive(Deserialize)]
struct Begun {
    id: String,
}

impl Polls {
    pub(super) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            name: String::new(),
            had: 0,
            ended: true,
            asked: Asked::Nothing,
            state: State::Head(HeadReader::default()),
            progress: Progress::default(),
        }
    }

    pub(super) fn reset(&mut self) {
        self.asked = Asked::Nothing;
        self.ended = true;
        self.state = State::Head(HeadReader::default());
    }

    pub(super) fn ask(&mut self, ask: &[u8], out: &mut Vec<u8>) {
        (self.had, self.ended, self.asked) = (0, false, Asked::Begin);
        let start = out.len();
        question(&self.host, ["Prefer", "respond-async"], ask, out);
        self.progress.expected_up += (out.len() - start) as u64;
    }

    /// Asks for what there is of the answer, if nothing is under way.
    pub(super) fn go_on(&mut self, out: &mut Vec<u8>) {
        if self.asked != Asked::Nothing || self.ended {
            return;
        }
        self.asked = Asked::Fetch;
        let start = out.len();
        for part in ["GET ", PATH, "/", &self.name, "?after="] {
            out.extend_from_slice(part.as_bytes());
        }
        push_decimal(self.had, out);
        for part in [" HTTP/1.1\r\nHost: ", &self.host, "\r\n\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        self.progress.expected_up += (out.len() - start) as u64;
    }

    /// Asks that the answer be stopped, behind a request that is under way.
    pub(super) fn cancel(&mut self, out: &mut Vec<u8>) {
        self.asked = match self.asked {
            Asked::Fetch => Asked::FetchAndStop,
            _ => Asked::Stop,
        };
        let start = out.len();
        for part in [
            "DELETE ",
            PATH,
            "/",
            &self.name,
            " HTTP/1.1\r\nHost: ",
            &self.host,
            "\r\n\r\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        self.progress.expected_up += (out.len() - start) as u64;
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
        let status = head.status;
        // Relays use 204, 304 or 408 for "nothing yet".
        let is_empty = matches!(status, 204 | 304 | 408);
        let (is_expected, expected) = match self.asked {
            Asked::Nothing => return Err(UNASKED),
            Asked::Begin => (status == 202, "202"),
            Asked::Fetch | Asked::FetchAndStop => (status == 200 || is_empty, "200 or 204"),
            Asked::Stop => (status == 200, "200"),
        };
        if !is_expected {
            return Err(SubscribeError::Status { status, expected });
        }
        let (essence, body) = content(&head)?;
        let is_batch = status == 200 && self.asked != Asked::Stop;
        let holds = if is_empty {
            Content::Nothing
        } else if is_batch && essence.eq_ignore_ascii_case(LINES) {
            Content::Lines(BatchSplitter::new(MAX_MESSAGE))
        } else if essence.eq_ignore_ascii_case(JSON) {
            Content::Text(Vec::new())
        } else {
            return Err(SubscribeError::ContentType {
                found: head.content_type.unwrap_or_default().to_owned(),
                expected: if is_batch { LINES } else { JSON },
            });
        };
        self.state = State::Body {
            body,
            content: holds,
        };
        self.progress.subscribed = true;
        Ok(Some(taken))
    }

    pub(super) fn receive(
        &mut self,
        mut bytes: &[u8],
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        loop {
            if matches!(self.state, State::Head(_)) {
                if bytes.is_empty() {
                    return Ok(());
                }
                let Some(taken) = self.head(bytes)? else {
                    return Ok(());
                };
                bytes = &bytes[taken..];
            }
            let Self {
                state,
                had,
                ended,
                progress,
                asked,
                ..
            } = self;
            let State::Body { body, content } = state else {
                continue;
            };
            let mut message = |message: &[u8], line_end: u64| {
                progress.expected_down +=
                    theory::long_poll_response(0, message.len() as u64, line_end);
                if Done::parse(message).is_some() {
                    *ended = true;
                } else {
                    *had = cursor_behind(message, *had, false);
                }
                deliver(message);
            };
            let taken = body.feed::<SubscribeError>(bytes, &mut |data| match content {
                Content::Lines(lines) => Ok(lines.feed(data, &mut |line| message(line, 1))?),
                Content::Text(text) => {
                    let most = match asked {
                        Asked::Begin => MAX_BEGUN,
                        _ => MAX_MESSAGE,
                    };
                    add(text, data, most)
                }
                Content::Nothing => Ok(()),
            })?;
            bytes = &bytes[taken..];
            if !body.is_done() {
                return Ok(());
            }
            if let Content::Lines(lines) = content {
                lines.finish(LastLine::MayBeOpen, &mut |line| message(line, 0))?;
            }
            let text = match content {
                Content::Text(text) => std::mem::take(text),
                _ => Vec::new(),
            };
            self.answered(&text, deliver)?;
        }
    }

    /// A response is whole; `text` is what it says at once.
    fn answered(
        &mut self,
        text: &[u8],
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        self.state = State::Head(HeadReader::default());
        self.progress.expected_down += text.len() as u64;
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        match asked {
            Asked::Begin => {
                let begun: Option<Begun> = serde_json::from_slice(text).ok();
                let name = begun.map(|begun| begun.id).filter(|name| is_name(name));
                let unnamed = SubscribeError::Ended("by not saying how an answer is called");
                self.name = name.ok_or(unnamed)?;
                return Ok(());
            }
            Asked::FetchAndStop => self.asked = Asked::Stop,
            Asked::Fetch | Asked::Stop | Asked::Nothing => {}
        }
        // One that comes at once is its own end.
        if !text.is_empty() {
            self.ended = true;
            deliver(text);
        }
        Ok(())
    }

    pub(super) fn turn(&self) -> Turn {
        if self.ended && self.asked == Asked::Nothing {
            Turn::Idle
        } else {
            Turn::Answering
        }
    }

    pub(super) const fn progress(&self) -> Progress {
        self.progress
    }
}

/// Whether it can stand in a path as it is.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain)
}
