//! What the connections of a worker have in common: where the stream is found, and how answers to requests begin.

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::bare::Common;
use crate::http1::server::{after_of, refuse};
use crate::http2::frame::{self, flag, kind};
use crate::http2::head::{field, literal, name};
use crate::hub::Feed;
use crate::transport::ServeOptions;

use super::request::{Unfit, Wanted};

/// A stream of messages, as far as transports differ in it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Where it is asked for.
    pub(crate) path: &'static str,
    /// Its type.
    pub(crate) content_type: &'static str,
    /// What is sent before all messages.
    pub(crate) greeting: Option<Bytes>,
    /// Whether a request that is refused with a status is one that the server was told to take.
    pub(crate) takes: fn(StatusCode, &Method, &ServeOptions) -> bool,
}

/// What the connections of a worker share.
pub(super) struct Site {
    pub(super) endpoint: Endpoint,
    pub(super) common: Common,
    pub(super) feed: Feed<Bytes>,
    /// The fields of an answer with messages.
    block: Vec<u8>,
    /// Until when they hold, nanoseconds.
    fresh_until: u64,
}

impl Site {
    pub(super) fn new(endpoint: Endpoint, common: Common, feed: Feed<Bytes>) -> Self {
        Self {
            endpoint,
            common,
            feed,
            block: Vec::new(),
            fresh_until: 0,
        }
    }

    /// Where a request has its stream begin: the next message for it.
    ///
    /// # Errors
    ///
    /// The status that it is refused with.
    pub(super) fn admit(&mut self, wanted: &Wanted) -> Result<u64, Unfit> {
        use crate::http1::server::RequestHead as _;
        let Endpoint { path, takes, .. } = self.endpoint;
        if let Some(status) = refuse(wanted, path)
            && !takes(status, wanted.method(), &self.common.options)
        {
            return Err(Unfit::Refused(status));
        }
        let after = after_of(wanted).map_err(|_| Unfit::Refused(StatusCode::BAD_REQUEST))?;
        Ok(self.feed.place(after))
    }

    /// Appends the head of an answer with messages, its fields behind `before`.
    pub(super) fn begin(&mut self, stream: u32, before: &[u8], now: u64, out: &mut Vec<u8>) {
        if now >= self.fresh_until {
            self.block.clear();
            self.block.push(field::OK);
            let content_type = self.endpoint.content_type.as_bytes();
            literal(name::CONTENT_TYPE, content_type, &mut self.block);
            literal(name::CACHE_CONTROL, b"no-cache", &mut self.block);
            literal(name::DATE, self.common.date.at(now), &mut self.block);
            self.fresh_until = self.common.date.fresh_until();
        }
        let len = before.len() + self.block.len();
        frame::head(len, kind::HEADERS, flag::END_HEADERS, stream, out);
        out.extend_from_slice(before);
        out.extend_from_slice(&self.block);
    }

    /// Appends an answer that has nothing but a status.
    pub(super) fn refuse(
        &mut self,
        stream: u32,
        status: StatusCode,
        before: &[u8],
        now: u64,
        out: &mut Vec<u8>,
    ) {
        let mut block = before.to_vec();
        match status {
            StatusCode::BAD_REQUEST => block.push(field::BAD_REQUEST),
            StatusCode::NOT_FOUND => block.push(field::NOT_FOUND),
            _ => literal(name::STATUS, status.as_str().as_bytes(), &mut block),
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            // RFC 9110 §15.5.6: such an answer names the methods there are.
            literal(name::ALLOW, b"GET", &mut block);
        }
        literal(name::DATE, self.common.date.at(now), &mut block);
        let flags = flag::END_HEADERS | flag::END_STREAM;
        frame::frame(kind::HEADERS, flags, stream, &block, out);
    }
}
