//! Any long-poll.

use std::ops::Range;
use std::rc::Rc;

use pushbench_transport::http1::body::{BodyDecoder, BodyError, Framing};
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::long_poll::batch::{BatchSplitter, LastLine};

use super::http::{broken, cut, ended, headers, refused, request};
use super::{Ask, Resume, Sink, Stop};
use crate::drive::place::Place;
use crate::drive::plan::PollStyle;

#[cfg(test)]
mod tests;

/// What answers in lines are.
const LINES: &str = "application/x-ndjson";
/// A poll that says what it has by validators would miss messages where it gets none.
const OF_LINES: &str = "the answer is lines of JSON without Last-Modified or ETag, as docs/PROTOCOL.md has it: add --contract, or \
     --poll-style contract or plain";

pub(in crate::drive) struct Poll {
    state: State,
    ask: Rc<Ask>,
    place: Rc<Place>,
    cursor: Resume,
    subscribed: bool,
    /// The whole body, of styles in which it is one message.
    whole: Vec<u8>,
    lines: BatchSplitter,
}

enum State {
    Head(HeadReader),
    Body {
        body: BodyDecoder,
        empty: bool,
        close: bool,
    },
}

impl Poll {
    pub(super) fn open(
        ask: &Rc<Ask>,
        place: &Rc<Place>,
        resume: &Resume,
        out: &mut Vec<u8>,
    ) -> Self {
        let poll = Self {
            state: State::Head(HeadReader::default()),
            ask: Rc::clone(ask),
            place: Rc::clone(place),
            cursor: resume.clone(),
            subscribed: false,
            whole: Vec::new(),
            lines: BatchSplitter::new(MAX_MESSAGE),
        };
        poll.ask_for_more(out);
        poll
    }

    fn ask_for_more(&self, out: &mut Vec<u8>) {
        match (&self.ask.asking.poll, self.cursor.after) {
            (PollStyle::Contract, Some(after)) => {
                let mut usual = self.ask.usual.borrow_mut();
                usual.ask(&self.place, after, out, |text| {
                    self.write(Some(after), text)
                });
            }
            (_, after) => {
                self.write(after, out);
            }
        }
    }

    /// Appends a poll; returns where its number stands, if it has one.
    fn write(&self, after: Option<u64>, out: &mut Vec<u8>) -> Range<usize> {
        let asking = &self.ask.asking;
        let method = if asking.method.is_empty() {
            "GET"
        } else {
            &asking.method
        };
        let mut path = self.place.path.clone();
        let mut number = 0..0;
        if asking.poll == PollStyle::Contract {
            path.push(if path.contains('?') { '&' } else { '?' });
            if let Some(after) = after {
                path.push_str("after=");
                let start = out.len() + method.len() + " ".len() + path.len();
                let digits = after.to_string();
                number = start..start + digits.len();
                path.push_str(&digits);
                path.push('&');
            }
            path.push_str(&format!("timeout={}", self.ask.hold_ms));
        }
        let (modified, tag) = match asking.poll {
            PollStyle::Conditional => &self.cursor.validators,
            PollStyle::Contract | PollStyle::Plain => &(None, None),
        };
        let ours = [
            ("If-Modified-Since", modified.as_deref().unwrap_or_default()),
            ("If-None-Match", tag.as_deref().unwrap_or_default()),
        ];
        request(
            method,
            &path,
            &headers(&asking.headers, &self.place, &ours),
            &asking.body,
            out,
        );
        number
    }

    /// Takes the answer at the start of `bytes` if its head is known and all of it is there; returns its length.
    #[inline]
    fn usual_answer(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<Option<usize>, Stop> {
        // Other styles look for more in a head.
        let at_start = matches!(&self.state, State::Head(reader) if reader.is_at_start());
        if !at_start || self.ask.asking.poll != PollStyle::Contract {
            return Ok(None);
        }
        let Some((start, length)) = self.ask.usual.borrow_mut().head.at_start_of(bytes) else {
            return Ok(None);
        };
        let end = usize::try_from(length).ok();
        let end = end.and_then(|length| start.checked_add(length));
        let Some((end, body)) = end.and_then(|end| Some((end, bytes.get(start..end)?))) else {
            return Ok(None);
        };
        self.accepted(sink);
        let after = &mut self.cursor.after;
        let mut take = |line: &[u8]| {
            if let Some(seq) = sink.message(line) {
                *after = Some(seq);
            }
        };
        if let Some(line) = self.lines.whole_line(body) {
            take(line);
            return Ok(Some(end));
        }
        self.lines
            .feed(body, &mut take)
            .and_then(|()| self.lines.finish(LastLine::MayBeOpen, &mut take))
            .map_err(|error| broken(&error))?;
        Ok(Some(end))
    }

    /// The server has answered as it does to a subscriber.
    fn accepted(&mut self, sink: &mut impl Sink) {
        if !std::mem::replace(&mut self.subscribed, true) {
            sink.subscribed();
        }
    }

    pub(super) fn receive(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        sink: &mut impl Sink,
    ) -> Result<(), Stop> {
        loop {
            if let Some(taken) = self.usual_answer(bytes, sink)? {
                bytes = &bytes[taken..];
                self.ask_for_more(out);
                continue;
            }
            if let State::Head(reader) = &mut self.state {
                let Some((head, taken)) = reader.feed(bytes).map_err(|error| broken(&error))?
                else {
                    return Ok(());
                };
                let (head_bytes, behind) = bytes.split_at(taken);
                bytes = behind;
                if head.is_interim() {
                    continue;
                }
                // 204, 304 and 408 all say that there is nothing yet.
                let empty = matches!(head.status, 204 | 304 | 408);
                if head.status != 200 && !empty {
                    return Err(refused(&head));
                }
                let is_of_lines = || {
                    let kind = head.content_type.unwrap_or_default();
                    kind.trim_start().starts_with(LINES)
                };
                let framing = head.framing();
                match (&self.ask.asking.poll, framing) {
                    (PollStyle::Conditional, _) if !empty => {
                        let has_validators = head.last_modified.is_some() || head.etag.is_some();
                        if !has_validators && is_of_lines() {
                            return Err(broken(&OF_LINES));
                        }
                        let own = |text: Option<&str>| text.map(str::to_owned);
                        self.cursor.validators = (own(head.last_modified), own(head.etag));
                    }
                    (PollStyle::Contract, Framing::Length(length))
                        if (head.status, head.close, head.len) == (200, false, taken) =>
                    {
                        let mut usual = self.ask.usual.borrow_mut();
                        usual.head.remember(head_bytes, length);
                    }
                    _ => {}
                }
                self.state = State::Body {
                    body: BodyDecoder::new(framing),
                    empty,
                    close: head.close,
                };
                self.accepted(sink);
            }
            if !self.body(&mut bytes, sink)? {
                return Ok(());
            }
            if !self.answered(sink)? {
                return Err(Stop::Again);
            }
            self.ask_for_more(out);
        }
    }

    /// Reads of the body; whether it is complete.
    fn body(&mut self, bytes: &mut &[u8], sink: &mut impl Sink) -> Result<bool, Stop> {
        let State::Body { body, empty, .. } = &mut self.state else {
            return Ok(false);
        };
        let in_lines = self.ask.asking.poll == PollStyle::Contract;
        let (empty, lines, whole, after) = (
            *empty,
            &mut self.lines,
            &mut self.whole,
            &mut self.cursor.after,
        );
        let mut fault = None;
        let taken = body.feed::<BodyError>(bytes, &mut |data| {
            if empty || fault.is_some() {
                // What an empty answer says beside its status is for people.
            } else if in_lines {
                let fed = lines.feed(data, &mut |line| {
                    if let Some(seq) = sink.message(line) {
                        *after = Some(seq);
                    }
                });
                fault = fed.err().map(|error| broken(&error));
            } else if whole.len() + data.len() > MAX_MESSAGE {
                fault = Some(broken(&"a message is longer than 16 MiB"));
            } else {
                whole.extend_from_slice(data);
            }
            Ok(())
        });
        *bytes = &bytes[taken.map_err(|error| broken(&error))?..];
        match fault {
            Some(stop) => Err(stop),
            None => Ok(body.is_done()),
        }
    }

    /// An answer is complete; whether the connection takes another poll.
    fn answered(&mut self, sink: &mut impl Sink) -> Result<bool, Stop> {
        let State::Body { empty, close, .. } = self.state else {
            return Ok(true);
        };
        if empty {
            sink.nothing(1);
        } else if self.ask.asking.poll == PollStyle::Contract {
            let after = &mut self.cursor.after;
            self.lines
                .finish(LastLine::MayBeOpen, &mut |line| {
                    if let Some(seq) = sink.message(line) {
                        *after = Some(seq);
                    }
                })
                .map_err(|error| broken(&error))?;
        } else if self.whole.is_empty() {
            sink.nothing(1);
        } else {
            sink.message(&self.whole);
            self.whole.clear();
        }
        self.state = State::Head(HeadReader::default());
        Ok(!close)
    }

    pub(super) fn end(&mut self, sink: &mut impl Sink) -> Stop {
        match &mut self.state {
            State::Head(_) => ended("while a poll was waiting"),
            State::Body { body, .. } => match body.finish() {
                // A body that only the end of the connection ends.
                Ok(()) => match self.answered(sink) {
                    Ok(_) => Stop::Again,
                    Err(stop) => stop,
                },
                Err(_) => cut(),
            },
        }
    }

    pub(super) fn resume(&self, resume: &mut Resume) {
        resume.after = self.cursor.after.or(resume.after);
        resume.validators.clone_from(&self.cursor.validators);
    }
}
