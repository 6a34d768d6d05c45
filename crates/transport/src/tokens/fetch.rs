//! Answers that are fetched, over HTTP: what a request wants, and the answer to it on the stack `reference`.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use pushbench_model::tokens::{Ask, MAX_ASK};
use pushbench_sys::clock;

use super::PATH;
use super::http::{Desk, NO_PACE};
use super::plain::has_pace;
use super::shelf::{Fetched, Full as NoRoom, Refusal};
use super::timers::Alarm;
use crate::http1::server::{RequestHead, number_of};

/// Type of an answer that comes at once, and of what is said of one.
pub(crate) const JSON: &str = "application/json";
/// Type of tokens in lines.
pub(crate) const LINES: &str = "application/x-ndjson";
/// Characters of a name.
const NAME: usize = 16;

/// What a request wants of answers that are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Begin one.
    Begin,
    /// What there is of one.
    Fetch(Wanted),
    /// Stop one.
    Stop(u64),
}

/// What is to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Name of the answer.
    pub(crate) name: u64,
    /// The token behind which to begin.
    pub(crate) after: u64,
    /// How long to wait for something, nanoseconds.
    pub(crate) hold: u64,
}

impl Wish {
    /// What `request` wants; it is held for `longest` nanoseconds at most.
    pub(crate) fn of(request: &impl RequestHead, longest: u64) -> Result<Self, StatusCode> {
        let rest = request.uri().path().strip_prefix(PATH);
        let rest = rest.ok_or(StatusCode::NOT_FOUND)?;
        if rest.is_empty() && *request.method() == Method::POST {
            return Ok(Self::Begin);
        }
        let name = rest.strip_prefix('/').and_then(read_name);
        let name = name.ok_or(StatusCode::NOT_FOUND)?;
        match *request.method() {
            Method::DELETE => Ok(Self::Stop(name)),
            Method::GET => {
                let (after, hold) = (number_of(request, "after"), number_of(request, "timeout"));
                let (Ok(after), Ok(hold)) = (after, hold) else {
                    return Err(StatusCode::BAD_REQUEST);
                };
                let hold = hold.map_or(u64::MAX, |ms| ms.saturating_mul(1_000_000));
                Ok(Self::Fetch(Wanted {
                    name,
                    after: after.unwrap_or(0),
                    hold: hold.min(longest),
                }))
            }
            _ => Err(StatusCode::NOT_FOUND),
        }
    }
}

/// A name as it is written.
fn read_name(text: &str) -> Option<u64> {
    let is_name = text.len() == NAME && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| is_name)
}

/// The content of the answer that says the name of one that was begun.
pub(crate) fn begun(name: u64) -> String {
    format!("{{\"id\":\"{name:016x}\"}}")
}

/// Status and words for a refusal.
pub(crate) fn refused(refusal: Refusal) -> (StatusCode, String) {
    match refusal {
        Refusal::Unknown => (StatusCode::NOT_FOUND, "no such answer".into()),
        Refusal::Number(reason) => (StatusCode::BAD_REQUEST, reason),
    }
}

/// Status and words where there is no room for another answer.
pub(crate) fn no_room(_: NoRoom) -> (StatusCode, String) {
    let reason = "too many answers wait to be fetched";
    (StatusCode::SERVICE_UNAVAILABLE, reason.into())
}

/// Status and words for a body that is no request for an answer with a pace.
pub(crate) fn no_ask(body: &[u8], error: &impl ToString) -> (StatusCode, String) {
    if has_pace(body) {
        (StatusCode::BAD_REQUEST, error.to_string())
    } else {
        (StatusCode::NOT_FOUND, NO_PACE.to_owned())
    }
}

/// Whether a request is about answers.
pub(crate) fn is_meant<B>(request: &Request<B>) -> bool {
    request.uri().path().starts_with(PATH)
}

/// Answers `request` on the stack `reference`, and holds it for `longest` nanoseconds at most.
pub(crate) async fn respond(
    request: Request<Incoming>,
    desk: Rc<Desk>,
    longest: u64,
) -> Response<Full<Bytes>> {
    let (status, content_type, body) = match Wish::of(&request, longest) {
        Ok(Wish::Begin) => begin(request, &desk, longest).await,
        Ok(Wish::Fetch(wanted)) => fetch(wanted, &desk, longest).await,
        Ok(Wish::Stop(name)) => {
            let mut body = Vec::new();
            match desk.shelf.stop(name, clock::now(), &mut body) {
                true => (StatusCode::OK, JSON, body),
                false => words(refused(Refusal::Unknown)),
            }
        }
        Err(status) => words((status, String::new())),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

type Said = (StatusCode, &'static str, Vec<u8>);

fn words((status, reason): (StatusCode, String)) -> Said {
    (status, "text/plain", reason.into_bytes())
}

async fn begin(request: Request<Incoming>, desk: &Desk, hold: u64) -> Said {
    let body = Limited::new(request.into_body(), MAX_ASK).collect().await;
    let Ok(body) = body else {
        let reason = "a shorter request, please".to_owned();
        return words((StatusCode::PAYLOAD_TOO_LARGE, reason));
    };
    let (body, arrived) = (body.to_bytes(), clock::now());
    match Ask::parse(&body) {
        Ok(ask) => match desk.shelf.begin(ask, hold, arrived) {
            Ok(name) => (StatusCode::ACCEPTED, JSON, begun(name).into_bytes()),
            Err(full) => words(no_room(full)),
        },
        Err(error) => words(no_ask(&body, &error)),
    }
}

async fn fetch(wanted: Wanted, desk: &Desk, longest: u64) -> Said {
    let timers = match desk.timers() {
        Ok(timers) => timers,
        Err(error) => return words((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    };
    let Wanted { name, after, hold } = wanted;
    let until = clock::now().saturating_add(hold);
    let (mut body, mut alarm) = (Vec::new(), Alarm::default());
    let fetched = poll_fn(|cx| {
        loop {
            let now = clock::now();
            let fetched = desk.shelf.fetch(name, after, longest, now, &mut body);
            let Ok(Fetched::NotYet(due)) = fetched else {
                return Poll::Ready(fetched);
            };
            if now >= until {
                return Poll::Ready(fetched);
            }
            if alarm.poll(due.min(until), &timers, cx).is_none() {
                return Poll::Pending;
            }
        }
    })
    .await;
    match fetched {
        Ok(Fetched::NotYet(_)) => (StatusCode::NO_CONTENT, "", body),
        Ok(Fetched::Lines) => (StatusCode::OK, LINES, body),
        Ok(Fetched::Whole) => (StatusCode::OK, JSON, body),
        Err(refusal) => words(refused(refusal)),
    }
}
