//! Request heads and answers, byte for byte as hyper writes them, so that counted bytes can be compared.

use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING};
use http::{Method, StatusCode, Uri, Version};

use crate::ascii::push_decimal;
use crate::http1::body::Framing;
use crate::http1::server::{self, RequestHead};
use crate::transport::ServeOptions;

use super::{Asked, Common};

/// Longest head of a request, bytes.
pub(crate) const MAX_HEAD: usize = 16 * 1024;
/// Most fields in it, as hyper has it.
const MAX_FIELDS: usize = 100;
/// Longest body that is read away to keep a connection, bytes: no request that is served has one.
const MAX_SKIPPED: u64 = 64 * 1024;

/// How a request wants to be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// In HTTP/1.0.
    pub(crate) old: bool,
    /// The connection ends with the answer.
    pub(crate) last: bool,
}

impl Form {
    /// An answer in HTTP/1.1 that others may follow.
    #[inline]
    pub(crate) const fn is_usual(self) -> bool {
        !(self.old || self.last)
    }
}

/// A head that was read whole.
pub(crate) struct Head<'a> {
    method: Method,
    uri: Uri,
    version: Version,
    fields: Vec<(&'a str, &'a [u8])>,
    pub(crate) form: Form,
    /// Its bytes.
    pub(crate) used: usize,
    /// Bytes of the body behind it.
    pub(crate) skip: u64,
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &Method {
        &self.method
    }

    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn version(&self) -> Version {
        self.version
    }

    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let (fields, name) = (self.fields.iter(), name.as_str());
        let named = fields.filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }
}

/// Reads the head at the start of `bytes`: `None` if it is cut, or the status that refuses it and ends the connection.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Head<'_>>, StatusCode> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let window = &bytes[..bytes.len().min(MAX_HEAD)];
    let used = match parsed.parse_with_uninit_headers(window, &mut fields) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    let mut head = convert(&parsed, used).ok_or(StatusCode::BAD_REQUEST)?;
    let old = head.version == Version::HTTP_10;
    // RFC 9112 §3.2.
    let hosts = head.values(&HOST).count();
    if hosts > 1 || (hosts == 0 && !old) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let skip = body(&head)?;
    let last = skip.is_none_or(|skip| skip > MAX_SKIPPED)
        || if old {
            !head.lists(&CONNECTION, "keep-alive")
        } else {
            head.lists(&CONNECTION, "close")
        };
    head.form = Form { old, last };
    head.skip = skip.unwrap_or(0);
    Ok(Some(head))
}

/// The parser has seen to it that names and values hold nothing that they must not.
fn convert<'a>(parsed: &httparse::Request<'_, 'a>, used: usize) -> Option<Head<'a>> {
    Some(Head {
        method: Method::from_bytes(parsed.method?.as_bytes()).ok()?,
        uri: Uri::try_from(parsed.path?).ok()?,
        version: match parsed.version? {
            0 => Version::HTTP_10,
            _ => Version::HTTP_11,
        },
        fields: parsed
            .headers
            .iter()
            .map(|field| (field.name, field.value))
            .collect(),
        form: Form::default(),
        used,
        skip: 0,
    })
}

/// Length of the body (RFC 9112 §6.3); `None` for one in chunks, of which the end is not looked for.
fn body(head: &Head<'_>) -> Result<Option<u64>, StatusCode> {
    let mut length = None;
    for digits in head.values(&CONTENT_LENGTH) {
        let number = str::from_utf8(digits)
            .ok()
            .filter(|_| digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| digits.parse::<u64>().ok());
        match (number, length) {
            (Some(number), None) => length = Some(number),
            (Some(number), Some(before)) if number == before => {}
            _ => return Err(StatusCode::BAD_REQUEST),
        }
    }
    match (head.values(&TRANSFER_ENCODING).next(), length) {
        (None, length) => Ok(Some(length.unwrap_or(0))),
        // Both at once is how requests are smuggled.
        (Some(_), Some(_)) => Err(StatusCode::BAD_REQUEST),
        (Some(_), None) => Ok(None),
    }
}

/// How an answer without a body is delimited.
pub(crate) const NO_BODY: Option<Framing> = Some(Framing::Length(0));

/// Appends the head of an answer: its status, `fields` with their line ends, `framing` if the answer is to tell of it, and
/// the rest as hyper does.
pub(crate) fn answer(
    status: StatusCode,
    fields: &[&str],
    framing: Option<Framing>,
    form: Form,
    date: &mut Date,
    now: u64,
    out: &mut Vec<u8>,
) {
    let connection = match (form.old, form.last) {
        (false, true) => "connection: close\r\n",
        (true, false) => "connection: keep-alive\r\n",
        _ => "",
    };
    let start = [
        if form.old { "HTTP/1.0 " } else { "HTTP/1.1 " },
        status.as_str(),
        " ",
        status.canonical_reason().unwrap_or("Unknown"),
        "\r\n",
    ];
    out.reserve(256);
    for part in start.iter().chain(fields).chain([&connection]) {
        out.extend_from_slice(part.as_bytes());
    }
    match framing {
        Some(Framing::Length(length)) => {
            out.extend_from_slice(b"content-length: ");
            push_decimal(length, out);
            out.extend_from_slice(b"\r\n");
        }
        Some(Framing::Chunked) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Some(Framing::UntilClose) | None => {}
    }
    out.extend_from_slice(b"date: ");
    out.extend_from_slice(date.at(now));
    out.extend_from_slice(b"\r\n\r\n");
}

/// Appends an answer without a body.
fn refuse(
    status: StatusCode,
    method: &Method,
    form: Form,
    date: &mut Date,
    now: u64,
    out: &mut Vec<u8>,
) {
    // RFC 9110 §15.5.6: such an answer names the methods there are.
    let fields = ["allow: GET\r\n"];
    let fields = &fields[usize::from(status != StatusCode::METHOD_NOT_ALLOWED)..];
    // Of a body that is not asked for hyper does not tell the length.
    let framing = NO_BODY.filter(|_| *method != Method::HEAD);
    answer(status, fields, framing, form, date, now, out);
}

/// Bytes of a date (RFC 9110 §5.6.7).
const DATE_LEN: usize = 29;

/// The date of answers, written anew when a second has passed.
pub(crate) struct Date {
    text: Vec<u8>,
    /// Nanoseconds of the monotonic clock.
    fresh_until: u64,
}

impl Date {
    pub(crate) fn new() -> Self {
        Self {
            text: Vec::with_capacity(DATE_LEN),
            fresh_until: 0,
        }
    }

    /// Until when the date last asked for holds, nanoseconds.
    pub(crate) fn fresh_until(&self) -> u64 {
        self.fresh_until
    }

    /// The date at `now` of the monotonic clock.
    pub(crate) fn at(&mut self, now: u64) -> &[u8] {
        if now >= self.fresh_until {
            let time = SystemTime::now();
            let second = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            let left = Duration::from_secs(1) - Duration::from_nanos(second.subsec_nanos().into());
            self.fresh_until = now + left.as_nanos() as u64;
            self.text = httpdate::fmt_http_date(time).into_bytes();
        }
        &self.text
    }
}

/// Reads a request for `path` with GET. Anything else is answered in `reply`.
pub(crate) fn open<'a>(
    bytes: &'a [u8],
    path: &str,
    common: &mut Common,
    now: u64,
    reply: &mut Vec<u8>,
) -> Result<Head<'a>, Asked> {
    open_or(bytes, path, |_, _, _| false, common, now, reply)
}

/// The same, but `takes` may still take a request that would be refused with a status.
pub(crate) fn open_or<'a>(
    bytes: &'a [u8],
    path: &str,
    takes: impl Fn(StatusCode, &Method, &ServeOptions) -> bool,
    common: &mut Common,
    now: u64,
    reply: &mut Vec<u8>,
) -> Result<Head<'a>, Asked> {
    match read(bytes) {
        Ok(Some(head)) => match server::refuse(&head, path) {
            None => Ok(head),
            Some(status) if takes(status, &head.method, &common.options) => Ok(head),
            Some(status) => Err(head.refuse(status, common, now, reply)),
        },
        Ok(None) => Err(Asked::More),
        Err(status) => {
            let last = Form {
                old: false,
                last: true,
            };
            refuse(status, &Method::GET, last, &mut common.date, now, reply);
            Err(Asked::End)
        }
    }
}

impl Head<'_> {
    /// Answers the request with a refusal.
    pub(crate) fn refuse(
        &self,
        status: StatusCode,
        common: &mut Common,
        now: u64,
        reply: &mut Vec<u8>,
    ) -> Asked {
        refuse(
            status,
            &self.method,
            self.form,
            &mut common.date,
            now,
            reply,
        );
        self.answered()
    }

    /// What follows an answer to it.
    pub(crate) fn answered(&self) -> Asked {
        if self.form.last {
            return Asked::End;
        }
        Asked::Answered {
            used: self.used,
            skip: self.skip,
        }
    }
}
