//! The head of an HTTP/1.1 response: status line and fields, over `httparse`.

use std::mem::MaybeUninit;

use memchr::memchr;
use thiserror::Error;

use super::body::Framing;
use crate::limits::MAX_HEAD;

#[cfg(test)]
mod tests;

const PROTOCOL: &[u8] = b"HTTP/1.";
const MAX_FIELDS: usize = 100;

/// Why a response head cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeadError {
    /// The peer speaks something else. Found with the first wrong byte, so that nobody waits for the
    /// end of a head that will not come.
    #[error("http: the response starts with {got:?}, expected \"HTTP/1.\"")]
    NotHttp1 {
        /// The start of the response, up to the first wrong byte.
        got: String,
    },
    /// No end of the head within the limit.
    #[error("http: the response head is longer than {MAX_HEAD} bytes")]
    TooLong,
    /// The head breaks the grammar.
    #[error("http: malformed response head: {0}")]
    Malformed(#[from] httparse::Error),
    /// An empty line where the grammar allows none.
    #[error("http: the response head ends in the middle of its status line or of a field")]
    Cut,
    /// A length that is no number, or two lengths that differ.
    #[error("http: Content-Length is {got:?}, expected one decimal number below 2^64")]
    ContentLength {
        /// The value of the offending field.
        got: String,
    },
}

/// What a client needs to know of a response head. Text is `None` if the field is missing or is not
/// UTF-8; of a repeated field it is the last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The status code.
    pub status: u16,
    /// Bytes of the whole head, its empty line included.
    pub len: usize,
    /// `Content-Length`, unless `Transfer-Encoding` overrides it.
    pub content_length: Option<u64>,
    /// Whether the body is chunked: the last transfer coding decides.
    pub chunked: bool,
    /// Whether the connection ends with this response: `Connection: close`, HTTP/1.0 without
    /// keep-alive, or a body that only the end of the connection delimits.
    pub close: bool,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// `Upgrade`.
    pub upgrade: Option<&'a str>,
    /// `Connection`.
    pub connection: Option<&'a str>,
    /// Whether any `Connection` field lists `upgrade`.
    pub connection_upgrade: bool,
    /// `Sec-WebSocket-Accept`.
    pub sec_websocket_accept: Option<&'a str>,
    /// `Sec-WebSocket-Extensions`.
    pub sec_websocket_extensions: Option<&'a str>,
    /// `Sec-WebSocket-Protocol`.
    pub sec_websocket_protocol: Option<&'a str>,
    /// `Location`.
    pub location: Option<&'a str>,
    /// `ETag`.
    pub etag: Option<&'a str>,
    /// `Last-Modified`.
    pub last_modified: Option<&'a str>,
}

impl ResponseHead<'_> {
    /// Whether another head follows for the same request (1xx; but 101 is the answer).
    #[must_use]
    pub const fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    /// How the body is delimited (RFC 9112, section 6.3), for any request method but HEAD.
    #[must_use]
    pub const fn framing(&self) -> Framing {
        match (self.status, self.content_length) {
            (100..=199 | 204 | 304, _) => Framing::Length(0),
            _ if self.chunked => Framing::Chunked,
            (_, Some(length)) => Framing::Length(length),
            (_, None) => Framing::UntilClose,
        }
    }
}

/// Collects a response head over as many reads as it takes. A head that lies whole in one read is
/// not copied.
#[derive(Debug, Default)]
pub struct HeadReader {
    /// The bytes of earlier reads.
    cut: Vec<u8>,
    line_end: LineEnd,
    /// The last call returned a head; the next one starts afresh.
    complete: bool,
}

/// How much of the empty line that ends a head has been seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    #[default]
    No,
    Lf,
    LfCr,
}

impl HeadReader {
    /// Whether no byte of the next head has been read.
    #[must_use]
    #[inline]
    pub fn is_at_start(&self) -> bool {
        self.complete || (self.cut.is_empty() && self.line_end == LineEnd::No)
    }

    /// Reads on. Returns the head once it is complete, with the number of bytes of *this* read that
    /// belong to it: the body starts there. Calling again reads the next head.
    ///
    /// # Errors
    ///
    /// [`HeadError`], after which the connection is to be dropped.
    pub fn feed<'a>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Result<Option<(ResponseHead<'a>, usize)>, HeadError> {
        if self.complete {
            *self = Self::default();
        }
        let held = self.cut.len();
        check_protocol(held, bytes)?;
        let end = self.find_end(bytes);
        let taken = end.unwrap_or(bytes.len());
        if held + taken > MAX_HEAD {
            return Err(HeadError::TooLong);
        }
        self.complete = end.is_some();
        if held == 0 && self.complete {
            return Ok(Some((parse(&bytes[..taken])?, taken)));
        }
        self.cut.extend_from_slice(&bytes[..taken]);
        if self.complete {
            Ok(Some((parse(&self.cut)?, taken)))
        } else {
            Ok(None)
        }
    }

    /// Where the head ends in `bytes`: after LF LF or LF CR LF. A bare LF is accepted as a line end,
    /// as RFC 9112, section 2.2 allows.
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            if self.line_end == LineEnd::No {
                at += memchr(b'\n', &bytes[at..])? + 1;
                self.line_end = LineEnd::Lf;
            }
            let byte = *bytes.get(at)?;
            at += 1;
            self.line_end = match (self.line_end, byte) {
                (_, b'\n') => return Some(at),
                (LineEnd::Lf, b'\r') => LineEnd::LfCr,
                _ => LineEnd::No,
            };
        }
    }
}

/// Compares what `bytes` holds of the first bytes of the response, `held` of which were seen before.
fn check_protocol(held: usize, bytes: &[u8]) -> Result<(), HeadError> {
    let expected = PROTOCOL.get(held..).unwrap_or_default();
    match expected
        .iter()
        .zip(bytes)
        .position(|(expected, byte)| expected != byte)
    {
        None => Ok(()),
        Some(at) => {
            let got = [&PROTOCOL[..held], &bytes[..=at]].concat();
            Err(HeadError::NotHttp1 {
                got: String::from_utf8_lossy(&got).into_owned(),
            })
        }
    }
}

fn parse(bytes: &[u8]) -> Result<ResponseHead<'_>, HeadError> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        bytes,
        &mut fields,
    )?;
    let (httparse::Status::Complete(len), Some(status), Some(minor)) =
        (parsed, response.code, response.version)
    else {
        return Err(HeadError::Cut);
    };
    if len != bytes.len() {
        return Err(HeadError::Cut);
    }

    let mut head = ResponseHead {
        status,
        len,
        content_length: None,
        chunked: false,
        close: false,
        content_type: None,
        content_encoding: None,
        upgrade: None,
        connection: None,
        connection_upgrade: false,
        sec_websocket_accept: None,
        sec_websocket_extensions: None,
        sec_websocket_protocol: None,
        location: None,
        etag: None,
        last_modified: None,
    };
    let mut transfer_coded = false;
    let (mut close, mut keep_alive) = (false, false);
    for field in response.headers.iter() {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let text = str::from_utf8(field.value).ok();
        // The length separates all these names but two pairs, which spares most comparisons.
        match field.name.len() {
            4 if is("etag") => head.etag = text,
            7 if is("upgrade") => head.upgrade = text,
            8 if is("location") => head.location = text,
            10 if is("connection") => {
                head.connection = text;
                for token in tokens(text) {
                    close |= token.eq_ignore_ascii_case("close");
                    keep_alive |= token.eq_ignore_ascii_case("keep-alive");
                    head.connection_upgrade |= token.eq_ignore_ascii_case("upgrade");
                }
            }
            12 if is("content-type") => head.content_type = text,
            13 if is("last-modified") => head.last_modified = text,
            14 if is("content-length") => {
                head.content_length = Some(content_length(field.value, head.content_length)?);
            }
            16 if is("content-encoding") => head.content_encoding = text,
            17 if is("transfer-encoding") => {
                transfer_coded = true;
                if let Some(last) = tokens(text).last() {
                    head.chunked = last.eq_ignore_ascii_case("chunked");
                }
            }
            20 if is("sec-websocket-accept") => head.sec_websocket_accept = text,
            22 if is("sec-websocket-protocol") => head.sec_websocket_protocol = text,
            24 if is("sec-websocket-extensions") => head.sec_websocket_extensions = text,
            _ => {}
        }
    }
    if transfer_coded {
        head.content_length = None;
    }
    head.close = close
        || (minor == 0 && !keep_alive)
        || (status != 101 && head.framing() == Framing::UntilClose);
    Ok(head)
}

/// The members of a comma-separated list; empty ones are allowed and mean nothing.
fn tokens(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// One length, or the same one several times, as a list or as repeated fields (RFC 9112, 6.3).
fn content_length(value: &[u8], before: Option<u64>) -> Result<u64, HeadError> {
    let fault = || HeadError::ContentLength {
        got: String::from_utf8_lossy(value).into_owned(),
    };
    let mut length = before;
    for member in value.split(|byte| *byte == b',') {
        let digits = member.trim_ascii();
        // `parse` alone would accept a plus sign.
        let number = str::from_utf8(digits)
            .ok()
            .filter(|_| digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(fault)?;
        if length.is_some_and(|before| before != number) {
            return Err(fault());
        }
        length = Some(number);
    }
    length.ok_or_else(fault)
}
