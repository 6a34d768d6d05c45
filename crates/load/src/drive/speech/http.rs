//! Requests and refusals.

use pushbench_model::drive::FaultKind;
use pushbench_transport::http1::head::ResponseHead;

use super::Stop;
use crate::drive::place::Place;

/// Appends a request. Of a header given twice the first one counts, whatever its case; one without a value is left out.
pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    out: &mut Vec<u8>,
) {
    for part in [method, " ", path, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    for (index, (name, value)) in headers.iter().enumerate() {
        let is_there = |(before, _): &(&str, &str)| before.eq_ignore_ascii_case(name);
        if !headers[..index].iter().any(is_there) && !value.is_empty() {
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    if !body.is_empty() || !matches!(method, "GET" | "HEAD") {
        out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

/// What is sent to the host that it was given for, and not to where that redirects.
const CREDENTIALS: [&str; 3] = ["Authorization", "Cookie", "Proxy-Authorization"];

/// Those that a person asked for go before ours.
pub(super) fn headers<'a>(
    asked: &'a [(String, String)],
    place: &'a Place,
    ours: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let is_told = |name: &str| {
        !place.is_foreign || !CREDENTIALS.iter().any(|one| one.eq_ignore_ascii_case(name))
    };
    let mut headers: Vec<(&str, &str)> = asked
        .iter()
        .filter(|(name, _)| is_told(name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    headers.push(("Host", &place.host));
    headers.extend(place.basic.as_deref().map(|basic| ("Authorization", basic)));
    headers.extend_from_slice(ours);
    headers
}

/// What is wrong with an answer that is no 200.
pub(super) fn refused(head: &ResponseHead<'_>) -> Stop {
    match (head.status, head.location) {
        (301 | 302 | 303 | 307 | 308, Some(location)) => {
            Stop::Redirect(head.status, location.to_owned())
        }
        (301 | 302 | 303 | 307 | 308, None) => Stop::Fault(
            FaultKind::Redirect,
            format!(
                "the server answered {} and does not say where to go",
                head.status
            ),
        ),
        (status, _) => {
            let hint = match status {
                200 => " (it does not upgrade: is there a WebSocket?)",
                204 => " (which asks an EventSource not to come back)",
                404 | 405 => " (are path and method right?)",
                401 | 403 => " (it wants credentials: --header 'Authorization: ...')",
                429 => " (it limits its clients)",
                426 => " (it wants an upgrade: does a proxy keep it back?)",
                502..=504 => " (it, or a proxy in front of it, is overloaded or down)",
                _ => "",
            };
            Stop::Fault(
                FaultKind::Status,
                format!("the server answered {status}{hint}"),
            )
        }
    }
}

/// A broken rule of HTTP or of a transport.
pub(super) fn broken(error: &impl ToString) -> Stop {
    Stop::Fault(FaultKind::Protocol, error.to_string())
}

/// The connection has ended in the middle of a response: it was cut, and no rule was broken.
pub(super) fn cut() -> Stop {
    Stop::Fault(
        FaultKind::Ended,
        "the connection ended in the middle of a response".into(),
    )
}

/// The other side has ended the subscription.
pub(super) fn ended(how: &str) -> Stop {
    Stop::Fault(
        FaultKind::Ended,
        format!("the server ended the connection {how}"),
    )
}
