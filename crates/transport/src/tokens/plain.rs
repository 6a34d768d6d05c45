//! `POST /chat` without a pace, as servers of others have it, on the stack `reference`: an event per token, or all at once.
//!
//! Its pauses are those of the runtime's timers, milliseconds: nothing is measured by it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use tokio::time::{Sleep, sleep};

use super::Ledger;
use super::ledger::Running;
use crate::sse::encode;

/// What is answered, from its start again when it is too short; the servers of others send the same.
const TEXT: &str = include_str!("../../../../benches/servers/chat.txt");
/// Largest request, bytes.
const MAX_REQUEST: usize = 64 * 1024;
/// Longest answer, tokens.
const MAX_TOKENS: u64 = 100_000;
/// Longest pause between two tokens, milliseconds.
const MAX_GAP_MS: u64 = 60_000;

/// The content of an answer.
pub(crate) type Content = Either<Tokens, Full<Bytes>>;

/// Whether a request says when tokens are due, well or badly.
pub(super) fn has_pace(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Peek {
        pace: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Peek>(body).is_ok_and(|peek| peek.pace.is_some())
}

/// Answers as the request asks.
pub(super) fn answer(body: &[u8], ledger: &Arc<Ledger>) -> Response<Content> {
    if body.len() > MAX_REQUEST {
        return text(
            StatusCode::PAYLOAD_TOO_LARGE,
            "text/plain",
            "a shorter request, please".into(),
        );
    }
    let ask = match Ask::parse(body) {
        Ok(ask) => ask,
        Err(reason) => return text(StatusCode::BAD_REQUEST, "text/plain", reason),
    };
    if !ask.stream {
        let text_of_all: String = pieces().take(ask.tokens as usize).collect();
        let json = json!({ "text": text_of_all, "tokens": ask.tokens });
        return text(StatusCode::OK, "application/json", json.to_string());
    }
    let mut response = Response::new(Either::Left(Tokens::new(&ask, ledger)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn text(status: StatusCode, content_type: &'static str, content: String) -> Response<Content> {
    let mut response = Response::new(Either::Right(Full::new(content.into())));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// The tokens, for ever. Each is a character, so that none is cut.
fn pieces() -> impl Iterator<Item = char> + Unpin {
    TEXT.chars().cycle()
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
struct Ask {
    stream: bool,
    tokens: u64,
    gap: Duration,
}

impl Ask {
    fn parse(body: &[u8]) -> Result<Self, String> {
        let fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| format!("a JSON object, please: {error}"))?;
        let stream = match fields.get("stream") {
            None => false,
            Some(Value::Bool(stream)) => *stream,
            Some(other) => return Err(format!("stream must be true or false, not {other}")),
        };
        if let Some(other) = fields.get("prompt").filter(|prompt| !prompt.is_string()) {
            return Err(format!("prompt must be a string, not {other}"));
        }
        let whole = |name: &str, least, most, usual| match fields.get(name) {
            None => Ok(usual),
            Some(value) => value
                .as_u64()
                .filter(|n| (least..=most).contains(n))
                .ok_or_else(|| {
                    format!("{name} must be a whole number from {least} to {most}, not {value}")
                }),
        };
        Ok(Self {
            stream,
            tokens: whole("tokens", 1, MAX_TOKENS, TEXT.chars().count() as u64)?,
            gap: Duration::from_millis(whole("gap_ms", 0, MAX_GAP_MS, 0)?),
        })
    }
}

/// A stream: an event for each token, a pause between each two, and an event that says that it is whole.
pub(crate) struct Tokens {
    pieces: std::iter::Cycle<std::str::Chars<'static>>,
    tokens: u64,
    sent: u64,
    gap: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    done: bool,
    _running: Running,
}

impl Tokens {
    fn new(ask: &Ask, ledger: &Arc<Ledger>) -> Self {
        Self {
            pieces: TEXT.chars().cycle(),
            tokens: ask.tokens,
            sent: 0,
            gap: ask.gap,
            pause: None,
            done: false,
            _running: ledger.count(),
        }
    }
}

impl Body for Tokens {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        if this.done {
            return Poll::Ready(None);
        }
        let (name, data) = match this.pieces.next().filter(|_| this.sent < this.tokens) {
            Some(piece) => ("token", piece.to_string()),
            None => ("done", json!({ "tokens": this.tokens }).to_string()),
        };
        this.done = this.sent == this.tokens;
        this.sent += 1;
        if this.sent < this.tokens && !this.gap.is_zero() {
            this.pause = Some(Box::pin(sleep(this.gap)));
        }
        let fields = encode::Fields {
            event: Some(name),
            ..encode::Fields::default()
        };
        let mut event = Vec::new();
        encode::event(&fields, &data, &mut event);
        Poll::Ready(Some(Ok(Frame::data(event.into()))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sse::decode::Decoder;

    fn ask(body: &str) -> Result<Ask, String> {
        Ask::parse(body.as_bytes())
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let usual = ask("{}").unwrap();
        assert_eq!(usual.tokens as usize, TEXT.chars().count());
        assert!(!usual.stream && usual.gap.is_zero());
        let all = ask("{\"prompt\":\"x\",\"stream\":true,\"tokens\":3,\"gap_ms\":50}").unwrap();
        assert_eq!((all.stream, all.tokens, all.gap.as_millis()), (true, 3, 50));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, word) in [
            ("", "JSON object"),
            ("[]", "JSON object"),
            ("{\"stream\":\"true\"}", "stream must be"),
            ("{\"prompt\":1}", "prompt must be"),
            ("{\"tokens\":0}", "from 1 to 100000"),
            ("{\"tokens\":1.5}", "tokens must be"),
            ("{\"gap_ms\":-1}", "gap_ms must be"),
        ] {
            assert!(ask(body).unwrap_err().contains(word), "{body}");
        }
    }

    /// The text has what is easily lost: spaces, line ends, characters of several bytes.
    #[test]
    fn the_text_is_hard_to_carry() {
        for part in [
            "  ",
            "\n\n",
            "\n: ",
            "\u{4e2d}",
            "\u{1f600}",
            "\u{200d}",
            "\t",
        ] {
            assert!(TEXT.contains(part), "{part:?}");
        }
        assert!(!TEXT.contains('\r'), "an event stream cannot carry it");
    }

    proptest! {
        /// Requests come from a network.
        #[test]
        fn no_request_breaks_it(body: Vec<u8>) {
            let _ = Ask::parse(&body);
        }

        #[test]
        fn the_stream_is_the_whole_answer(tokens in 1_u64..1500) {
            let mut stream = Tokens::new(&Ask { stream: true, tokens, gap: Duration::ZERO }, &Arc::default());
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let (mut joined, mut names) = (String::new(), Vec::new());
            let mut decoder = Decoder::new(1024);
            while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut stream).poll_frame(&mut cx) {
                let bytes = frame.into_data().unwrap();
                decoder.feed(&bytes, &mut |event| {
                    names.push(event.event.to_owned());
                    if event.event == "token" {
                        joined += str::from_utf8(event.data).unwrap();
                    }
                }).unwrap();
            }
            prop_assert_eq!(joined, pieces().take(tokens as usize).collect::<String>());
            prop_assert_eq!(names.len() as u64, tokens + 1);
            prop_assert_eq!(names.last().map(String::as_str), Some("done"));
        }
    }
}
