//! One HTTP/1.1 response that never ends, chunked: what transports that push over it share, whatever their messages look
//! like in it.
//!
//! - [`Format`]: what is particular to one of them, on the stack `reference`
//! - `packed`: one whose messages are compressed
//! - `bare`: the same response on the stack `bare`
//! - [`socket`]: noticing who has stopped reading
//! - [`subscriber`]: the subscriber half

pub(crate) mod bare;
pub(crate) mod packed;
pub(crate) mod socket;
pub(crate) mod subscriber;

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{Either, Empty};
use hyper::body::{Body, Frame as BodyFrame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use pushbench_model::scenario::Compression;
use tokio::task::spawn_local;
use tokio::time::Interval;

use crate::deflate;
use crate::http1::server::{after_of, refuse, refuse_with};
use crate::http2::server::Http;
use crate::hub::{Frame, Hub, Lagged, Round, Subscription, Topic};
use crate::listener::{Worker, accept};
use crate::stack::Stack;
use crate::tls::guard::{Guard, Open, Secure};
use crate::tokens;
use crate::tokens::http::{Desk, Framing};
use crate::transport::{LocalFuture, ServeOptions};

use socket::Socket;

/// Appends what stands in the ring for `content` on a stack that compresses each message by itself.
pub(crate) fn pack(stack: Stack, content: &[u8], out: &mut Vec<u8>) {
    match stack {
        Stack::Bare => bare::packed_chunk(content, out),
        // hyper makes the chunk.
        _ => deflate::pack(content, out),
    }
}

/// How a stream can be compressed, and on which stack: hyper's responses share what was made once.
pub(crate) static PACKS: [(Stack, Compression); 3] = [
    (Stack::Bare, Compression::Message),
    (Stack::Bare, Compression::Stream),
    (Stack::Reference, Compression::Message),
];

/// How messages look in a stream, and where it is asked for.
pub(crate) trait Format: Copy + Unpin + 'static {
    /// What a topic holds of a message.
    type Message: Clone + Unpin + 'static;

    /// Path of the endpoint.
    const PATH: &'static str;
    /// Type of the response.
    const CONTENT_TYPE: &'static str;
    /// How answers look that are made for one client.
    const ANSWERS: Framing;

    /// What is sent of a message, as one chunk.
    fn chunk(self, message: Self::Message, options: &ServeOptions) -> Bytes;

    /// What is sent before all messages.
    fn greeting(self, _options: &ServeOptions) -> Option<Bytes> {
        None
    }

    /// What keeps an idle connection alive, and is no message.
    fn heartbeat(self) -> Bytes;

    /// The format for one client, by what it offers in its request.
    fn agreed<B>(self, _request: &Request<B>) -> Self {
        self
    }

    /// Adds to the head of the response what is to be said of its coding.
    fn coded(self, _headers: &mut HeaderMap) {}

    /// Whether a request that is refused with `status` is one that the server was told to take.
    fn takes(self, _status: StatusCode, _method: &Method, _options: &ServeOptions) -> bool {
        false
    }
}

/// The settings of hyper in the tuning `equalised`.
pub(crate) fn equalised() -> http1::Builder {
    // Flattening a small message and its chunk framing into one buffer is cheaper than a vectored write.
    let mut http = http1::Builder::new();
    http.writev(false);
    http
}

/// The messages of `hub` for one worker. Those of streams that share a connection are not served in rounds: each stream has a task of
/// its own, and their connection writes what all of them have.
pub(crate) fn topic<F: Clone + 'static>(
    hub: Arc<Hub>,
    options: &ServeOptions,
    convert: fn(&Frame) -> F,
) -> Rc<Topic<F>> {
    if options.http2 {
        Topic::new(hub, convert)
    } else {
        Topic::in_rounds(hub, convert)
    }
}

/// Serves the messages of `topic`, and answers beside them.
pub(crate) async fn serve<F: Format>(
    topic: Rc<Topic<F::Message>>,
    worker: Worker,
    options: Arc<ServeOptions>,
    http: http1::Builder,
    format: F,
) {
    match &options.tls {
        None => serve_behind(Open, topic, worker, options, http, format).await,
        Some(identity) => {
            let guard = Secure::new(identity, &options);
            serve_behind(guard, topic, worker, options, http, format).await;
        }
    }
}

async fn serve_behind<G: Guard, F: Format>(
    guard: G,
    topic: Rc<Topic<F::Message>>,
    worker: Worker,
    options: Arc<ServeOptions>,
    http: http1::Builder,
    format: F,
) {
    let shared = Rc::clone(&topic);
    let settings = Arc::clone(&options);
    let desk = Desk::new(Arc::clone(&worker.stats.chats));
    let http = Http::of(&options, http);
    serve_with(guard, topic, worker, options, http, move |request| {
        let answer = if tokens::http::is_asked(&request) {
            // Boxed, so that subscriptions do not pay for it.
            let answer = tokens::http::answer(request, Rc::clone(&desk), F::ANSWERS);
            let answer: LocalFuture<_> = Box::pin(answer);
            Either::Left(answer)
        } else {
            Either::Right(respond(&request, &shared, &settings, format))
        };
        async move {
            match answer {
                Either::Left(chat) => chat.await.map(|content| Either::Right(Box::new(content))),
                Either::Right(response) => response.map(Either::Left),
            }
        }
    })
    .await;
}

/// Serves what `answer` makes of requests, while messages flow into `topic`.
async fn serve_with<G, M, A, R, B>(
    guard: G,
    topic: Rc<Topic<M>>,
    worker: Worker,
    options: Arc<ServeOptions>,
    http: Http,
    answer: A,
) where
    G: Guard,
    M: Clone + Unpin + 'static,
    A: Fn(Request<Incoming>) -> R + Clone + 'static,
    R: Future<Output = Response<B>> + 'static,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let round = topic.has_rounds().then(|| Rc::new(Round::default()));
    let pump = match &round {
        Some(round) => spawn_local(Rc::clone(round).pump(Rc::clone(&topic))),
        None => spawn_local(Rc::clone(&topic).pump()),
    };
    accept(worker, options.tuning, options.dead_after(), |stream| {
        let (topic, guard) = (Rc::clone(&topic), guard.clone());
        let (http, answer, round) = (http.clone(), answer.clone(), round.clone());
        async move {
            let Some(stream) = guard.admit(stream).await else {
                return;
            };
            let socket = Socket::new(stream, topic);
            let service = service_fn(move |request| {
                let answer = answer(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            // A client that goes away ends its stream; that is not an error of the server. All but those who take part is boxed, so
            // that these do not keep room for it.
            match (http, round) {
                (Http::One(http), Some(round)) => {
                    round
                        .take_part(http.serve_connection(socket, service))
                        .await;
                }
                (Http::One(http), None) => {
                    drop(Box::pin(http.serve_connection(socket, service)).await);
                }
                (Http::Two(http), _) => {
                    drop(Box::pin(http.serve_connection(socket, service)).await);
                }
            }
        }
    })
    .await;
    pump.abort();
}

/// The content of an answer: messages, or that of a refusal.
pub(crate) type Content<F> = Either<Messages<F>, Empty<Bytes>>;

/// Answers a request with the messages after its cursor, or refuses it.
pub(crate) fn respond<F: Format>(
    request: &Request<Incoming>,
    topic: &Rc<Topic<F::Message>>,
    options: &Arc<ServeOptions>,
    format: F,
) -> Response<Content<F>> {
    if let Some(status) = refuse(request, F::PATH)
        && !format.takes(status, request.method(), options)
    {
        let mut response = Response::new(Either::Right(Empty::new()));
        refuse_with(&mut response, status);
        return response;
    }
    let Ok(after) = after_of(request) else {
        let mut response = Response::new(Either::Right(Empty::new()));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    let format = format.agreed(request);
    let messages = Messages::new(topic.subscribe(after), options, format);
    let mut response = Response::new(Either::Left(messages));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(F::CONTENT_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    format.coded(headers);
    response
}

/// The body: one data frame, and so one chunk, per message.
pub(crate) struct Messages<F: Format> {
    subscription: Subscription<F::Message>,
    format: F,
    options: Arc<ServeOptions>,
    greeting: Option<Bytes>,
    heartbeat: Option<Interval>,
}

impl<F: Format> Messages<F> {
    fn new(subscription: Subscription<F::Message>, options: &Arc<ServeOptions>, format: F) -> Self {
        Self {
            subscription,
            format,
            options: Arc::clone(options),
            greeting: format.greeting(options),
            heartbeat: options.heartbeat(),
        }
    }
}

impl<F: Format> Body for Messages<F> {
    type Data = Bytes;
    type Error = Lagged;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Lagged>>> {
        let this = self.get_mut();
        if let Some(greeting) = this.greeting.take() {
            return Poll::Ready(Some(Ok(BodyFrame::data(greeting))));
        }
        if let Poll::Ready(next) = this.subscription.poll_next(cx) {
            let chunk = next.map(|message| this.format.chunk(message, &this.options));
            return Poll::Ready(Some(chunk.map(BodyFrame::data)));
        }
        if let Some(heartbeat) = &mut this.heartbeat
            && !this.subscription.is_in_round()
            && heartbeat.poll_tick(cx).is_ready()
        {
            // The tick is consumed: arm the next one before waiting.
            cx.waker().wake_by_ref();
            return Poll::Ready(Some(Ok(BodyFrame::data(this.format.heartbeat()))));
        }
        Poll::Pending
    }
}
