//! The response on the stack `reference` whose messages are compressed, each by itself and once for all who take that.

use bytes::Bytes;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use hyper::{Method, Request, StatusCode};

use crate::deflate::{agree, gzip, stored, unpack};
use crate::tokens::http::Framing;
use crate::transport::ServeOptions;

use super::Format;

/// Another format, compressed.
#[derive(Clone, Copy)]
pub(crate) struct Packed<F> {
    format: F,
    /// The client takes it as it is.
    coded: bool,
}

impl<F> Packed<F> {
    pub(crate) fn new(format: F) -> Self {
        Self {
            format,
            coded: false,
        }
    }
}

impl<F: Format<Message = Bytes>> Format for Packed<F> {
    type Message = Bytes;

    const PATH: &'static str = F::PATH;
    const CONTENT_TYPE: &'static str = F::CONTENT_TYPE;
    const ANSWERS: Framing = F::ANSWERS;

    fn chunk(self, packed: Bytes, _options: &ServeOptions) -> Bytes {
        if self.coded {
            return packed;
        }
        let mut text = Vec::new();
        // It was packed here, and can be read.
        let _ = unpack(&packed, &mut text);
        text.into()
    }

    fn greeting(self, options: &ServeOptions) -> Option<Bytes> {
        if self.coded {
            return Some(Bytes::from_static(&gzip::HEADER));
        }
        self.format.greeting(options)
    }

    fn heartbeat(self) -> Bytes {
        let text = self.format.heartbeat();
        if !self.coded {
            return text;
        }
        let mut block = Vec::new();
        stored(&text, &mut block);
        block.into()
    }

    fn agreed<B>(self, request: &Request<B>) -> Self {
        Self {
            coded: agree::accepts_gzip(request),
            ..self
        }
    }

    fn coded(self, headers: &mut HeaderMap) {
        let accepts = HeaderValue::from_name(ACCEPT_ENCODING);
        headers.insert(VARY, accepts);
        if self.coded {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }

    fn takes(self, status: StatusCode, method: &Method, options: &ServeOptions) -> bool {
        self.format.takes(status, method, options)
    }
}
