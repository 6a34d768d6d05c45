//! What becomes of an `EventSource` when it is answered and when its connection ends, by the rules of WHATWG HTML,
//! section 9.2.3 "Processing model". Pure: it is told what happened and says what is to be done.
//!
//! ```text
//! request ──▶ answered ──┬─▶ Open ──────▶ read with Source::decoder ──▶ ended ──▶ Reconnect
//!    ▲                   ├─▶ Follow ────▶ request the location
//!    │                   └─▶ Closed ────▶ never again
//!    └── after Reconnect::after_ms, with Source::last_event_id ── Reconnect ◀── ended, without any answer
//! ```

use super::decode::Decoder;

pub use mime::is_event_stream;

mod mime;
#[cfg(test)]
mod tests;

/// How long Chromium waits before it connects again unless the server has said otherwise, milliseconds. The standard
/// asks for "probably in the region of a few seconds".
pub const CHROMIUM_RETRY_MS: u64 = 3_000;
/// How many redirects a request may meet (WHATWG Fetch, "HTTP-redirect fetch").
pub const MAX_REDIRECTS: u32 = 20;

/// The attribute `readyState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// No answer yet, or waiting to connect again.
    Connecting = 0,
    /// Events are being received.
    Open = 1,
    /// It does not connect again.
    Closed = 2,
}

/// How a request or its answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nobody answered: the name did not resolve, the connection was refused or timed out, TLS failed.
    Unreachable,
    /// The connection broke before the answer was whole: a reset, a cut chunk, too few bytes for `Content-Length`.
    Broken,
    /// The body ended as its framing says it may.
    Complete,
    /// The same as [`Unreachable`](Self::Unreachable), where the caller knows that it will never be otherwise. The standard
    /// leaves it to the user agent whether it gives up then.
    Futile,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Announce the connection and read the body as an event stream.
    Open,
    /// Request the location that the answer gives, at once; if it is no URL, [`Ending::Unreachable`] has happened.
    Follow,
    /// Request the first URL again.
    Reconnect {
        /// After this time, milliseconds. A user agent may wait longer, as after several failures in a row.
        after_ms: u64,
    },
    /// Nothing, ever again.
    Closed(Why),
}

/// Why an event source is closed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// An answer other than 200; 204 is how a server asks for this.
    Status(u16),
    /// An answer that is no event stream.
    ContentType,
    /// See [`Ending::Futile`].
    Futile,
    /// [`Source::close`] was called.
    Closed,
}

/// The head of an answer, as far as the rules look at it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// `Content-Type`; of several fields, all of them joined with a comma.
    pub content_type: Option<&'a str>,
    /// `Location`.
    pub location: Option<&'a str>,
}

/// An event source between and during its connections.
#[derive(Clone, Debug)]
pub struct Source {
    ready: ReadyState,
    why: Option<Why>,
    retry_ms: u64,
    last_event_id: Box<str>,
    redirects: u32,
}

impl Source {
    /// An event source whose first request is on its way. `retry_ms` is the reconnection time until the server sets
    /// one: [`CHROMIUM_RETRY_MS`] if nothing speaks for another.
    #[must_use]
    pub fn new(retry_ms: u64) -> Self {
        Self {
            ready: ReadyState::Connecting,
            why: None,
            retry_ms,
            last_event_id: Box::default(),
            redirects: 0,
        }
    }

    /// A source whose first request names the last event that somebody else has received; empty: none.
    #[must_use]
    pub fn resuming(retry_ms: u64, last_event_id: &str) -> Self {
        Self {
            last_event_id: last_event_id.into(),
            ..Self::new(retry_ms)
        }
    }

    /// The attribute `readyState`.
    #[must_use]
    pub const fn ready_state(&self) -> ReadyState {
        self.ready
    }

    /// Why it is closed, if it is.
    #[must_use]
    pub const fn why(&self) -> Option<Why> {
        self.why
    }

    /// The reconnection time, milliseconds.
    #[must_use]
    pub const fn retry_ms(&self) -> u64 {
        self.retry_ms
    }

    /// The value of `Last-Event-ID` for the next request, in UTF-8 as it is sent; `None`: the field is not sent. It holds
    /// neither CR nor LF nor NUL, since no event stream can set such an id.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        (!self.last_event_id.is_empty()).then_some(&*self.last_event_id)
    }

    /// The decoder for the body of the present connection: it starts with the id that earlier ones left, so that
    /// an event without an id carries that.
    #[must_use]
    pub fn decoder(&self, max_message: usize) -> Decoder {
        Decoder::resuming(max_message, &self.last_event_id)
    }

    /// A request was answered.
    pub fn answered(&mut self, answer: &Answer<'_>) -> Next {
        if let Some(why) = self.why {
            return Next::Closed(why);
        }
        if matches!(answer.status, 301 | 302 | 303 | 307 | 308) && answer.location.is_some() {
            if self.redirects == MAX_REDIRECTS {
                return self.reconnect();
            }
            self.redirects += 1;
            self.ready = ReadyState::Connecting;
            return Next::Follow;
        }
        if answer.status != 200 {
            return self.fail(Why::Status(answer.status));
        }
        if !answer.content_type.is_some_and(is_event_stream) {
            return self.fail(Why::ContentType);
        }
        self.ready = ReadyState::Open;
        Next::Open
    }

    /// The connection ended. `stream` is the decoder of its body, if one was begun.
    pub fn ended(&mut self, ending: Ending, stream: Option<&Decoder>) -> Next {
        if let Some(why) = self.why {
            return Next::Closed(why);
        }
        if let Some(stream) = stream {
            if stream.last_event_id() != &*self.last_event_id {
                self.last_event_id = stream.last_event_id().into();
            }
            self.retry_ms = stream.retry_ms().unwrap_or(self.retry_ms);
        }
        match ending {
            Ending::Unreachable | Ending::Broken | Ending::Complete => self.reconnect(),
            Ending::Futile => self.fail(Why::Futile),
        }
    }

    /// The method `close()`.
    pub fn close(&mut self) {
        if self.why.is_none() {
            self.fail(Why::Closed);
        }
    }

    /// "Reestablish the connection".
    fn reconnect(&mut self) -> Next {
        self.ready = ReadyState::Connecting;
        self.redirects = 0;
        Next::Reconnect {
            after_ms: self.retry_ms,
        }
    }

    /// "Fail the connection".
    fn fail(&mut self, why: Why) -> Next {
        self.ready = ReadyState::Closed;
        self.why = Some(why);
        Next::Closed(why)
    }
}
