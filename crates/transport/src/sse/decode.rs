//! Reading an event stream, by the rules of WHATWG HTML, section 9.2.6
//! "Interpreting an event stream".
//!
//! A block (the lines up to an empty line) that lies whole in one read is never copied: its fields
//! are slices of the input. What a read cuts is kept until the rest arrives and then given back to
//! the allocator, so that an idle connection holds this struct and nothing else.

use std::borrow::Cow;
use std::mem;

use memchr::memchr2;

use crate::ascii::{is_ascii, is_plain_line};

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

const BOM: &[u8; 3] = b"\xEF\xBB\xBF";

/// A line may be this much longer than the largest message: the name in front of the payload.
const FIELD_NAME: usize = "data: ".len();

/// One dispatched event. The slices live as long as the call that hands it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event type; `message` unless the block named one.
    pub event: &'a str,
    /// The data lines, joined with LF. Always valid UTF-8; as bytes, because that is what most callers want and a `str`
    /// would cost a look at every byte of text that is known to be ASCII.
    pub data: &'a [u8],
    /// The last event id, which may come from an earlier block.
    pub last_event_id: &'a str,
}

/// Why a stream cannot be read on. Everything else in a stream is legal or ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The server sends more without a line end, or in one event, than the caller allows.
    #[error("event stream: a message is longer than the limit of {limit} bytes")]
    TooLong {
        /// The limit given to [`Decoder::new`].
        limit: usize,
    },
}

/// An incremental decoder: any cut of the stream into reads gives the same events.
///
/// An event that the stream ends in the middle of is discarded, as the specification demands; so
/// there is nothing to call at the end. After an error the stream is to be dropped.
#[derive(Debug)]
pub struct Decoder {
    /// The start of a line that the last read cut; empty if it ended at a line end.
    line: Vec<u8>,
    /// The data lines of a block that the last read cut, each with its LF.
    data: Vec<u8>,
    /// The event type of such a block.
    event: Option<Box<[u8]>>,
    /// The id of such a block: it counts only once the block is dispatched.
    next_id: Option<Box<[u8]>>,
    /// Always valid UTF-8; as bytes, because nobody looks at most ids.
    last_id: Vec<u8>,
    retry_ms: Option<u64>,
    without_data: u64,
    max_message: usize,
    /// How much of the byte order mark has been seen; 3 once the stream proper has begun.
    bom: u8,
    /// The last read ended with CR; an LF at the start of the next one belongs to it.
    after_cr: bool,
}

/// The block being read, as far as it lies in the current read.
#[derive(Default)]
struct Block<'a> {
    /// The only data line so far. A second one moves both to [`Decoder::data`].
    data: Option<&'a [u8]>,
    event: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
}

impl Block<'_> {
    const fn is_started(&self) -> bool {
        self.data.is_some() || self.event.is_some() || self.id.is_some()
    }
}

impl Decoder {
    /// A decoder at the start of a stream. `max_message` bounds the data of one event, and with it
    /// every line.
    #[must_use]
    pub const fn new(max_message: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            event: None,
            next_id: None,
            last_id: Vec::new(),
            retry_ms: None,
            without_data: 0,
            max_message,
            bom: 0,
            after_cr: false,
        }
    }

    /// A decoder at the start of a stream that continues others: until an event sets another id, the last one is
    /// `last_event_id`.
    #[must_use]
    pub fn resuming(max_message: usize, last_event_id: &str) -> Self {
        Self {
            last_id: last_event_id.as_bytes().to_vec(),
            ..Self::new(max_message)
        }
    }

    /// The id to send as `Last-Event-ID` when reconnecting; empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        text(&self.last_id)
    }

    /// The reconnection time that the server asked for, in milliseconds.
    #[must_use]
    pub const fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// What came so far that is no event: comment lines, and blocks that name an event or an id and have no data.
    #[must_use]
    pub const fn without_data(&self) -> u64 {
        self.without_data
    }

    /// Reads on, calling `on_event` for every event that `bytes` completes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLong`] if a line or the data of an event passes the limit.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_event: &mut impl FnMut(Event<'_>),
    ) -> Result<(), DecodeError> {
        if let Some(data) = self.whole_event(bytes) {
            on_event(Event {
                event: "message",
                data,
                last_event_id: text(&self.last_id),
            });
            return Ok(());
        }
        let mut rest = bytes;
        if usize::from(self.bom) < BOM.len() {
            rest = self.skip_bom(rest);
        }
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }

        // Declared before the block, which may borrow from it.
        let cut;
        let mut block = Block::default();
        if !self.line.is_empty() {
            let Some((tail, after)) = self.split_line(rest) else {
                return self.keep_line(rest);
            };
            cut = {
                let mut line = mem::take(&mut self.line);
                line.extend_from_slice(tail);
                line
            };
            self.field(&cut, &mut block)?;
            rest = after;
        }
        while !rest.is_empty() {
            let Some((line, after)) = self.split_line(rest) else {
                self.keep_line(rest)?;
                break;
            };
            if line.is_empty() {
                self.dispatch(&block, on_event);
                block = Block::default();
            } else {
                self.field(line, &mut block)?;
            }
            rest = after;
        }
        if block.is_started() {
            self.keep_block(&block);
        }
        if self.data.is_empty() && self.data.capacity() > 0 {
            self.data = Vec::new();
        }
        Ok(())
    }

    /// The data of an event if `bytes` are one, whole and plain, as servers of messages send them: perhaps a line `id: ` with a
    /// number, then a line `data: ` of printable ASCII, then an empty line. `None` for anything else, which is for
    /// [`feed`](Self::feed).
    ///
    /// Such an event has as many bytes as the formula of events says.
    #[inline]
    pub fn whole_event<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let begins = self.bom == 3
            && !self.after_cr
            && self.line.is_empty()
            && self.data.is_empty()
            && self.event.is_none()
            && self.next_id.is_none();
        if !begins {
            return None;
        }
        let (id, rest) = match bytes.strip_prefix(b"id: ") {
            Some(rest) => {
                let (id, rest) = leading_number(rest)?;
                (Some(id), rest.strip_prefix(b"\n")?)
            }
            // Without one the last one stays, and would be looked at.
            None if self.last_id.is_empty() => (None, bytes),
            None => return None,
        };
        let data = rest.strip_prefix(b"data: ")?.strip_suffix(b"\n\n")?;
        let id_line = id.map_or(0, |id| "id: ".len() + id.len());
        if data.len() > self.max_message || id_line > self.max_line() || !is_plain_line(data) {
            return None;
        }
        if let Some(id) = id {
            self.last_id.clear();
            self.last_id.extend_from_slice(id);
        }
        Some(data)
    }

    fn skip_bom<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let Some(&expected) = BOM.get(usize::from(self.bom)) {
            match rest.split_first() {
                Some((&byte, after)) if byte == expected => {
                    self.bom += 1;
                    rest = after;
                }
                Some(_) => {
                    // Not a mark after all: what looked like one starts the first line.
                    self.line.extend_from_slice(&BOM[..usize::from(self.bom)]);
                    self.bom = 3;
                }
                None => break,
            }
        }
        rest
    }

    /// The next line and what follows its line end; `None` if `bytes` holds no line end.
    #[inline]
    fn split_line<'a>(&mut self, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        // Every second line of a typical stream is empty: not worth a search.
        let at = match bytes.first() {
            Some(b'\n' | b'\r') => 0,
            _ => memchr2(b'\n', b'\r', bytes)?,
        };
        let (line, end) = bytes.split_at(at);
        let after = match end {
            [b'\r', b'\n', after @ ..] => after,
            [b'\r'] => {
                // The line is over, whatever comes: waiting for an LF would hold back an event.
                self.after_cr = true;
                &[]
            }
            _ => &end[1..],
        };
        Some((line, after))
    }

    /// Reads one line that is not empty. The names are exact: `Data` or `data :` mean nothing.
    #[inline]
    fn field<'a>(&mut self, line: &'a [u8], block: &mut Block<'a>) -> Result<(), DecodeError> {
        if line.len() > self.max_line() {
            return Err(self.too_long());
        }
        match line {
            [b'd', b'a', b't', b'a', b':', value @ ..] => self.data(strip_space(value), block)?,
            b"data" => self.data(b"", block)?,
            [b'i', b'd', b':', value @ ..] => Self::id(strip_space(value), block),
            b"id" => Self::id(b"", block),
            [b'e', b'v', b'e', b'n', b't', b':', value @ ..] => {
                block.event = Some(strip_space(value));
            }
            b"event" => block.event = Some(b""),
            [b'r', b'e', b't', b'r', b'y', b':', value @ ..] => self.retry(strip_space(value)),
            [b':', ..] => self.without_data += 1,
            // Unknown fields are ignored; `retry` alone has no digits.
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn data<'a>(&mut self, value: &'a [u8], block: &mut Block<'a>) -> Result<(), DecodeError> {
        if block.data.is_none() && self.data.is_empty() {
            if value.len() > self.max_message {
                return Err(self.too_long());
            }
            block.data = Some(value);
            return Ok(());
        }
        self.keep_data(block.data.take());
        // The LF that would follow the last line is not part of the message.
        if self.data.len() + value.len() > self.max_message {
            return Err(self.too_long());
        }
        self.keep_data(Some(value));
        Ok(())
    }

    fn id<'a>(value: &'a [u8], block: &mut Block<'a>) {
        if !value.contains(&0) {
            block.id = Some(value);
        }
    }

    /// Takes effect at once, without waiting for the end of the block.
    fn retry(&mut self, value: &[u8]) {
        if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
            let number = value.iter().fold(0_u64, |number, digit| {
                number
                    .saturating_mul(10)
                    .saturating_add(u64::from(digit - b'0'))
            });
            self.retry_ms = Some(number);
        }
    }

    #[inline]
    fn dispatch(&mut self, block: &Block<'_>, on_event: &mut impl FnMut(Event<'_>)) {
        let kept_id = self.next_id.take();
        if let Some(id) = block.id.or(kept_id.as_deref()) {
            self.last_id.clear();
            self.last_id.extend_from_slice(decode(id).as_bytes());
        }
        let kept_event = self.event.take();
        let named;
        let event = match block.event.or(kept_event.as_deref()) {
            None | Some(b"") => "message",
            Some(event) => {
                named = decode(event);
                &named
            }
        };
        // Either one line in this read, or lines that were put together: never both.
        let Some(data) = block.data.or_else(|| self.data.strip_suffix(b"\n")) else {
            let has_fields = block.is_started() || kept_event.is_some() || kept_id.is_some();
            self.without_data += u64::from(has_fields);
            return;
        };
        on_event(Event {
            event,
            data: &decode_bytes(data),
            last_event_id: text(&self.last_id),
        });
        self.data.clear();
    }

    fn keep_data(&mut self, line: Option<&[u8]>) {
        if let Some(line) = line {
            self.data.extend_from_slice(line);
            self.data.push(b'\n');
        }
    }

    fn keep_line(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if self.line.len() + bytes.len() > self.max_line() {
            return Err(self.too_long());
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Moves what a read left of a block out of the input.
    fn keep_block(&mut self, block: &Block<'_>) {
        self.keep_data(block.data);
        if let Some(event) = block.event {
            self.event = Some(event.into());
        }
        if let Some(id) = block.id {
            self.next_id = Some(id.into());
        }
    }

    const fn max_line(&self) -> usize {
        self.max_message.saturating_add(FIELD_NAME)
    }

    #[cold]
    const fn too_long(&self) -> DecodeError {
        DecodeError::TooLong {
            limit: self.max_message,
        }
    }
}

/// The number at the start of `bytes` as its only spelling, and what follows it.
#[inline]
fn leading_number(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // More digits may be more than 64 bits.
    const DIGITS: usize = 19;
    let mut len = 0;
    while let Some(b'0'..=b'9') = bytes.get(len) {
        len += 1;
    }
    if len == 0 || len > DIGITS || (len > 1 && bytes[0] == b'0') {
        return None;
    }
    Some(bytes.split_at(len))
}

/// An id that was decoded before.
fn text(id: &[u8]) -> &str {
    str::from_utf8(id).unwrap_or_default()
}

fn strip_space(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}

/// Decodes with replacement characters. Line ends, colons and spaces are ASCII, so decoding a field
/// alone gives what decoding the whole stream first would have given.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    // Valid text goes through the quick check of std; replacing walks byte by byte.
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// As [`decode`]. ASCII, which is most of what is sent, is recognised many bytes at a time.
#[inline]
fn decode_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    if is_ascii(bytes) {
        return Cow::Borrowed(bytes);
    }
    match decode(bytes) {
        Cow::Borrowed(_) => Cow::Borrowed(bytes),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
