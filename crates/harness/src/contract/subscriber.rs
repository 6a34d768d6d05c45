//! What comes on one subscription, alike for all transports.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use pushbench_model::message;

use super::http::{Answer, get};
use super::site::{Posted, Site};
use super::stream::Stream;
use super::websocket::{self, Frame};
use super::wire::{Wire, quoted};
use super::{Outcome, broken, delivery, instead_of};

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    /// With what is published from then on.
    Now,
    /// Behind this number.
    After(u64),
}

/// How long a poll may be held, milliseconds: longer than anything that is waited for.
const HOLD_MS: u64 = 20_000;
/// So many answers without a message are put up with: a server may hold a poll shorter than it is asked to.
const EMPTY_POLLS: u32 = 20;
/// The same for polls by the clock, and the time from one to the next.
const UNHELD_POLLS: u32 = 500;
const PERIOD: Duration = Duration::from_millis(10);

/// One subscription.
pub(super) struct Subscriber {
    pub(super) wire: Wire,
    kind: Kind,
}

enum Kind {
    Stream(Stream),
    WebSocket,
    Poll(Poll),
    Tcp,
}

#[derive(Default)]
struct Poll {
    /// The number it has, once it has one.
    after: Option<u64>,
    /// Whether a request is on its way.
    asked: bool,
    /// What came and was not looked at.
    lines: VecDeque<Vec<u8>>,
}

/// One message as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delivered {
    /// Its number, where the transport says one.
    pub(super) seq: Option<String>,
    pub(super) body: Vec<u8>,
    /// Whether it came as binary, where the transport tells.
    pub(super) binary: Option<bool>,
}

impl Subscriber {
    pub(super) fn open(site: &Site, cursor: Cursor) -> Result<Self, String> {
        let after = match cursor {
            Cursor::Now => None,
            Cursor::After(seq) => Some(seq),
        };
        let (wire, kind) = match site.transport {
            "sse" | "ndjson" => {
                let field =
                    after.map_or_else(String::new, |seq| format!("Last-Event-ID: {seq}\r\n"));
                let (stream, wire) = Stream::open(site, "", &field)?;
                (wire, Kind::Stream(stream))
            }
            "websocket" => {
                let mut wire = Wire::connect(&site.data)?;
                let query = after.map_or_else(String::new, |seq| format!("after={seq}"));
                let head = websocket::shake(site, &mut wire, &query, "")?;
                if head.status != 101 {
                    return Err(head.first_line().to_owned());
                }
                (wire, Kind::WebSocket)
            }
            "long-poll" | "short-poll" => {
                let poll = Poll {
                    after,
                    ..Poll::default()
                };
                (Wire::connect(&site.data)?, Kind::Poll(poll))
            }
            _ => {
                let mut wire = Wire::connect(&site.data)?;
                wire.send(after.unwrap_or(u64::MAX).to_le_bytes())?;
                wire.take(8)?;
                (wire, Kind::Tcp)
            }
        };
        let mut subscriber = Self { wire, kind };
        subscriber.take_place(site, cursor)?;
        Ok(subscriber)
    }

    /// Makes sure that the server knows of it. Only then does what is published from now on have to reach it.
    fn take_place(&mut self, site: &Site, cursor: Cursor) -> Result<(), String> {
        if cursor != Cursor::Now {
            return Ok(());
        }
        match &mut self.kind {
            Kind::WebSocket => websocket::ping(&mut self.wire, b"here").map(drop),
            // Who is not held has no place but a number.
            Kind::Poll(poll) if !site.is_held() => {
                self.wire.send(poll.request(site, 0))?;
                if let Some(line) = poll.answer(&mut self.wire)?.first() {
                    return Err(format!("{} to a poll without a cursor", quoted(line)));
                }
                poll.after = Some(site.published());
                Ok(())
            }
            Kind::Poll(poll) => {
                self.wire.send(poll.request(site, HOLD_MS))?;
                poll.asked = true;
                match self.wire.unasked()? {
                    Some(came) => Err(format!("{came} to a poll that should wait")),
                    None => Ok(()),
                }
            }
            Kind::Stream(_) | Kind::Tcp => Ok(()),
        }
    }

    /// The number of the newest message that a server keeps; 0 if it has none.
    pub(super) fn newest(site: &Site) -> Result<u64, String> {
        let mut all = Self::open(site, Cursor::After(0))?;
        let mut newest = 0;
        while !all.is_idle(site)? {
            let delivered = all.next(site)?;
            let said = delivered.seq.and_then(|seq| seq.parse().ok());
            newest = said
                .or_else(|| message::claimed_seq(&delivered.body))
                .unwrap_or(newest);
        }
        Ok(newest)
    }

    /// The next message, which must come.
    pub(super) fn next(&mut self, site: &Site) -> Result<Delivered, String> {
        let wire = &mut self.wire;
        match &mut self.kind {
            Kind::Stream(stream) => stream.next(wire),
            Kind::WebSocket => loop {
                match Frame::read(wire)? {
                    Frame::Message { binary, body } => {
                        return Ok(Delivered {
                            seq: None,
                            body,
                            binary: Some(binary),
                        });
                    }
                    Frame::Ping(payload) => wire.send(websocket::pong(&payload))?,
                    Frame::Pong(_) => {}
                    Frame::Close(payload) => {
                        return Err(format!("a close frame with {}", quoted(&payload)));
                    }
                }
            },
            Kind::Poll(poll) => poll.next(site, wire),
            Kind::Tcp => {
                let length = wire.take(4)?;
                let length = length
                    .iter()
                    .rev()
                    .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
                let body = wire.take(length)?;
                Ok(Delivered {
                    seq: None,
                    body,
                    binary: None,
                })
            }
        }
    }

    /// Whether nothing more comes by itself.
    pub(super) fn is_idle(&mut self, site: &Site) -> Result<bool, String> {
        match &mut self.kind {
            Kind::Poll(poll) if !poll.lines.is_empty() => Ok(false),
            Kind::Poll(poll) if !poll.asked => {
                self.wire.send(poll.request(site, 0))?;
                let came = poll.answer(&mut self.wire)?;
                poll.lines.extend(came);
                Ok(poll.lines.is_empty())
            }
            Kind::Stream(stream) if stream.is_waiting() => Ok(false),
            _ => Ok(self.wire.unasked()?.is_none()),
        }
    }

    /// These messages come next, in this order, byte for byte.
    pub(super) fn expect(&mut self, site: &Site, messages: &[Posted]) -> Outcome {
        for (nth, posted) in (1..).zip(messages) {
            let expected = || {
                let total = messages.len();
                format!(
                    "message {} ({nth} of {total}), {}",
                    posted.seq,
                    quoted(&posted.body)
                )
            };
            let delivered = self.next(site).map_err(|came| broken(expected(), came))?;
            let Delivered { seq, body, binary } = delivered;
            if body != posted.body {
                return Err(broken(expected(), difference(&body, &posted.body)));
            }
            if let Some(seq) = seq.filter(|seq| site.by_sequence && *seq != posted.seq.to_string())
            {
                return Err(broken(
                    format!("the id {}", posted.seq),
                    format!("the id {seq:?}"),
                ));
            }
            if let Some(binary) = binary.filter(|&binary| binary != posted.binary) {
                let kind = |binary| {
                    if binary {
                        "a binary message"
                    } else {
                        "a text message"
                    }
                };
                return Err(broken(kind(posted.binary), kind(binary)));
            }
        }
        Ok(())
    }

    /// The same, and nothing behind them.
    pub(super) fn expect_only(&mut self, site: &Site, messages: &[Posted]) -> Outcome {
        self.expect(site, messages)?;
        let expected = || format!("nothing behind these {} messages", messages.len());
        if self.is_idle(site).map_err(instead_of(expected()))? {
            return Ok(());
        }
        match self.next(site) {
            Ok(delivered) => Err(broken(expected(), quoted(&delivered.body))),
            // Something that is no message, such as a heartbeat, was on its way.
            Err(_) => Ok(()),
        }
    }
}

/// Where two bodies part.
fn difference(came: &[u8], expected: &[u8]) -> String {
    let same = came
        .iter()
        .zip(expected)
        .take_while(|(a, b)| a == b)
        .count();
    if same < 40 {
        return quoted(came);
    }
    let around = &came[same.saturating_sub(20).min(came.len())..];
    let total = came.len();
    format!(
        "the same up to byte {same} of {total}, there {}",
        quoted(&around[..around.len().min(60)])
    )
}

impl Poll {
    fn request(&self, site: &Site, hold_ms: u64) -> String {
        let after = self
            .after
            .map_or_else(String::new, |seq| format!("after={seq}&"));
        let query = format!("{after}timeout={hold_ms}");
        get(&site.data, &delivery::with_query(site.path(), &query), "")
    }

    fn next(&mut self, site: &Site, wire: &mut Wire) -> Result<Delivered, String> {
        let (polls, hold_ms) = if site.is_held() {
            (EMPTY_POLLS, HOLD_MS)
        } else {
            (UNHELD_POLLS, 0)
        };
        for nth in 0..polls {
            if let Some(body) = self.lines.pop_front() {
                return Ok(Delivered {
                    seq: None,
                    body,
                    binary: None,
                });
            }
            if !std::mem::replace(&mut self.asked, true) {
                if nth > 0 && !site.is_held() {
                    thread::sleep(PERIOD);
                }
                wire.send(self.request(site, hold_ms))?;
            }
            let came = self.answer(wire)?;
            self.lines.extend(came);
        }
        Err(format!("{polls} answers without a message"))
    }

    /// Reads the answer to a request: its lines, none at 204.
    fn answer(&mut self, wire: &mut Wire) -> Result<Vec<Vec<u8>>, String> {
        let answer = Answer::read(wire)?;
        self.asked = false;
        match answer.head.status {
            204 => Ok(Vec::new()),
            200 => {
                let Some((b'\n', content)) = answer.content.split_last() else {
                    return Err(format!("{}, which ends with no LF", answer.in_short()));
                };
                let lines: Vec<_> = content.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
                let last = lines.last().and_then(|line| message::claimed_seq(line));
                self.after = Some(last.ok_or_else(|| answer.in_short())?);
                Ok(lines)
            }
            _ => Err(answer.in_short()),
        }
    }
}
