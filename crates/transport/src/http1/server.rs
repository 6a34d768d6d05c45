//! What the HTTP server halves share: which requests they refuse, and the cursor of a request.

use hyper::header::{ALLOW, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};

/// Where a client says which message it has last.
pub(crate) static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A request, whoever read it.
pub(crate) trait RequestHead {
    /// Its method.
    fn method(&self) -> &Method;

    /// Its target.
    fn uri(&self) -> &Uri;

    /// The version it is written in.
    fn version(&self) -> Version;

    /// The values of all fields called `name`.
    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// Whether one of the comma-separated tokens of the fields called `name` is `token`.
    fn lists(&self, name: &HeaderName, token: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }
}

impl<B> RequestHead for Request<B> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn uri(&self) -> &Uri {
        self.uri()
    }

    fn version(&self) -> Version {
        self.version()
    }

    fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let values = self.headers().get_all(name).iter();
        values.map(HeaderValue::as_bytes)
    }
}

/// The status for a request that does not ask for `path` with GET; `None` for one that does.
pub(crate) fn refuse(request: &impl RequestHead, path: &str) -> Option<StatusCode> {
    if request.uri().path() != path {
        Some(StatusCode::NOT_FOUND)
    } else if request.method() != Method::GET {
        Some(StatusCode::METHOD_NOT_ALLOWED)
    } else {
        None
    }
}

/// Makes `response` a refusal.
pub(crate) fn refuse_with<B>(response: &mut Response<B>, status: StatusCode) {
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        // RFC 9110 §15.5.6: such an answer names the methods there are.
        let get = HeaderValue::from_static("GET");
        response.headers_mut().insert(ALLOW, get);
    }
}

/// A cursor that is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadNumber;

/// The number of the last message a client has: `Last-Event-ID`, or `after` in the query. `None` when it names none.
pub(crate) fn after_of(request: &impl RequestHead) -> Result<Option<u64>, BadNumber> {
    match request.values(&LAST_EVENT_ID).next() {
        // A browser sends an empty id after a server reset it; that is as good as none.
        Some([]) => Ok(None),
        Some(value) => number(value).map(Some),
        None => number_of(request, "after"),
    }
}

/// The number `name` in the query. Without a value it is no number, and not the same as a missing one.
pub(crate) fn number_of(request: &impl RequestHead, name: &str) -> Result<Option<u64>, BadNumber> {
    // By bytes: a poll pays for this every time, and a search for characters costs several times as much.
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let mut pairs = query.split(|&byte| byte == b'&');
    let value = pairs.find_map(|pair| match pair.strip_prefix(name.as_bytes())? {
        [b'=', value @ ..] => Some(value),
        [] => Some(&[][..]),
        _ => None,
    });
    value.map(number).transpose()
}

/// Whether what the client of a WebSocket sends is to be published: `say=1` in the query, and no where it has none.
pub(crate) fn says(request: &impl RequestHead) -> Result<bool, BadNumber> {
    match number_of(request, "say")? {
        None | Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(_) => Err(BadNumber),
    }
}

/// Decimal digits and nothing else: `parse` would also accept a plus sign, which in a query stands for a space.
fn number(digits: &[u8]) -> Result<u64, BadNumber> {
    let value = digits.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| byte - b'0')?;
        value.checked_mul(10)?.checked_add(digit.into())
    });
    value.filter(|_| !digits.is_empty()).ok_or(BadNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, last_event_id: Option<&str>) -> Request<()> {
        let mut builder = Request::builder().uri(uri);
        if let Some(id) = last_event_id {
            builder = builder.header("Last-Event-ID", id);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn cursor_comes_from_header_or_query() {
        assert_eq!(after_of(&request("/sse", None)), Ok(None));
        assert_eq!(after_of(&request("/sse?after=7&x=1", None)), Ok(Some(7)));
        assert_eq!(after_of(&request("/sse?after=7", Some("9"))), Ok(Some(9)));
        assert_eq!(after_of(&request("/sse", Some(""))), Ok(None));
        for garbage in ["abc", "-1", "+1", "1 2", "18446744073709551616"] {
            assert_eq!(after_of(&request("/sse", Some(garbage))), Err(BadNumber));
        }
        for garbage in ["after", "after=", "after=+1", "after=0x1", "after=%31"] {
            let request = request(&format!("/sse?x=1&{garbage}"), None);
            assert_eq!(after_of(&request), Err(BadNumber), "{garbage}");
        }
        assert_eq!(
            number_of(&request("/poll?after=1&timeout=x", None), "timeout"),
            Err(BadNumber)
        );
    }

    #[test]
    fn a_client_says_something_or_not() {
        let says = |uri| says(&request(uri, None));
        assert_eq!(says("/ws"), Ok(false));
        assert_eq!(says("/ws?after=0&say=0"), Ok(false));
        assert_eq!(says("/ws?say=1&after=0"), Ok(true));
        for garbage in ["/ws?say=2", "/ws?say", "/ws?say=yes"] {
            assert_eq!(says(garbage), Err(BadNumber), "{garbage}");
        }
    }

    #[test]
    fn tokens_are_found_in_any_field_whatever_their_case() {
        let builder = Request::builder().header("Connection", "keep-alive,\t Upgrade");
        let request = builder.header("Connection", "x").body(()).unwrap();
        for token in ["keep-alive", "upgrade", "X"] {
            assert!(request.lists(&hyper::header::CONNECTION, token), "{token}");
        }
        for token in ["keep", "upgrades", "keep-alive,\t Upgrade", ""] {
            assert!(!request.lists(&hyper::header::CONNECTION, token), "{token}");
        }
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        assert_eq!(
            refuse(&request("/other", None), "/sse"),
            Some(StatusCode::NOT_FOUND)
        );
        let mut post = request("/sse", None);
        *post.method_mut() = Method::POST;
        assert_eq!(refuse(&post, "/sse"), Some(StatusCode::METHOD_NOT_ALLOWED));
        assert_eq!(refuse(&request("/sse?x", None), "/sse"), None);
    }
}
