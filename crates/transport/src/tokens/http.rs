//! `POST /chat` on the stack `reference`: tokens as the transport frames them, until the answer is whole.

use std::cell::OnceCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use pushbench_model::tokens::{Ask, MAX_ASK};
use pushbench_sys::clock;

use super::answer::Answer;
use super::plain;
use super::shelf::Shelf;
use super::timers::{Alarm, Timers};

/// Where a worker makes its answers.
pub(crate) struct Desk {
    pub(crate) shelf: Arc<Shelf>,
    timers: OnceCell<Rc<Timers>>,
}

impl Desk {
    pub(crate) fn new(shelf: Arc<Shelf>) -> Rc<Self> {
        Rc::new(Self {
            shelf,
            timers: OnceCell::new(),
        })
    }

    /// The timers of this thread; most servers never answer anybody, and have none.
    pub(crate) fn timers(&self) -> std::io::Result<Rc<Timers>> {
        if let Some(timers) = self.timers.get() {
            return Ok(Rc::clone(timers));
        }
        let timers = Timers::start()?;
        Ok(Rc::clone(self.timers.get_or_init(|| timers)))
    }
}

/// How a transport frames answers.
#[derive(Clone, Copy)]
pub(crate) struct Framing {
    /// Type of the response.
    pub(crate) content_type: &'static str,
    /// Appends the frame of a token, or of what ends the answer.
    pub(crate) frame: fn(&[u8], &mut Vec<u8>),
    /// Whether requests without a pace are answered, too ([`plain`]).
    pub(crate) plain: bool,
}

/// What is answered where nothing is known but answers with a pace.
pub(crate) const NO_PACE: &str = "answers need a pace here";

/// The content of a response.
pub(crate) type Content = Either<Speech, plain::Content>;

/// Whether an answer is asked for.
pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == super::PATH
}

/// Answers as the request asks.
pub(crate) async fn answer(
    request: Request<Incoming>,
    desk: Rc<Desk>,
    framing: Framing,
) -> Response<Content> {
    let body = Limited::new(request.into_body(), MAX_ASK);
    let Ok(body) = body.collect().await else {
        return refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "a shorter request, please".into(),
        );
    };
    let (body, arrived) = (body.to_bytes(), clock::now());
    let ask = match Ask::parse(&body) {
        Ok(ask) => ask,
        Err(_) if !plain::has_pace(&body) => {
            if framing.plain {
                return plain::answer(&body, desk.shelf.ledger()).map(Either::Right);
            }
            return refuse(StatusCode::NOT_FOUND, NO_PACE.into());
        }
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let timers = match desk.timers() {
        Ok(timers) => timers,
        Err(error) => return refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    let mut answer = Answer::begin(desk.shelf.ledger(), ask, arrived);
    if answer.is_stream() {
        let speech = Speech {
            answer: Some(answer),
            alarm: Alarm::default(),
            timers,
            frame: framing.frame,
            body: Vec::new(),
        };
        let mut response = Response::new(Either::Left(speech));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(framing.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        return response;
    }
    let (due, mut alarm) = (answer.due(), Alarm::default());
    poll_fn(|cx| match alarm.poll(due, &timers, cx) {
        Some(_) => Poll::Ready(()),
        None => Poll::Pending,
    })
    .await;
    let mut body = Vec::new();
    answer.take(clock::now(), &mut body);
    text(StatusCode::OK, "application/json", body.into())
}

fn refuse(status: StatusCode, reason: String) -> Response<Content> {
    text(status, "text/plain", reason.into())
}

fn text(status: StatusCode, content_type: &'static str, content: Bytes) -> Response<Content> {
    let content = Either::Right(Full::new(content));
    let mut response = Response::new(Either::Right(content));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// An answer as it is made: a chunk for each token, and one for its end.
pub(crate) struct Speech {
    answer: Option<Answer>,
    alarm: Alarm,
    timers: Rc<Timers>,
    frame: fn(&[u8], &mut Vec<u8>),
    body: Vec<u8>,
}

impl Body for Speech {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let Some(answer) = &mut this.answer else {
            return Poll::Ready(None);
        };
        let Some(now) = this.alarm.poll(answer.due(), &this.timers, cx) else {
            return Poll::Pending;
        };
        this.body.clear();
        let more = answer.take(now, &mut this.body);
        let mut framed = Vec::with_capacity(this.body.len() + 16);
        (this.frame)(&this.body, &mut framed);
        if !more {
            this.answer = None;
        }
        Poll::Ready(Some(Ok(Frame::data(framed.into()))))
    }
}
