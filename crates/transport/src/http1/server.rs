//! What the HTTP server halves share: which requests they refuse, and the cursor of a request.

use hyper::{Method, Request, StatusCode};

/// The status for a request that does not ask for `path` with GET; `None` for one that does.
pub(crate) fn refuse<B>(request: &Request<B>, path: &str) -> Option<StatusCode> {
    if request.uri().path() != path {
        Some(StatusCode::NOT_FOUND)
    } else if request.method() != Method::GET {
        Some(StatusCode::METHOD_NOT_ALLOWED)
    } else {
        None
    }
}

/// A cursor that is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadNumber;

/// The number of the last message a client has: `Last-Event-ID`, or `after` in the query. `None` when it names none.
pub(crate) fn after_of<B>(request: &Request<B>) -> Result<Option<u64>, BadNumber> {
    match request.headers().get("last-event-id") {
        // A browser sends an empty id after a server reset it; that is as good as none.
        Some(value) if value.is_empty() => Ok(None),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or(BadNumber),
        None => number_of(request, "after"),
    }
}

/// The number `name` in the query.
pub(crate) fn number_of<B>(request: &Request<B>, name: &str) -> Result<Option<u64>, BadNumber> {
    let query = request.uri().query().unwrap_or_default();
    let value = query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
    value
        .map(|(_, value)| value.parse().map_err(|_| BadNumber))
        .transpose()
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
        assert_eq!(after_of(&request("/sse", Some("abc"))), Err(BadNumber));
        assert_eq!(
            number_of(&request("/poll?after=1&timeout=x", None), "timeout"),
            Err(BadNumber)
        );
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
