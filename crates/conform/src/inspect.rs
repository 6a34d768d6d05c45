//! Any stream, byte by byte, with its meaning.
//!
//! # Layout
//!
//! - [`Inspector`]: bytes in, in reads of any size; pieces out, each byte in exactly one of them
//! - `http`: heads and framings; what is inside a body goes through a layer of its own, so that an event may be cut by chunks
//! - `sse`, `websocket`, `lines`: what can be inside
//! - `tcp`: the floor, which is inside of nothing
//! - [`live`]: the same from a URL
//!
//! What a stream delivers ([`Found`]) comes from the decoders of the subscribers themselves, fed piece by piece: the explanation
//! may be clumsy, the result is the one that is measured.

mod http;
mod lines;
pub mod live;
mod nested;
mod sse;
mod tcp;
mod websocket;

use std::collections::VecDeque;

/// What the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event stream.
    Sse,
    /// WebSocket frames.
    WebSocket,
    /// The body of a long-poll: messages, each with its LF.
    Poll,
    /// The floor: messages behind their lengths.
    Tcp,
    /// Answers of HTTP/1.1, with whatever their heads say is inside.
    Http,
}

/// What part a piece plays; for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Versions, status codes, chunk sizes, frame headers: how what follows is to be read.
    Framing,
    /// The name of a field.
    Name,
    /// A value or a payload that counts.
    Value,
    /// Colons, spaces, line ends.
    Sign,
    /// Comments, unknown fields, what no rule looks at.
    Ignored,
    /// The key that payload is masked with.
    Mask,
    /// What breaks a rule, or is cut off.
    Fault,
}

/// Some bytes that mean one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Place of the first of them in the stream.
    pub at: u64,
    /// The bytes, at least one.
    pub bytes: Vec<u8>,
    /// What part they play.
    pub class: Class,
    /// What they mean.
    pub meaning: String,
}

/// What comes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An event of an event stream.
    Event {
        /// Its type.
        event: String,
        /// Its data.
        data: String,
        /// The last event id.
        id: String,
    },
    /// A message.
    Message {
        /// Its bytes.
        body: Vec<u8>,
        /// Whether they are binary; text otherwise.
        binary: bool,
    },
    /// A ping or pong, by its name.
    Control(&'static str, Vec<u8>),
    /// A close frame: code and reason, if it has any.
    Close(Option<(u16, String)>),
    /// The end of an answer; the connection may go on.
    AnswerEnds,
    /// Why it cannot be read on.
    Fault(String),
}

/// A piece, and what it completes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The piece.
    pub piece: Piece,
    /// What comes of it.
    pub found: Vec<Found>,
}

/// Something that takes a stream apart; places are those of its own stream.
trait Layer {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Entry>);

    /// The stream has ended; or `is_left`, and goes on unread: then what has come of the next piece is no cut, and nothing comes of it.
    fn finish(&mut self, is_left: bool, out: &mut Vec<Entry>);

    /// What is left to say at the end, in sentences.
    fn conclusion(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Takes a stream apart.
pub struct Inspector {
    kind: Kind,
    /// The first bytes, until it is known whether a head comes first.
    start: Vec<u8>,
    layer: Option<Box<dyn Layer>>,
    /// Why it was not read to its end.
    left: Option<String>,
}

/// What every answer begins with.
const HEAD: &[u8] = b"HTTP/1.";

impl Inspector {
    /// An inspector at the start of a stream. If it begins with the head of an answer, that is read first, whatever the kind.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            start: Vec::new(),
            layer: None,
            left: None,
        }
    }

    /// Reads on. A piece comes as soon as it is known what it is; they come in the order of their places.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Entry> {
        let mut out = Vec::new();
        if let Some(layer) = &mut self.layer {
            layer.feed(bytes, &mut out);
            return out;
        }
        self.start.extend_from_slice(bytes);
        let common = HEAD
            .iter()
            .zip(&self.start)
            .take_while(|(a, b)| a == b)
            .count();
        if common < self.start.len() || common == HEAD.len() {
            self.begin(common == HEAD.len(), &mut out);
        }
        out
    }

    /// The stream has ended.
    pub fn finish(&mut self) -> Vec<Entry> {
        self.end(false)
    }

    /// The stream goes on, and is read no further: that is no cut. `why` is a sentence.
    pub fn leave(&mut self, why: String) -> Vec<Entry> {
        self.left = Some(why);
        self.end(true)
    }

    fn end(&mut self, is_left: bool) -> Vec<Entry> {
        let mut out = Vec::new();
        self.begin(false, &mut out);
        if let Some(layer) = &mut self.layer {
            layer.finish(is_left, &mut out);
        }
        out
    }

    /// What is left to say when it has ended, in sentences: the last event id, an event that was cut, why it was read no further.
    #[must_use]
    pub fn conclusion(&self) -> Vec<String> {
        let said = self.layer.iter().flat_map(|layer| layer.conclusion());
        said.chain(self.left.clone()).collect()
    }

    fn begin(&mut self, with_head: bool, out: &mut Vec<Entry>) {
        if self.layer.is_some() {
            return;
        }
        let mut layer: Box<dyn Layer> = match self.kind {
            kind if with_head => Box::new(http::Http::new(kind)),
            Kind::Http => Box::new(http::Http::new(Kind::Http)),
            Kind::Sse => Box::new(sse::Sse::default()),
            Kind::WebSocket => Box::new(websocket::Frames::default()),
            Kind::Poll => Box::new(lines::Lines::default()),
            Kind::Tcp => Box::new(tcp::Tcp::default()),
        };
        layer.feed(&std::mem::take(&mut self.start), out);
        self.layer = Some(layer);
    }
}

/// Bytes that are not yet taken apart, and where they stand.
#[derive(Default)]
struct Unread {
    bytes: VecDeque<u8>,
    at: u64,
}

impl Unread {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// All of them.
    fn peek(&mut self) -> &[u8] {
        self.bytes.make_contiguous()
    }

    /// Takes the first `len` bytes as a piece.
    fn piece(&mut self, len: usize, class: Class, meaning: impl Into<String>) -> Piece {
        let at = self.at;
        self.at += len as u64;
        Piece {
            at,
            bytes: self.bytes.drain(..len).collect(),
            class,
            meaning: meaning.into(),
        }
    }

    /// Takes what is left of a stream that is read no further.
    fn leave(&mut self, out: &mut Vec<Entry>) {
        let len = self.bytes.len();
        if len > 0 {
            out.push(self.piece(len, Class::Value, "read no further").into());
        }
    }
}

impl From<Piece> for Entry {
    fn from(piece: Piece) -> Self {
        Self {
            piece,
            found: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
