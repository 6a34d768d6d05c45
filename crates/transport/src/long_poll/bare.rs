//! The server half on the stack `bare`: an answer is a head and the messages, joined once for all who ask from the same
//! cursor.

use http::StatusCode;

use crate::ascii::push_decimal;
use crate::bare::http::{Form, answer, open};
use crate::bare::{Asked, Common, Heard, Poll, Protocol};
use crate::http1::body::Framing;
use crate::http1::server::{LAST_EVENT_ID, RequestHead as _, after_of, number_of};

use crate::tokens::parlour::Manner;

use super::server::PATH;

#[cfg(test)]
mod tests;

/// How nearly every poll begins; its number follows.
const POLL: &[u8; 16] = b"GET /poll?after=";
/// A poll that every server understands alike, known before there was any: whatever else stood for none could be sent.
const FIRST: &[u8] = b"GET /poll?after=0&timeout=0 HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// What an answer says of the messages in it.
const FIELDS: [&str; 2] = [
    "content-type: application/x-ndjson\r\n",
    "cache-control: no-store\r\n",
];
/// The head of an answer as far as its length, where nothing is asked for that is not usual.
const USUAL: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncache-control: no-store\r\ncontent-length: ";
/// Digits of a number that cannot overflow.
const MAX_DIGITS: usize = 19;
/// Longest time that a poll is held: further than any clock here goes, and no sum with its time overflows.
const MAX_HOLD_NS: u64 = u64::MAX / 4;
/// Longest remainder of a poll that is kept, bytes.
const MAX_KNOWN: usize = 1024;

/// Remembers the poll that it read last: one that differs only in its number needs no second look.
pub(super) struct LongPoll {
    /// The poll, whole.
    last: Vec<u8>,
    /// What it waits for.
    poll: Poll,
    /// Its number.
    after: u64,
    /// Digits of its number.
    digits: usize,
    hold_ms: u64,
}

impl Default for LongPoll {
    fn default() -> Self {
        Self {
            last: FIRST.to_vec(),
            poll: Poll {
                next: Poll::DOES_NOT_WAIT,
                hold_ns: 0,
            },
            after: 0,
            digits: 1,
            hold_ms: 0,
        }
    }
}

impl LongPoll {
    fn remember(&mut self, bytes: &[u8], after: Option<u64>, hold_ms: u64) {
        let Some((number, digits)) = number(bytes) else {
            return;
        };
        // A header may name another cursor than the query.
        if Some(number) == after && bytes.len() <= MAX_KNOWN {
            self.last.clear();
            self.last.extend_from_slice(bytes);
            self.poll.hold_ns = hold_ms.saturating_mul(1_000_000).min(MAX_HOLD_NS);
            (self.digits, self.hold_ms) = (digits, hold_ms);
            self.asks_for_what_is_after(number);
        }
    }

    fn asks_for_what_is_after(&mut self, number: u64) {
        self.after = number;
        self.poll.next = match self.hold_ms {
            0 => Poll::DOES_NOT_WAIT,
            _ => number + 1,
        };
    }

    /// Takes over the number of a poll that is otherwise the last; whether it is such a one.
    #[cold]
    fn moves_on(&mut self, bytes: &[u8]) -> bool {
        let digits_end = POLL.len() + self.digits;
        let (Some((number, digits)), Some(rest)) = (number(bytes), self.last.get(digits_end..))
        else {
            return false;
        };
        let (start, rest_too) = bytes.split_at(POLL.len() + digits);
        if rest_too != rest {
            return false;
        }
        if digits == self.digits {
            self.last[..digits_end].copy_from_slice(start);
        } else {
            self.last.splice(..digits_end, start.iter().copied());
        }
        self.digits = digits;
        self.asks_for_what_is_after(number);
        true
    }
}

/// The number of what begins as a poll, and its digits. They are fewer than could overflow.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let behind = bytes.strip_prefix(POLL)?;
    let count = behind.iter().take_while(|byte| byte.is_ascii_digit());
    let count = count.count();
    if !(1..=MAX_DIGITS).contains(&count) {
        return None;
    }
    let digits = behind[..count].iter().map(|digit| u64::from(digit - b'0'));
    Some((digits.fold(0, |number, digit| number * 10 + digit), count))
}

impl Protocol for LongPoll {
    type State = ();

    const LINES: bool = true;
    const ANSWERS: Option<Manner> = Some(Manner::Fetched);
    const POLLED: bool = true;

    #[inline]
    fn known(&mut self, bytes: &[u8]) -> Option<Poll> {
        // Those who are at the same place ask for the same.
        (bytes == self.last || self.moves_on(bytes)).then_some(self.poll)
    }

    fn open(
        &mut self,
        (): &mut (),
        bytes: &[u8],
        common: &mut Common,
        now: u64,
        reply: &mut Vec<u8>,
    ) -> Asked {
        if self.known(bytes).is_some() {
            return Asked::Batch {
                used: bytes.len(),
                skip: 0,
                after: Some(self.after),
                hold_ms: self.hold_ms,
                form: Form::default(),
            };
        }
        let head = match open(bytes, PATH, common, now, reply) {
            Ok(head) => head,
            Err(asked) => return asked,
        };
        let (Ok(after), Ok(hold_ms)) = (after_of(&head), number_of(&head, "timeout")) else {
            return head.refuse(StatusCode::BAD_REQUEST, common, now, reply);
        };
        let hold_ms = hold_ms
            .unwrap_or(u64::MAX)
            .min(common.options.poll_timeout_ms);
        let by_query = head.values(&LAST_EVENT_ID).next().is_none();
        if by_query && head.form.is_usual() && head.skip == 0 && head.used == bytes.len() {
            self.remember(bytes, after, hold_ms);
        }
        Asked::Batch {
            used: head.used,
            skip: head.skip,
            after,
            hold_ms,
            form: head.form,
        }
    }

    fn hear(&mut self, (): &mut (), bytes: &[u8], _: &mut Vec<u8>) -> Heard {
        Heard::Used(bytes.len())
    }

    fn head(
        &mut self,
        len: Option<usize>,
        form: Form,
        common: &mut Common,
        now: u64,
        reply: &mut Vec<u8>,
    ) {
        let date = &mut common.date;
        match len {
            // As nearly always, and the same bytes as below.
            Some(len) if form.is_usual() => {
                reply.reserve(USUAL.len() + 64);
                reply.extend_from_slice(USUAL);
                push_decimal(len as u64, reply);
                reply.extend_from_slice(b"\r\ndate: ");
                reply.extend_from_slice(date.at(now));
                reply.extend_from_slice(b"\r\n\r\n");
            }
            Some(len) => {
                let framing = Some(Framing::Length(len as u64));
                answer(StatusCode::OK, &FIELDS, framing, form, date, now, reply);
            }
            None => answer(StatusCode::NO_CONTENT, &[], None, form, date, now, reply),
        }
    }
}
