//! Answers of a language model as a load: what a client asks for, and what an answer is made of. Pure: both ends of a
//! connection come to the same tokens at the same intended times from the same [`Ask`].
//!
//! The wire form of a request is one JSON object, the body of `POST /chat` (however the answer comes) or one WebSocket message:
//!
//! ```text
//! {"stream":true,"tokens":40,"pace":{"answer":         3,"asked":     1234567890123,"seed":1234567890,"first_ms":200,"gaps":{"log-normal":{"mean_ms":20,"sigma":0.6}}},"session":{"id":         1,"last":false},"prompt":"…"}
//! ```
//!
//! Each token travels as a message ([`crate::message`]): its number in the answer from 1 on, its intended time, the time at
//! which it was sent, its text. After the last one comes [`Done`].

mod exact;
mod pace;

use serde::{Deserialize, Serialize};

pub use pace::{Gaps, Pace, Token, Tokens, spoken};

/// What answers are made of, from its start again where it is too short. It needs no escapes in JSON. Servers of others read
/// the same file.
pub const TEXT: &str = include_str!("../../../benches/servers/tokens.txt");

/// Longest answer, tokens.
pub const MAX_TOKENS: u32 = 100_000;
/// Longest request, bytes: a context that is sent again.
pub const MAX_ASK: usize = 4 << 20;
/// Most recorded gaps of a request.
pub const MAX_GAPS: usize = 4096;
/// Longest pause before a token, milliseconds.
pub const MAX_PAUSE_MS: f64 = 60_000.0;

/// A request for one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Whether the answer comes token by token, or at once when it is whole.
    #[serde(default)]
    pub stream: bool,
    /// Its length.
    pub tokens: u32,
    /// When tokens are due.
    pub pace: Pace,
    /// Where the server keeps the context; absent when the prompt is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// The question, behind the whole context unless that is kept.
    #[serde(default)]
    pub prompt: String,
}

/// A context that stays with the server from one answer to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names it among all contexts of the server.
    pub id: u64,
    /// Whether it may be forgotten after this answer.
    #[serde(default)]
    pub last: bool,
}

/// What follows the last token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Tokens sent.
    pub tokens: u32,
    /// Bytes of context the model has seen by now, this answer included.
    pub context: u64,
}

/// What stops an answer that is under way on a WebSocket; over polls `DELETE` does, elsewhere a client that closes its connection.
pub const CANCEL: &str = "{\"cancel\":true}";

/// A request that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Not the JSON of a request.
    #[error("not a request for an answer: {0}")]
    Malformed(String),
    /// A field has a value that makes no sense.
    #[error("{field} must be {wanted}, not {found}")]
    Range {
        /// Which.
        field: &'static str,
        /// What is allowed.
        wanted: String,
        /// What it was.
        found: String,
    },
}

impl Ask {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// When it is not the JSON of one, or a number is beyond its range.
    pub fn parse(body: &[u8]) -> Result<Self, AskError> {
        let ask: Self =
            serde_json::from_slice(body).map_err(|error| AskError::Malformed(error.to_string()))?;
        let range = |field, wanted: String, found: String| AskError::Range {
            field,
            wanted,
            found,
        };
        if !(1..=MAX_TOKENS).contains(&ask.tokens) {
            let wanted = format!("a whole number from 1 to {MAX_TOKENS}");
            return Err(range("tokens", wanted, ask.tokens.to_string()));
        }
        let pause = 0.0..=MAX_PAUSE_MS;
        if !pause.contains(&ask.pace.first_ms) {
            let wanted = format!("0 to {MAX_PAUSE_MS} milliseconds");
            return Err(range("first_ms", wanted, ask.pace.first_ms.to_string()));
        }
        if let Some(fault) = ask.pace.gaps.fault() {
            return Err(range("gaps", fault, format!("{:?}", ask.pace.gaps)));
        }
        Ok(ask)
    }

    /// Appends the request. Numbers that differ from one to the next are padded, so that requests of one scenario differ in
    /// nothing but the length of their prompts. The prompt must need no escapes, as [`TEXT`] does not.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Pace {
            answer,
            asked,
            seed,
            first_ms,
            gaps,
        } = &self.pace;
        let gaps = serde_json::to_string(gaps).unwrap_or_default();
        let session = self.session.map_or_else(String::new, |session| {
            let Session { id, last } = session;
            // As long as the other word.
            let last = if last { " true" } else { "false" };
            format!("\"session\":{{\"id\":{id:10},\"last\":{last}}},")
        });
        let Self { stream, tokens, .. } = self;
        out.extend_from_slice(
            format!(
                "{{\"stream\":{stream},\"tokens\":{tokens},\"pace\":{{\"answer\":{answer:10},\"asked\":{asked:18},\
                 \"seed\":{seed:10},\"first_ms\":{first_ms},\"gaps\":{gaps}}},{session}\"prompt\":\""
            )
            .as_bytes(),
        );
        out.extend_from_slice(self.prompt.as_bytes());
        out.extend_from_slice(b"\"}");
    }
}

impl Done {
    /// Appends it as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        let Self { tokens, context } = self;
        out.extend_from_slice(format!("{{\"tokens\":{tokens},\"context\":{context}}}").as_bytes());
    }

    /// Reads it, if `body` is one and no token.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        body.starts_with(b"{\"tokens\":")
            .then(|| serde_json::from_slice(body).ok())
            .flatten()
    }
}

/// An answer that came at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// Its tokens, joined.
    pub text: String,
    /// How many.
    pub tokens: u32,
    /// As in [`Done`].
    pub context: u64,
}

/// `GET /chats` on servers of this suite: what their answers have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chats {
    /// Answers under way.
    pub running: u64,
    /// Contexts kept for later.
    pub sessions: u64,
    /// Answers that were stopped before they were whole, the latest ones.
    pub stopped: Vec<Stopped>,
}

/// An answer that was stopped before it was whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Its number ([`Pace::answer`]).
    pub answer: u64,
    /// When the server stopped making it, CLOCK_MONOTONIC nanoseconds.
    pub at: u64,
    /// Tokens made by then.
    pub sent: u32,
}

#[cfg(test)]
mod tests;
