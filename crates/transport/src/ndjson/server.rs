//! The server half: a hyper response whose body is a subscription.

use std::sync::Arc;

use bytes::Bytes;

use crate::hub::Hub;
use crate::listener::Worker;
use crate::stream::packed::Packed;
use crate::stream::{self, Format, equalised};
use crate::tokens::http::Framing;
use crate::transport::ServeOptions;

use super::encode::{self, HEARTBEAT};

/// Path of the endpoint.
pub(super) const PATH: &str = "/ndjson";
/// Type of the response.
pub(super) const CONTENT_TYPE: &str = "application/x-ndjson";

/// Tokens as lines.
pub(super) const ANSWERS: Framing = Framing {
    content_type: CONTENT_TYPE,
    frame: encode::line,
    plain: false,
};

/// Lines that are encoded once.
#[derive(Clone, Copy)]
struct Shared;

impl Format for Shared {
    type Message = Bytes;

    const PATH: &'static str = PATH;
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;
    const ANSWERS: Framing = ANSWERS;

    fn chunk(self, line: Bytes, _options: &ServeOptions) -> Bytes {
        line
    }

    fn heartbeat(self) -> Bytes {
        Bytes::from_static(HEARTBEAT)
    }
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
