//! The server half: a hyper response whose body is a subscription.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Method, StatusCode};

use crate::hub::Hub;
use crate::listener::Worker;
use crate::stream::packed::Packed;
use crate::stream::{self, Format, equalised};
use crate::tokens::http::Framing;
use crate::transport::ServeOptions;

use super::{decode, encode};

/// Path of the endpoint.
pub(super) const PATH: &str = "/sse";
/// Type of the response.
pub(super) const CONTENT_TYPE: &str = "text/event-stream";

/// Tokens as events without a name and an id, as services of language models send them.
pub(super) const ANSWERS: Framing = Framing {
    content_type: CONTENT_TYPE,
    frame: |body, out| {
        let fields = encode::Fields::default();
        encode::event(&fields, &decode::decode(body), out);
    },
    plain: true,
};

/// Events that are encoded once.
#[derive(Clone, Copy)]
struct Shared;

impl Format for Shared {
    type Message = Bytes;

    const PATH: &'static str = PATH;
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;
    const ANSWERS: Framing = ANSWERS;

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
    let topic = stream::topic(hub, &options, |frame| frame.bytes.clone());
    match options.compression {
        None => stream::serve(topic, worker, options, equalised(), Shared).await,
        Some(_) => {
            let packed = Packed::new(Shared);
            stream::serve(topic, worker, options, equalised(), packed).await;
        }
    }
}

/// Whether a request that is refused with `status` is one that the server was told to take.
pub(super) fn takes_post(status: StatusCode, method: &Method, options: &ServeOptions) -> bool {
    options.sse_post && method == Method::POST && status == StatusCode::METHOD_NOT_ALLOWED
}
