//! One connection that gets answers of its own, without its socket.

mod frames;
mod held;

use std::ops::Range;

use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{Method, StatusCode};
use pushbench_model::tokens::{Ask, MAX_ASK};

use self::held::Held;
use super::Manner;
use crate::bare::http::{Form, Head, MAX_HEAD, answer, read};
use crate::bare::{Common, IDLE_NS};
use crate::http1::body::Framing as Length;
use crate::http1::server::RequestHead as _;
use crate::stream::bare::chunk;
use crate::tokens::answer::Answer;
use crate::tokens::fetch::no_ask;
use crate::tokens::{PATH, Shelf};
use crate::websocket::bare::Reader;
use crate::websocket::frame::{Opcode, encode_server};

const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// One connection.
pub(super) struct Guest {
    manner: Manner,
    /// Bytes of the client that are not whole.
    inbox: Vec<u8>,
    /// How much of the inbox was looked at in vain.
    looked: usize,
    /// The head at its start is whole, the body is not.
    headed: bool,
    /// When the request at its start began, or what was before it ended, CLOCK_MONOTONIC nanoseconds.
    since: u64,
    /// What is to be sent.
    pub(super) owed: Vec<u8>,
    answer: Option<Answer>,
    /// What is to be fetched as soon as there is something.
    held: Option<Held>,
    form: Form,
    /// The frames of a client that was upgraded.
    reader: Option<Reader>,
    /// Nothing more is heard or said.
    done: bool,
    /// The body that is being said, and its frame.
    body: Vec<u8>,
    framed: Vec<u8>,
}

impl Guest {
    /// A client that has sent `bytes` up to `now`.
    pub(super) fn new(manner: Manner, bytes: &[u8], now: u64) -> Self {
        Self {
            manner,
            inbox: bytes.to_vec(),
            looked: 0,
            headed: false,
            since: now,
            owed: Vec::new(),
            answer: None,
            held: None,
            form: Form::default(),
            reader: None,
            done: false,
            body: Vec::new(),
            framed: Vec::new(),
        }
    }

    /// Takes what the client has sent.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
    }

    /// Whether it has sent more than any request is long, or reads nothing of what it asks for.
    pub(super) fn holds_too_much(&self) -> bool {
        self.inbox.len() > MAX_ASK + MAX_HEAD || self.owed.len() > MAX_ASK
    }

    /// Whether the connection is to be closed when all is sent.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether there are bytes that were not looked at, and may be.
    pub(super) fn has_more(&self) -> bool {
        !self.done && !self.is_answering() && self.inbox.len() > self.looked
    }

    /// When there is something to say, CLOCK_MONOTONIC nanoseconds.
    pub(super) fn due(&self) -> Option<u64> {
        let held = self.held.as_ref().map(Held::due);
        held.or_else(|| self.answer.as_ref().map(Answer::due))
    }

    /// Until when it is waited for, CLOCK_MONOTONIC nanoseconds; `None` as long as it gets an answer, and for a WebSocket. A
    /// head has `head_ns` from its first byte on; the body, the next request, and a last answer that is not read have as
    /// long as any connection may lie idle.
    pub(super) fn deadline(&self, head_ns: u64) -> Option<u64> {
        if self.is_answering() || (self.reader.is_some() && !self.done) {
            return None;
        }
        let is_head = !self.done && !self.headed && !self.inbox.is_empty();
        let patience = if is_head { head_ns } else { IDLE_NS };
        Some(self.since.saturating_add(patience))
    }

    /// Whether an answer is coming, or being waited for.
    fn is_answering(&self) -> bool {
        self.answer.is_some() || self.held.is_some()
    }

    /// Does what the client asks for.
    pub(super) fn hear(&mut self, shelf: &Shelf, common: &mut Common, now: u64) {
        while !self.done && self.inbox.len() > self.looked {
            if self.looked == 0 {
                self.since = now;
            }
            let used = match self.manner {
                Manner::Http(_) | Manner::Fetched if self.is_answering() => return,
                Manner::Http(framing) => self.request(framing.content_type, shelf, common, now),
                Manner::Fetched => self.fetched(shelf, common, now),
                Manner::WebSocket if self.reader.is_none() => self.upgrade(common, now),
                Manner::WebSocket => self.frames(shelf, now),
            };
            self.inbox.drain(..used);
            if used > 0 {
                (self.looked, self.headed, self.since) = (0, false, now);
            } else {
                self.looked = self.inbox.len();
            }
        }
    }

    /// The request at the start of the inbox, of which `wish` makes something, and where its body stands; or how many bytes
    /// are dealt with where there is none: none if it is not whole.
    fn whole<W>(
        &mut self,
        common: &mut Common,
        now: u64,
        wish: impl FnOnce(&Head<'_>) -> Result<W, StatusCode>,
    ) -> Result<(W, Range<usize>), usize> {
        let head = match read(&self.inbox) {
            Ok(Some(head)) => head,
            Ok(None) => return Err(0),
            Err(status) => return Err(self.refuse(status, "", common, now)),
        };
        let old = head.form.old;
        let last = old || head.lists(&CONNECTION, "close");
        let (used, length) = (head.used, head.skip as usize);
        let wish = wish(&head);
        let is_counted = head.values(&TRANSFER_ENCODING).next().is_none();
        self.form = Form { old, last };
        let wish = match wish {
            Ok(wish) => wish,
            Err(status) => return Err(self.refuse(status, "", common, now)),
        };
        if !is_counted {
            return Err(self.refuse(StatusCode::LENGTH_REQUIRED, "", common, now));
        }
        if length > MAX_ASK {
            let reason = "a shorter request, please";
            return Err(self.refuse(StatusCode::PAYLOAD_TOO_LARGE, reason, common, now));
        }
        if self.inbox.len() < used + length {
            self.headed = true;
            return Err(0);
        }
        Ok((wish, used..used + length))
    }

    /// Deals with the request at the start of the inbox; how many bytes belong to it, none if it is not whole.
    fn request(
        &mut self,
        content_type: &str,
        shelf: &Shelf,
        common: &mut Common,
        now: u64,
    ) -> usize {
        let wish = |head: &Head<'_>| {
            let is_asked = *head.method() == Method::POST && head.uri().path() == PATH;
            is_asked.then_some(()).ok_or(StatusCode::NOT_FOUND)
        };
        let range = match self.whole(common, now, wish) {
            Ok(((), range)) => range,
            Err(used) => return used,
        };
        let (used, Form { old, last }) = (range.end, self.form);
        let body = &self.inbox[range];
        match Ask::parse(body) {
            Ok(ask) => {
                if ask.stream {
                    // Those of HTTP/1.0 know no chunks.
                    let framing = if old {
                        Length::UntilClose
                    } else {
                        Length::Chunked
                    };
                    let fields = [
                        "content-type: ",
                        content_type,
                        "\r\ncache-control: no-cache\r\n",
                    ];
                    let (ok, form) = (StatusCode::OK, self.form);
                    let date = &mut common.date;
                    answer(ok, &fields, Some(framing), form, date, now, &mut self.owed);
                }
                self.answer = Some(Answer::begin(shelf.ledger(), ask, now));
            }
            Err(error) => {
                let (status, reason) = no_ask(body, &error);
                self.say(status, "text/plain", reason.as_bytes(), common, now);
                self.done |= last;
            }
        }
        used
    }

    /// Refuses a request behind which nothing can be found.
    fn refuse(&mut self, status: StatusCode, reason: &str, common: &mut Common, now: u64) -> usize {
        self.form.last = true;
        self.say(status, "text/plain", reason.as_bytes(), common, now);
        self.done = true;
        self.inbox.len()
    }

    fn say(
        &mut self,
        status: StatusCode,
        content_type: &str,
        body: &[u8],
        common: &mut Common,
        now: u64,
    ) {
        let fields = ["content-type: ", content_type, "\r\n"];
        self.say_with(status, &fields, body, common, now);
    }

    fn say_with(
        &mut self,
        status: StatusCode,
        fields: &[&str],
        body: &[u8],
        common: &mut Common,
        now: u64,
    ) {
        let length = Some(Length::Length(body.len() as u64));
        let (form, date) = (self.form, &mut common.date);
        answer(status, fields, length, form, date, now, &mut self.owed);
        self.owed.extend_from_slice(body);
    }

    /// Says what is due at `now`, until `most` bytes wait to be sent.
    pub(super) fn speak(&mut self, shelf: &Shelf, common: &mut Common, now: u64, most: usize) {
        if self.held.is_some() {
            return self.fetch(shelf, common, now);
        }
        while self.owed.len() < most
            && let Some(answer) = self.answer.as_mut().filter(|answer| answer.due() <= now)
        {
            self.body.clear();
            let is_stream = answer.is_stream();
            let more = answer.take(now, &mut self.body);
            if !more {
                self.answer = None;
                self.since = now;
            }
            let body = std::mem::take(&mut self.body);
            match self.manner {
                Manner::WebSocket => encode_server(Opcode::Text, &body, &mut self.owed),
                Manner::Http(_) if !is_stream => {
                    self.say(StatusCode::OK, "application/json", &body, common, now);
                }
                // It is fetched from the shelf.
                Manner::Fetched => {}
                Manner::Http(framing) => {
                    self.framed.clear();
                    (framing.frame)(&body, &mut self.framed);
                    chunk(&self.framed, self.form.old, &mut self.owed);
                    if !more && !self.form.old {
                        self.owed.extend_from_slice(LAST_CHUNK);
                    }
                }
            }
            self.body = body;
            if !more && self.form.last && !matches!(self.manner, Manner::WebSocket) {
                self.done = true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
