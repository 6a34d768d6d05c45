//! The server half as a newcomer writes it: hyper as it comes, TCP_NODELAY as the system gives it, and the text of an
//! event formatted for each subscriber.

use std::sync::Arc;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::{Method, StatusCode};

use crate::hub::{Frame, Hub, Topic};
use crate::listener::Worker;
use crate::stream::{self, Format};
use crate::tokens::http::Framing;
use crate::transport::ServeOptions;

use super::server::{ANSWERS, CONTENT_TYPE, PATH, comment, retry, takes_post};

/// Events that are formatted for each subscriber.
#[derive(Clone, Copy)]
struct Formatted;

impl Format for Formatted {
    type Message = Frame;

    const PATH: &'static str = PATH;
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;
    const ANSWERS: Framing = ANSWERS;

    fn chunk(self, message: Frame, options: &ServeOptions) -> Bytes {
        event(&message, options)
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

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let topic = Topic::new(hub, Frame::clone);
    let http = http1::Builder::new();
    stream::serve(topic, worker, options, http, Formatted).await;
}

fn event(message: &Frame, options: &ServeOptions) -> Bytes {
    let text = String::from_utf8_lossy(&message.bytes);
    let mut head = String::new();
    if let Some(name) = &options.sse_event {
        // Only the first line: a line end cannot be part of a type.
        let name = name.split(['\n', '\r']).next().unwrap_or_default();
        head += &format!("event: {name}\n");
    }
    if options.sse_ids {
        head += &format!("id: {}\n", message.seq);
    }
    let event = if text.contains(['\n', '\r']) {
        let lines = text.replace("\r\n", "\n").replace(['\n', '\r'], "\ndata: ");
        format!("{head}data: {lines}\n\n")
    } else {
        format!("{head}data: {text}\n\n")
    };
    event.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hub::Message;
    use crate::sse::Sse;
    use crate::transport::Transport as _;

    proptest! {
        /// Both tunings put the same bytes on the wire.
        #[test]
        fn an_event_is_the_same_as_one_that_is_shared(
            name in proptest::option::of("[a-z\n\r]{0,8}"),
            ids: bool,
            body in prop_oneof![
                "([a-zé]|\r|\n|\r\n){0,40}".prop_map(String::into_bytes),
                any::<Vec<u8>>(),
            ],
        ) {
            let options = ServeOptions { sse_ids: ids, sse_event: name, ..ServeOptions::default() };
            let mut shared = Vec::new();
            Sse.encode(Message { seq: 7, body: &body, binary: false }, &options, &mut shared);
            let own = event(&Frame { seq: 7, bytes: body.into(), binary: false }, &options);
            prop_assert_eq!(own, shared);
        }
    }
}
