//! The server half on the stack `bare`: an answer is a head and the messages, joined once for all who ask from the same
//! cursor.

use http::StatusCode;

use crate::bare::http::{Form, answer, open};
use crate::bare::{Asked, Common, Heard, Protocol};
use crate::http1::server::{after_of, number_of};

use super::server::PATH;

/// How nearly every poll begins; its number follows.
const POLL: &[u8; 16] = b"GET /poll?after=";
/// Longest remainder of a poll that is kept, bytes.
const MAX_KNOWN: usize = 1024;

/// Remembers the poll that it read last: one that differs only in its number needs no second look.
#[derive(Default)]
pub(super) struct LongPoll {
    /// What followed the number.
    rest: Vec<u8>,
    hold_ms: u64,
}

impl LongPoll {
    fn remember(&mut self, bytes: &[u8], after: Option<u64>, hold_ms: u64) {
        let Some(digits_on) = bytes.strip_prefix(POLL) else {
            return;
        };
        let digits = digits_on.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = digits_on.split_at(digits.count());
        let number = str::from_utf8(digits)
            .ok()
            .and_then(|text| text.parse().ok());
        // A header may name another cursor than the query.
        if number.is_some() && number == after && rest.len() <= MAX_KNOWN && rest != self.rest {
            self.rest = rest.to_vec();
            self.hold_ms = hold_ms;
        }
    }
}

impl Protocol for LongPoll {
    type State = ();

    const LINES: bool = true;
    const POLLED: bool = true;

    #[inline]
    fn known(&self, bytes: &[u8]) -> Option<(u64, u64)> {
        let (start, digits_on) = bytes.split_first_chunk::<{ POLL.len() }>()?;
        let digits = digits_on.len().checked_sub(self.rest.len())?;
        let (digits, rest) = digits_on.split_at(digits);
        // Fewer digits than could overflow.
        if start != POLL || digits.is_empty() || digits.len() > 19 || rest != self.rest {
            return None;
        }
        let mut number = 0;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + u64::from(digit);
        }
        (!rest.is_empty()).then_some((number, self.hold_ms))
    }

    fn open(&mut self, bytes: &[u8], common: &mut Common, now: u64, reply: &mut Vec<u8>) -> Asked {
        let head = match open(bytes, PATH, common, now, reply) {
            Ok(head) => head,
            Err(asked) => return asked,
        };
        let request = &head.request;
        let (Ok(after), Ok(hold_ms)) = (after_of(request), number_of(request, "timeout")) else {
            return head.refuse(StatusCode::BAD_REQUEST, common, now, reply);
        };
        let hold_ms = hold_ms
            .unwrap_or(u64::MAX)
            .min(common.options.poll_timeout_ms);
        let by_query = !request.headers().contains_key("last-event-id");
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
            Some(len) => {
                let len = format!("content-length: {len}\r\n");
                let fields = [
                    "content-type: application/x-ndjson\r\n",
                    "cache-control: no-store\r\n",
                    &len,
                ];
                answer(StatusCode::OK, &fields, form, date, now, reply);
            }
            None => answer(StatusCode::NO_CONTENT, &[], form, date, now, reply),
        }
    }
}
