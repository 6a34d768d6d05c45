//! The server half: a hyper response whose body is a subscription.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Either;
use hyper::server::conn::http1;
use hyper::{Method, StatusCode};

use crate::hub::{Hub, Topic};
use crate::listener::Worker;
use crate::stream::{self, Format, equalised, respond};
use crate::transport::{LocalFuture, ServeOptions};

use super::chat;
use super::encode;

/// Path of the endpoint.
pub(super) const PATH: &str = "/sse";

/// Events that are encoded once.
#[derive(Clone, Copy)]
struct Shared;

impl Format for Shared {
    type Message = Bytes;

    const PATH: &'static str = PATH;
    const CONTENT_TYPE: &'static str = "text/event-stream";

    fn chunk(self, event: Bytes, _options: &ServeOptions) -> Bytes {
        event
    }

    fn greeting(self, options: &ServeOptions) -> Option<Bytes> {
        retry(options)
    }

    fn heartbeat(self) -> Bytes {
        comment()
    }

    fn takes(self, status: StatusCode, method: &Method, options: &ServeOptions) -> bool {
        takes_post(status, method, options)
    }
}

/// What tells a client how long to wait before it reconnects.
pub(super) fn retry(options: &ServeOptions) -> Option<Bytes> {
    let ms = options.sse_retry_ms?;
    Some(Bytes::from(format!("retry: {ms}\n\n")))
}

/// What clients read over.
pub(super) fn comment() -> Bytes {
    let mut comment = Vec::new();
    encode::comment("", &mut comment);
    comment.into()
}

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let topic = Topic::in_rounds(hub, |frame| frame.bytes.clone());
    serve_with(topic, worker, options, equalised(), Shared).await;
}

/// Whether a request that is refused with `status` is one that the server was told to take.
pub(super) fn takes_post(status: StatusCode, method: &Method, options: &ServeOptions) -> bool {
    options.sse_post && method == Method::POST && status == StatusCode::METHOD_NOT_ALLOWED
}

/// Serves the messages of `topic`, and `/chat` beside them.
pub(super) async fn serve_with<F: Format>(
    topic: Rc<Topic<F::Message>>,
    worker: Worker,
    options: Arc<ServeOptions>,
    http: http1::Builder,
    format: F,
) {
    let shared = Rc::clone(&topic);
    let settings = Arc::clone(&options);
    stream::serve_with(topic, worker, options, http, move |request| {
        let answer = if chat::is_asked(&request) {
            // Boxed, so that subscriptions do not pay for it.
            let answer: LocalFuture<_> = Box::pin(chat::answer(request));
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
