//! Answers at a pace in server-sent events, but for one slip at a time.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use pushbench_model::message::{Stamp, encode_text};
use pushbench_model::tokens::{Ask, Chats, Done, Stopped, Token, Whole};
use pushbench_sys::clock;

use super::{answer, begin, chunk, nothing};

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// A token says something else.
    Text,
    /// All of it is made at once.
    Early,
    /// More tokens are counted than were made.
    End,
    /// No context is kept.
    Forgets,
    /// A context is kept for ever.
    Remembers,
    /// An answer that comes at once is cut.
    Whole,
    /// What was stopped is not told.
    Deaf,
}

/// Its answers.
#[derive(Default)]
pub(super) struct Paced {
    contexts: Mutex<HashMap<u64, u64>>,
    stopped: Mutex<Vec<Stopped>>,
}

impl Paced {
    pub(super) fn report(&self, out: &mut TcpStream) -> io::Result<()> {
        let chats = Chats {
            stopped: self.stopped.lock().unwrap().clone(),
            ..Chats::default()
        };
        let json = serde_json::to_string(&chats).unwrap();
        answer(out, 200, "application/json", &json)
    }

    pub(super) fn answer(&self, slip: Slip, out: &mut TcpStream, body: &str) -> io::Result<()> {
        let arrived = clock::now();
        let Ok(ask) = Ask::parse(body.as_bytes()) else {
            return nothing(out, 400);
        };
        let tokens: Vec<Token> = ask.pace.tokens().take(ask.tokens as usize).collect();
        let mut text: String = tokens.iter().map(|token| token.text).collect();
        let kept = ask.session.and_then(|session| {
            let contexts = self.contexts.lock().unwrap();
            contexts.get(&session.id).copied()
        });
        let context = kept.unwrap_or(0) + (ask.prompt.len() + text.len()) as u64;
        if ask.stream {
            begin(out, "text/event-stream")?;
        }
        for (token, sent) in tokens.iter().zip(0..) {
            let left = (arrived + token.offset).saturating_sub(clock::now());
            if slip != Slip::Early {
                thread::sleep(Duration::from_nanos(left));
            }
            let said = match slip {
                Slip::Text if sent == 20 => "x",
                _ => token.text,
            };
            if ask.stream
                && let Err(gone) = say(out, &ask, token.offset, said, sent + 1)
            {
                let stopped = Stopped {
                    answer: ask.pace.answer,
                    at: clock::now(),
                    sent,
                };
                if slip != Slip::Deaf {
                    self.stopped.lock().unwrap().push(stopped);
                }
                return Err(gone);
            }
        }
        if let Some(session) = ask.session {
            let mut contexts = self.contexts.lock().unwrap();
            if session.last && slip != Slip::Remembers {
                contexts.remove(&session.id);
            } else if slip != Slip::Forgets {
                contexts.insert(session.id, context);
            }
        }
        if !ask.stream {
            text.truncate(if slip == Slip::Whole { 1 } else { text.len() });
            let whole = Whole {
                text,
                tokens: ask.tokens,
                context,
            };
            let json = serde_json::to_string(&whole).unwrap();
            return answer(out, 200, "application/json", &json);
        }
        let tokens = ask.tokens + u32::from(slip == Slip::End);
        let mut done = Vec::new();
        Done { tokens, context }.write(&mut done);
        chunk(
            out,
            &format!("data: {}\n\n", String::from_utf8(done).unwrap()),
        )?;
        out.write_all(b"0\r\n\r\n")
    }
}

fn say(out: &mut TcpStream, ask: &Ask, offset: u64, text: &str, seq: u32) -> io::Result<()> {
    let stamp = Stamp {
        seq: seq.into(),
        intended: ask.pace.asked + offset,
        published: clock::now(),
    };
    let mut body = Vec::new();
    encode_text(stamp, text, &mut body);
    chunk(
        out,
        &format!("data: {}\n\n", String::from_utf8(body).unwrap()),
    )
}
