//! The server half as a newcomer writes it: hyper as it comes, TCP_NODELAY as the system gives it, and the text of a line
//! made for each subscriber.

use std::sync::Arc;

use bytes::Bytes;
use hyper::server::conn::http1;

use crate::hub::{Frame, Hub, Topic};
use crate::listener::Worker;
use crate::stream::{self, Format};
use crate::tokens::http::Framing;
use crate::transport::ServeOptions;

use super::encode::{self, HEARTBEAT};
use super::server::{ANSWERS, CONTENT_TYPE, PATH};

/// Lines that are made for each subscriber.
#[derive(Clone, Copy)]
struct Formatted;

impl Format for Formatted {
    type Message = Frame;

    const PATH: &'static str = PATH;
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;
    const ANSWERS: Framing = ANSWERS;

    fn chunk(self, message: Frame, _options: &ServeOptions) -> Bytes {
        let mut line = Vec::new();
        encode::line(&message.bytes, &mut line);
        line.into()
    }

    fn heartbeat(self) -> Bytes {
        Bytes::from_static(HEARTBEAT)
    }
}

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let topic = Topic::new(hub, Frame::clone);
    stream::serve(topic, worker, options, http1::Builder::new(), Formatted).await;
}
