//! Request heads and answers, byte for byte as hyper writes them, so that counted bytes can be compared.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};

use crate::http1::server;
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
pub(crate) struct Head {
    pub(crate) request: Request<()>,
    pub(crate) form: Form,
    /// Its bytes.
    pub(crate) used: usize,
    /// Bytes of the body behind it.
    pub(crate) skip: u64,
}

/// Reads the head at the start of `bytes`: `None` if it is cut, or the status that refuses it and ends the connection.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Head>, StatusCode> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut parsed = httparse::Request::new(&mut fields);
    let window = &bytes[..bytes.len().min(MAX_HEAD)];
    let used = match parsed.parse(window) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    let request = convert(&parsed).ok_or(StatusCode::BAD_REQUEST)?;
    let old = request.version() == Version::HTTP_10;
    let headers = request.headers();
    // RFC 9112 §3.2.
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && !old) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let skip = body(headers)?;
    let last = skip.is_none_or(|skip| skip > MAX_SKIPPED)
        || if old {
            !lists(headers, &CONNECTION, "keep-alive")
        } else {
            lists(headers, &CONNECTION, "close")
        };
    Ok(Some(Head {
        form: Form { old, last },
        used,
        skip: skip.unwrap_or(0),
        request,
    }))
}

fn convert(parsed: &httparse::Request<'_, '_>) -> Option<Request<()>> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    *request.uri_mut() = Uri::try_from(parsed.path?).ok()?;
    *request.version_mut() = match parsed.version? {
        0 => Version::HTTP_10,
        _ => Version::HTTP_11,
    };
    let headers = request.headers_mut();
    headers.reserve(parsed.headers.len());
    for field in &*parsed.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
    }
    Some(request)
}

/// Length of the body (RFC 9112 §6.3); `None` for one in chunks, of which the end is not looked for.
fn body(headers: &HeaderMap) -> Result<Option<u64>, StatusCode> {
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let digits = value.as_bytes();
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
    match (headers.get(TRANSFER_ENCODING), length) {
        (None, length) => Ok(Some(length.unwrap_or(0))),
        // Both at once is how requests are smuggled.
        (Some(_), Some(_)) => Err(StatusCode::BAD_REQUEST),
        (Some(_), None) => Ok(None),
    }
}

/// Whether one of the comma-separated tokens of the header is `token`.
pub(crate) fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Appends the head of an answer: its status, `fields`, each with its line end, and the rest as hyper does.
pub(crate) fn answer(
    status: StatusCode,
    fields: &[&str],
    form: Form,
    date: &mut Date,
    now: u64,
    out: &mut Vec<u8>,
) {
    let version = if form.old { "HTTP/1.0 " } else { "HTTP/1.1 " };
    out.reserve(192);
    for part in [
        version,
        status.as_str(),
        " ",
        status.canonical_reason().unwrap_or("Unknown"),
        "\r\n",
    ] {
        out.extend_from_slice(part.as_bytes());
    }
    // hyper adds these two itself, and tells of the connection first.
    let framing = |field: &&&str| {
        field.starts_with("content-length: ") || field.starts_with("transfer-encoding: ")
    };
    for field in fields.iter().filter(|field| !framing(field)) {
        out.extend_from_slice(field.as_bytes());
    }
    match (form.old, form.last) {
        (false, true) => out.extend_from_slice(b"connection: close\r\n"),
        (true, false) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        _ => {}
    }
    for field in fields.iter().filter(framing) {
        out.extend_from_slice(field.as_bytes());
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
    let fields = ["allow: GET\r\n", "content-length: 0\r\n"];
    let from = usize::from(status != StatusCode::METHOD_NOT_ALLOWED);
    // Of a body that is not asked for hyper does not tell the length.
    let to = if *method == Method::HEAD { 1 } else { 2 };
    answer(status, &fields[from.min(to)..to], form, date, now, out);
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
pub(crate) fn open(
    bytes: &[u8],
    path: &str,
    common: &mut Common,
    now: u64,
    reply: &mut Vec<u8>,
) -> Result<Head, Asked> {
    open_or(bytes, path, |_, _, _| false, common, now, reply)
}

/// The same, but `takes` may still take a request that would be refused with a status.
pub(crate) fn open_or(
    bytes: &[u8],
    path: &str,
    takes: impl Fn(StatusCode, &Method, &ServeOptions) -> bool,
    common: &mut Common,
    now: u64,
    reply: &mut Vec<u8>,
) -> Result<Head, Asked> {
    match read(bytes) {
        Ok(Some(head)) => match server::refuse(&head.request, path) {
            None => Ok(head),
            Some(status) if takes(status, head.request.method(), &common.options) => Ok(head),
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

impl Head {
    /// Answers the request with a refusal.
    pub(crate) fn refuse(
        &self,
        status: StatusCode,
        common: &mut Common,
        now: u64,
        reply: &mut Vec<u8>,
    ) -> Asked {
        let method = self.request.method();
        refuse(status, method, self.form, &mut common.date, now, reply);
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
