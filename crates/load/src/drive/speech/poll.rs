//! Any long-poll.

use std::rc::Rc;

use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::long_poll::batch::{BatchSplitter, LastLine};

use super::http::{broken, cut, ended, headers, refused, request};
use super::{Ask, Resume, Sink, Stop};
use crate::drive::place::Place;
use crate::drive::plan::PollStyle;

pub(in crate::drive) struct Poll {
    state: State,
    ask: Rc<Ask>,
    place: Place,
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
    pub(super) fn open(ask: &Rc<Ask>, place: &Place, resume: &Resume, out: &mut Vec<u8>) -> Self {
        let poll = Self {
            state: State::Head(HeadReader::default()),
            ask: Rc::clone(ask),
            place: place.clone(),
            cursor: resume.clone(),
            subscribed: false,
            whole: Vec::new(),
            lines: BatchSplitter::new(MAX_MESSAGE),
        };
        poll.ask_for_more(out);
        poll
    }

    fn ask_for_more(&self, out: &mut Vec<u8>) {
        let asking = &self.ask.asking;
        let path = &self.place.path;
        let path = match (&asking.poll, self.cursor.after) {
            (PollStyle::Contract, after) => {
                let separator = if path.contains('?') { '&' } else { '?' };
                let hold = self.ask.hold_ms;
                match after {
                    Some(after) => format!("{path}{separator}after={after}&timeout={hold}"),
                    None => format!("{path}{separator}timeout={hold}"),
                }
            }
            _ => path.clone(),
        };
        let (modified, tag) = match asking.poll {
            PollStyle::Conditional => &self.cursor.validators,
            PollStyle::Contract | PollStyle::Plain => &(None, None),
        };
        let method = if asking.method.is_empty() {
            "GET"
        } else {
            &asking.method
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
    }

    pub(super) fn receive(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        sink: &mut impl Sink,
    ) -> Result<(), Stop> {
        loop {
            if let State::Head(reader) = &mut self.state {
                let Some((head, taken)) = reader.feed(bytes).map_err(|error| broken(&error))?
                else {
                    return Ok(());
                };
                bytes = &bytes[taken..];
                if head.is_interim() {
                    continue;
                }
                // 204, 304 and 408 all say that there is nothing yet.
                let empty = matches!(head.status, 204 | 304 | 408);
                if head.status != 200 && !empty {
                    return Err(refused(&head));
                }
                if !empty {
                    let own = |text: Option<&str>| text.map(str::to_owned);
                    self.cursor.validators = (own(head.last_modified), own(head.etag));
                }
                if !self.subscribed {
                    self.subscribed = true;
                    sink.subscribed();
                }
                self.state = State::Body {
                    body: BodyDecoder::new(head.framing()),
                    empty,
                    close: head.close,
                };
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
