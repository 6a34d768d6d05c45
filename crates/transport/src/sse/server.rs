//! The server half: a hyper response whose body is a subscription.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Either;
use http_body_util::Empty;
use hyper::body::{Body, Frame as BodyFrame, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use tokio::time::Interval;

use crate::http1::server::{after_of, refuse, refuse_with};
use crate::hub::{Hub, Lagged, Subscription, Topic};
use crate::listener::{Worker, accept};
use crate::transport::{LocalFuture, ServeOptions};

use super::chat;
use super::encode;
use super::socket::Socket;

/// Path of the endpoint.
pub(super) const PATH: &str = "/sse";

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let topic = Topic::new(hub, |frame| frame.bytes.clone());
    // Flattening a small event and its chunk framing into one buffer is cheaper than a vectored write.
    let mut http = http1::Builder::new();
    http.writev(false);
    serve_with(topic, worker, options, http, |event, _| event).await;
}

/// Whether a request that is refused with `status` is one that the server was told to take.
pub(super) fn takes_post(status: StatusCode, method: &Method, options: &ServeOptions) -> bool {
    options.sse_post && method == Method::POST && status == StatusCode::METHOD_NOT_ALLOWED
}

/// Serves what `event` makes of every message of `topic`, for each subscriber.
pub(super) async fn serve_with<F, E>(
    topic: Rc<Topic<F>>,
    worker: Worker,
    options: Arc<ServeOptions>,
    http: http1::Builder,
    event: E,
) where
    F: Clone + Unpin + 'static,
    E: Fn(F, &ServeOptions) -> Bytes + Copy + Unpin + 'static,
{
    let pump = tokio::task::spawn_local(Rc::clone(&topic).pump());
    accept(worker, options.tuning, |stream| {
        let topic = Rc::clone(&topic);
        let options = Arc::clone(&options);
        let http = http.clone();
        async move {
            let socket = Socket::new(stream, Rc::clone(&topic));
            let service = service_fn(move |request| {
                let answer = if chat::is_asked(&request) {
                    // Boxed, so that subscriptions do not pay for it.
                    let answer: LocalFuture<_> = Box::pin(chat::answer(request));
                    Either::Left(answer)
                } else {
                    Either::Right(respond(&request, &topic, &options, event))
                };
                async move {
                    Ok::<_, Infallible>(match answer {
                        Either::Left(chat) => {
                            chat.await.map(|content| Either::Right(Box::new(content)))
                        }
                        Either::Right(response) => response.map(Either::Left),
                    })
                }
            });
            let connection = http.serve_connection(socket, service);
            // A client that goes away ends its stream; that is not an error of the server.
            let _ = connection.await;
        }
    })
    .await;
    pump.abort();
}

type EventStream<F, E> = Either<Events<F, E>, Empty<Bytes>>;

fn respond<F: Clone, E>(
    request: &hyper::Request<Incoming>,
    topic: &Rc<Topic<F>>,
    options: &Arc<ServeOptions>,
    event: E,
) -> Response<EventStream<F, E>> {
    if let Some(status) = refuse(request, PATH)
        && !takes_post(status, request.method(), options)
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
    let events = Events::new(topic.subscribe(after), options, event);
    let mut response = Response::new(Either::Left(events));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The body: one data frame, and so one chunk, per event.
struct Events<F: Clone + 'static, E> {
    subscription: Subscription<F>,
    event: E,
    options: Arc<ServeOptions>,
    greeting: Option<Bytes>,
    heartbeat: Option<Interval>,
}

impl<F: Clone, E> Events<F, E> {
    fn new(subscription: Subscription<F>, options: &Arc<ServeOptions>, event: E) -> Self {
        let greeting = options
            .sse_retry_ms
            .map(|ms| Bytes::from(format!("retry: {ms}\n\n")));
        Self {
            subscription,
            event,
            options: Arc::clone(options),
            greeting,
            heartbeat: options.heartbeat(),
        }
    }
}

impl<F, E> Body for Events<F, E>
where
    F: Clone + Unpin + 'static,
    E: Fn(F, &ServeOptions) -> Bytes + Unpin,
{
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
            let event = next.map(|message| (this.event)(message, &this.options));
            return Poll::Ready(Some(event.map(BodyFrame::data)));
        }
        if let Some(heartbeat) = &mut this.heartbeat
            && heartbeat.poll_tick(cx).is_ready()
        {
            let mut comment = Vec::new();
            encode::comment("", &mut comment);
            // The tick is consumed: arm the next one before waiting.
            cx.waker().wake_by_ref();
            return Poll::Ready(Some(Ok(BodyFrame::data(comment.into()))));
        }
        Poll::Pending
    }
}
