//! What the peer of a measured process must know of each transport: how a subscription opens, how it is answered, what
//! a message looks like. A peer is the same loop for every transport, so that it has no part in their differences.

use pushbench_transport::sse::encode;
use pushbench_transport::tcp::frame;
use pushbench_transport::websocket::frame::{Opcode, encode_server};
use pushbench_transport::websocket::handshake;

/// Payload bytes of every message of a trial.
pub const PAYLOAD: usize = 128;

/// The last byte of every body, which stands nowhere else in it, nor in the framing around it.
pub const BODY_END: u8 = b'}';

/// How long a server may hold a poll, milliseconds. A contender that waits for its turn is silent meanwhile, and a poll that
/// is answered without a message would have to be asked again, at a cost that is no delivery's.
pub const LONGEST_POLL_MS: u64 = 3_600_000;

/// A transport as its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Length-prefixed frames.
    Tcp,
    /// A chunk per event.
    Sse,
    /// A frame per message.
    WebSocket,
    /// A response per poll.
    LongPoll,
}

impl Wire {
    /// The wire of the transport called `name`.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "tcp" => Self::Tcp,
            "sse" => Self::Sse,
            "websocket" => Self::WebSocket,
            "long-poll" => Self::LongPoll,
            _ => return None,
        })
    }

    /// What a subscriber sends first. It asks for new messages only.
    #[must_use]
    pub fn opening(self) -> Vec<u8> {
        match self {
            Self::Tcp => u64::MAX.to_le_bytes().to_vec(),
            Self::Sse => {
                b"GET /sse HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
                    .to_vec()
            }
            Self::WebSocket => {
                let mut request = Vec::new();
                handshake::request("/ws", "localhost", *b"0123456789abcdef", &mut request);
                request
            }
            Self::LongPoll => poll(0, 0),
        }
    }

    /// Length of the server's answer to an opening if `received` holds all of it.
    #[must_use]
    pub fn answer_len(self, received: &[u8]) -> Option<usize> {
        match self {
            Self::Tcp => (received.len() >= 8).then_some(8),
            Self::Sse | Self::WebSocket | Self::LongPoll => {
                let end = received.windows(4).position(|four| four == b"\r\n\r\n");
                end.map(|at| at + 4)
            }
        }
    }

    /// What a subscriber sends after it has received message `seq` (0: after the answer to its opening).
    #[must_use]
    pub fn ask(self, seq: u64) -> Option<Vec<u8>> {
        self.is_polled().then(|| poll(seq, LONGEST_POLL_MS))
    }

    /// Whether messages are asked for, and not pushed.
    #[must_use]
    pub const fn is_polled(self) -> bool {
        matches!(self, Self::LongPoll)
    }

    /// A server's answer to `opening`; `None` until that is complete. `newest` is the last message published.
    #[must_use]
    pub fn answer(self, opening: &[u8], newest: u64) -> Option<Vec<u8>> {
        if self == Self::Tcp {
            return (opening.len() >= 8).then(|| newest.to_le_bytes().to_vec());
        }
        let text = str::from_utf8(opening).ok()?.strip_suffix("\r\n\r\n")?;
        let answer = match self {
            Self::WebSocket => {
                let key = text
                    .lines()
                    .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
                let accept = handshake::accept(key);
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: {accept}\r\n\r\n"
                )
            }
            Self::LongPoll => format!("HTTP/1.1 204 No Content\r\ndate: {}\r\n\r\n", date()),
            _ => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                  Transfer-Encoding: chunked\r\n\r\n"
                .to_owned(),
        };
        Some(answer.into_bytes())
    }

    /// What stands before messages of `len` bytes that are sent together.
    #[must_use]
    pub fn head(self, len: usize) -> Vec<u8> {
        if !self.is_polled() {
            return Vec::new();
        }
        let date = date();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncache-control: no-store\r\n\
             content-length: {len}\r\ndate: {date}\r\n\r\n"
        )
        .into_bytes()
    }

    /// Appends a message as its server sends it.
    ///
    /// # Panics
    ///
    /// For a body that the framing cannot carry, which no trial has.
    pub fn encode(self, seq: u64, body: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Tcp => frame::encode(body, out).expect("a body fits its length prefix"),
            Self::Sse => {
                let text = str::from_utf8(body).expect("text bodies are ASCII");
                let fields = encode::Fields {
                    id: Some(seq),
                    ..encode::Fields::default()
                };
                let len = encode::event_len(&fields, text);
                out.extend_from_slice(format!("{len:X}\r\n").as_bytes());
                encode::event(&fields, text, out);
                out.extend_from_slice(b"\r\n");
            }
            Self::WebSocket => encode_server(Opcode::Text, body, out),
            Self::LongPoll => {
                out.extend_from_slice(body);
                out.push(b'\n');
            }
        }
    }
}

fn poll(after: u64, timeout_ms: u64) -> Vec<u8> {
    format!("GET /poll?after={after}&timeout={timeout_ms} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .into_bytes()
}

/// The time as HTTP writes it (RFC 9110 §5.6.7).
fn date() -> String {
    jiff::Timestamp::now()
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
