//! What is asked in a conversation, and what has to come.

use pushbench_model::message::{self, Stamp, encode_text};
use pushbench_model::scenario::{Context, Tokens};
use pushbench_model::tokens::{Ask, Gaps, Pace, Session, TEXT, Token, Tokens as Cuts, Whole};

use crate::mix::mix;

/// The parameters of all conversations.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) tokens: Tokens,
    pub(super) turns: u32,
    pub(super) length: u32,
    pub(super) seed: u64,
}

/// Tokens of the answer before those that are measured. It wakes what both sides need for the first time, and lasts as
/// many milliseconds.
const WARM_UP_TOKENS: u32 = 8;

/// What was said in a conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// All of it, if it is sent again.
    text: String,
    /// Its bytes.
    pub(super) bytes: u64,
}

/// An answer that is to come.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) ask: Ask,
    question: String,
    cuts: Cuts,
    next: Option<Token>,
    /// When the last token was due after the request, nanoseconds.
    last: u64,
    /// Tokens that came, or were passed over.
    pub(super) seen: u32,
    /// After so many tokens it is stopped.
    pub(super) stop_after: Option<u32>,
    text: String,
    /// Room for a body that has to come.
    body: Vec<u8>,
}

/// What a token was.
pub(super) struct Arrived {
    pub(super) stamp: Stamp,
    /// When it was due after the last one that came, by schedule, nanoseconds; for the first after the request.
    pub(super) gap: u64,
    pub(super) text: &'static str,
    /// Tokens that should have come before it.
    pub(super) missed: u64,
}

/// Why a token does not count.
pub(super) enum Fault {
    /// It, or one behind it, came before.
    Again,
    /// It is not what was asked for.
    Corrupted(String),
}

/// Whether a body in another layout than ours is the token `text`, due at `intended`.
fn is_same(body: &[u8], intended: u64, text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Json {
        intended: u64,
        data: String,
    }
    serde_json::from_slice(body)
        .is_ok_and(|json: Json| json.intended == intended && json.data == text)
}

impl Script {
    /// Number of the answer to request number `turn` of conversation `number`.
    fn answer(&self, number: u64, turn: u32) -> u64 {
        number * u64::from(self.turns) + u64::from(turn)
    }

    fn pace(&self, answer: u64, asked: u64) -> Pace {
        Pace {
            answer,
            asked,
            seed: self.seed_of(answer),
            first_ms: self.tokens.first_ms,
            gaps: self.tokens.gaps.clone(),
        }
    }

    /// The request number `turn` of conversation `number`.
    pub(super) fn ask(&self, number: u64, turn: u32, said: &Said, asked: u64) -> Expected {
        let answer = self.answer(number, turn);
        let bytes = match turn {
            0 => self.tokens.opening,
            _ => self.tokens.question,
        };
        let question = text_of(bytes as usize);
        let (prompt, session) = match self.tokens.context {
            Context::Resent => (format!("{}{question}", said.text), None),
            Context::Kept => {
                let last = turn + 1 == self.turns;
                let id = number + 1;
                (question.clone(), Some(Session { id, last }))
            }
        };
        let pace = self.pace(answer, asked);
        let stop = self.tokens.is_cancelled(answer);
        Expected::new(
            Ask {
                stream: self.tokens.stream,
                tokens: self.length,
                pace,
                session,
                prompt,
            },
            question,
            stop.then_some(self.length / 2),
        )
    }

    /// The request before those that are measured.
    pub(super) fn warm_up(&self, asked: u64) -> Expected {
        let pace = Pace {
            answer: u64::from(u32::MAX),
            asked,
            seed: self.seed_of(u64::MAX),
            first_ms: 0.0,
            gaps: Gaps::LogNormal {
                mean_ms: 1.0,
                sigma: 0.0,
            },
        };
        let ask = Ask {
            stream: self.tokens.stream,
            tokens: WARM_UP_TOKENS,
            pace,
            session: None,
            prompt: String::new(),
        };
        Expected::new(ask, String::new(), None)
    }

    /// Nanoseconds that the model takes for all answers of conversation `number`.
    pub(super) fn length_ns(&self, number: u64) -> u64 {
        (0..self.turns)
            .map(|turn| {
                let pace = self.pace(self.answer(number, turn), 0);
                let last = pace.tokens().nth(self.length as usize - 1);
                last.map_or(0, |token| token.offset)
            })
            .sum()
    }

    /// Ten digits at most, so that requests are of one length.
    fn seed_of(&self, answer: u64) -> u64 {
        mix(self.seed, answer) >> 32
    }
}

/// Text of exactly `bytes` bytes: what does not hold a whole character any more is filled with dots.
fn text_of(bytes: usize) -> String {
    let mut text = TEXT.repeat(bytes / TEXT.len() + 1);
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.extend(std::iter::repeat_n('.', bytes - end));
    text
}

impl Said {
    /// Adds a question and its answer.
    pub(super) fn add(&mut self, expected: &Expected) {
        self.bytes += (expected.question.len() + expected.text.len()) as u64;
        if expected.ask.session.is_none() {
            self.text.push_str(&expected.question);
            self.text.push_str(&expected.text);
        }
    }
}

impl Expected {
    fn new(ask: Ask, question: String, stop_after: Option<u32>) -> Self {
        let mut cuts = ask.pace.tokens();
        Self {
            next: cuts.next(),
            cuts,
            last: 0,
            ask,
            question,
            seen: 0,
            stop_after,
            text: String::new(),
            body: Vec::new(),
        }
    }

    /// Tokens that are to be received.
    pub(super) fn wanted(&self) -> u32 {
        self.stop_after.unwrap_or(self.ask.tokens)
    }

    /// Bytes of context that the server has to have seen at the end, when it had `before`.
    pub(super) fn context(&self, before: u64) -> u64 {
        before + (self.question.len() + self.text.len()) as u64
    }

    /// When the last token that has come was due, CLOCK_MONOTONIC nanoseconds.
    pub(super) fn due(&self) -> u64 {
        self.ask.pace.asked + self.last
    }

    /// Bytes of the text so far.
    pub(super) fn text_bytes(&self) -> u64 {
        self.text.len() as u64
    }

    fn pass(&mut self) -> Option<Token> {
        let token = self.next.filter(|_| self.seen < self.ask.tokens)?;
        self.seen += 1;
        self.text.push_str(token.text);
        self.last = token.offset;
        self.next = self.cuts.next();
        Some(token)
    }

    /// Takes the body of a token: what it is, or what is wrong with it.
    pub(super) fn take(&mut self, body: &[u8]) -> Result<Arrived, Fault> {
        let stamp = message::parse(body).map_err(|error| Fault::Corrupted(error.to_string()))?;
        let (seen, wanted) = (u64::from(self.seen), u64::from(self.ask.tokens));
        if stamp.seq <= seen {
            return Err(Fault::Again);
        }
        if stamp.seq > wanted {
            let fault = format!("token {} of an answer of {wanted}", stamp.seq);
            return Err(Fault::Corrupted(fault));
        }
        let missed = stamp.seq - seen - 1;
        let before = self.last;
        for _ in 0..missed {
            self.pass();
        }
        let Some(token) = self.pass() else {
            return Err(Fault::Again);
        };
        let intended = self.ask.pace.asked + token.offset;
        self.body.clear();
        encode_text(Stamp { intended, ..stamp }, token.text, &mut self.body);
        if self.body != body && !is_same(body, intended, token.text) {
            let fault = format!("token {} is not what was expected", stamp.seq);
            return Err(Fault::Corrupted(fault));
        }
        Ok(Arrived {
            stamp,
            gap: token.offset - before,
            text: token.text,
            missed,
        })
    }

    /// Takes an answer that came at once: when its tokens were due after the request, nanoseconds.
    pub(super) fn take_whole(&mut self, body: &[u8]) -> Result<(Vec<u64>, u64), String> {
        let whole: Whole = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let mut due = Vec::new();
        while let Some(token) = self.pass() {
            due.push(token.offset);
        }
        if whole.text != self.text || whole.tokens != self.ask.tokens {
            return Err(format!(
                "an answer of {} tokens is not the text that was expected",
                whole.tokens
            ));
        }
        Ok((due, whole.context))
    }
}
