//! Rules for `/chat` with a pace: answers whose tokens are due at times that both sides know.

use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::message::parse;
use pushbench_model::tokens::{Ask, CANCEL, Chats, Done, Gaps, Pace, Session, Token, Whole};
use pushbench_sys::clock;
use serde_json::Value;

use super::http::{Answer, Body, Head, get};
use super::site::Site;
use super::websocket::{Frame, pong, shake_at, text};
use super::wire::{PATIENCE, Wire, quoted};
use super::{Outcome, Rule, Verdict, broken, instead_of, not_applicable};

pub(super) const RULES: [Rule; 4] = [
    (
        "{transport}: an answer at a pace has the tokens of its seed, when they are due",
        paced,
    ),
    (
        "{transport}: a context is kept from one answer to the next, and forgotten after the last",
        kept,
    ),
    ("{transport}: an answer at a pace may come at once", whole),
    (
        "{transport}: an answer that is stopped is made no further",
        stopped,
    ),
];

const PATH: &str = "/chat";
const TOKENS: u32 = 40;
/// How often it is looked what was stopped.
const LOOK: Duration = Duration::from_millis(20);

/// Nobody has said that this server answers: what it does is no fault then.
fn claims(site: &Site, outcome: Outcome) -> Outcome {
    match outcome {
        Err(Verdict::Failed { came, .. }) if !site.answers => Err(not_applicable(format!(
            "it does not answer at a pace (servers.toml: answers): {came}"
        ))),
        other => other,
    }
}

fn question(answer: u64, gap_ms: f64) -> Ask {
    Ask {
        stream: true,
        tokens: TOKENS,
        pace: Pace {
            answer,
            asked: clock::now(),
            seed: 11,
            first_ms: 20.0,
            gaps: Gaps::LogNormal {
                mean_ms: gap_ms,
                sigma: 0.6,
            },
        },
        session: None,
        prompt: "Well?".into(),
    }
}

/// A connection on which questions are asked.
struct Talk<'a> {
    site: &'a Site,
    wire: Wire,
}

impl<'a> Talk<'a> {
    fn open(site: &'a Site) -> Result<Self, String> {
        let mut wire = Wire::connect(&site.data)?;
        if site.transport == "websocket" {
            let head = shake_at(site, &mut wire, PATH, "")?;
            if head.status != 101 {
                return Err(head.first_line().to_owned());
            }
        }
        Ok(Self { site, wire })
    }

    /// Sends a question.
    fn ask(&mut self, ask: &Ask) -> Result<(), String> {
        let mut body = Vec::new();
        ask.write(&mut body);
        if self.site.transport == "websocket" {
            return self.wire.send(text(&body));
        }
        let field = match self.site.transport {
            "long-poll" => "Prefer: respond-async",
            "ndjson" => "Accept: application/x-ndjson",
            _ => "Accept: text/event-stream",
        };
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nHost: {}\r\n{field}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.site.data.host,
            body.len()
        );
        self.wire.send([head.as_bytes(), &body].concat())
    }

    /// All messages of the answer to a question that was sent.
    fn answer(&mut self) -> Result<Vec<Vec<u8>>, String> {
        match self.site.transport {
            "websocket" => {
                let mut all = Vec::new();
                loop {
                    let body = self.frame()?;
                    let is_last = is_end(&body);
                    all.push(body);
                    if is_last {
                        return Ok(all);
                    }
                }
            }
            "long-poll" => {
                let name = self.begun()?;
                let mut all = Vec::new();
                while !all.last().is_some_and(|body: &Vec<u8>| is_end(body)) {
                    all.extend(self.poll(&name, all.len())?);
                }
                Ok(all)
            }
            _ => {
                let answer = Answer::read(&mut self.wire)?;
                messages(&answer, self.site.transport)
            }
        }
    }

    fn frame(&mut self) -> Result<Vec<u8>, String> {
        loop {
            match Frame::read(&mut self.wire)? {
                Frame::Message {
                    binary: false,
                    body,
                } => return Ok(body),
                Frame::Ping(payload) => self.wire.send(pong(&payload))?,
                Frame::Pong(_) => {}
                other => return Err(format!("{other:?}")),
            }
        }
    }

    /// How the answer is called.
    fn begun(&mut self) -> Result<String, String> {
        let head = Head::read(&mut self.wire)?;
        if head.status != 202 {
            return Err(head.first_line().to_owned());
        }
        let content = Body::of(&head)?.whole(&mut self.wire)?;
        let json: Value = serde_json::from_slice(&content).unwrap_or_default();
        let id = json["id"].as_str();
        id.map(str::to_owned).ok_or_else(|| quoted(&content))
    }

    fn poll(&mut self, name: &str, after: usize) -> Result<Vec<Vec<u8>>, String> {
        let path = format!("{PATH}/{name}?after={after}");
        self.wire.send(get(&self.site.data, &path, ""))?;
        let answer = Answer::read(&mut self.wire)?;
        match answer.head.status {
            204 => Ok(Vec::new()),
            _ => messages(&answer, "long-poll"),
        }
    }
}

/// The messages of a response to its end.
fn messages(answer: &Answer, transport: &str) -> Result<Vec<Vec<u8>>, String> {
    let essence = answer.head.essence();
    if answer.head.status != 200 {
        return Err(answer.in_short());
    }
    if essence == "application/json" {
        return Ok(vec![answer.content.clone()]);
    }
    let content = String::from_utf8_lossy(&answer.content);
    let (wanted, before, between) = match transport {
        "sse" => ("text/event-stream", "data: ", "\n\n"),
        _ => ("application/x-ndjson", "", "\n"),
    };
    if essence != wanted {
        return Err(answer.in_short());
    }
    let blocks = content.strip_suffix(between).unwrap_or(&content);
    let bodies = blocks.split(between).map(|block| {
        let body = block.strip_prefix(before);
        body.map(|body| body.as_bytes().to_vec())
            .ok_or_else(|| quoted(block.as_bytes()))
    });
    bodies.collect()
}

fn is_end(body: &[u8]) -> bool {
    Done::parse(body).is_some() || serde_json::from_slice::<Whole>(body).is_ok()
}

/// Whether `messages` are the tokens of `ask`, and the end of an answer after which the server has seen `context` bytes.
fn check(messages: &[Vec<u8>], ask: &Ask, before: usize) -> Result<usize, Verdict> {
    let tokens: Vec<Token> = ask.pace.tokens().take(ask.tokens as usize).collect();
    let said: usize = tokens.iter().map(|token| token.text.len()).sum();
    let context = before + ask.prompt.len() + said;
    let end = Done {
        tokens: ask.tokens,
        context: context as u64,
    };
    for (nth, token) in tokens.iter().enumerate() {
        let intended = ask.pace.asked + token.offset;
        let expected = || {
            format!(
                "token {} in its envelope: due at {intended}, {:?}",
                nth + 1,
                token.text
            )
        };
        let body = messages
            .get(nth)
            .ok_or_else(|| broken(expected(), "the end of the answer"))?;
        let stamp = parse(body).map_err(|error| broken(expected(), error.to_string()))?;
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let due = intended.max(stamp.published) == stamp.published;
        let is_same = stamp.seq == nth as u64 + 1 && stamp.intended == intended;
        if !is_same || json["data"] != token.text || !due {
            return Err(broken(expected(), quoted(body)));
        }
    }
    let last = messages.get(tokens.len()).map(Vec::as_slice);
    if last.and_then(Done::parse) != Some(end) || messages.len() != tokens.len() + 1 {
        let expected = format!("{end:?} behind the last token, and nothing more");
        return Err(broken(expected, quoted(last.unwrap_or_default())));
    }
    Ok(context)
}

fn paced(site: &Site) -> Outcome {
    let look = || {
        let expected = "an answer of tokens at their pace";
        let mut talk = Talk::open(site).map_err(instead_of(expected))?;
        // One follows the other on the same connection.
        for answer in 0..2 {
            let ask = question(answer, 3.0);
            talk.ask(&ask).map_err(instead_of(expected))?;
            let messages = talk.answer().map_err(instead_of(expected))?;
            check(&messages, &ask, 0)?;
        }
        Ok(())
    };
    claims(site, look())
}

fn kept(site: &Site) -> Outcome {
    let look = || {
        let expected = "an answer with a context that is kept";
        let mut talk = Talk::open(site).map_err(instead_of(expected))?;
        let mut before = 0;
        for last in [false, false, true, true] {
            let mut ask = question(0, 0.5);
            ask.session = Some(Session { id: 77, last });
            talk.ask(&ask).map_err(instead_of(expected))?;
            let messages = talk.answer().map_err(instead_of(expected))?;
            let context = check(&messages, &ask, before)?;
            before = if last { 0 } else { context };
        }
        Ok(())
    };
    claims(site, look())
}

fn whole(site: &Site) -> Outcome {
    let look = || {
        let mut ask = question(0, 3.0);
        ask.stream = false;
        let tokens: Vec<Token> = ask.pace.tokens().take(ask.tokens as usize).collect();
        let text: String = tokens.iter().map(|token| token.text).collect();
        let whole = Whole {
            context: (ask.prompt.len() + text.len()) as u64,
            tokens: ask.tokens,
            text,
        };
        let expected = format!("{whole:?}, when its last token is due");
        let mut talk = Talk::open(site).map_err(instead_of(expected.clone()))?;
        talk.ask(&ask).map_err(instead_of(expected.clone()))?;
        let messages = talk.answer().map_err(instead_of(expected.clone()))?;
        let took = clock::now() - ask.pace.asked;
        let body = messages.first().map(Vec::as_slice).unwrap_or_default();
        let is_due = tokens.last().is_some_and(|token| took >= token.offset);
        if serde_json::from_slice(body).ok() != Some(whole) || !is_due {
            return Err(broken(
                expected,
                format!("{} after {took} ns", quoted(body)),
            ));
        }
        Ok(())
    };
    claims(site, look())
}

/// Once a token has come. Over HTTP a client leaves, or deletes what it polls for.
fn stopped(site: &Site) -> Outcome {
    let chats = || -> Result<Option<Chats>, String> {
        let answer = site.ask_control("/chats")?;
        match answer.head.status {
            404 | 405 => Ok(None),
            _ => serde_json::from_slice(&answer.content)
                .map(Some)
                .map_err(|_| answer.in_short()),
        }
    };
    let expected = "an answer that is stopped after its first token, as /chats says";
    if chats().map_err(instead_of(expected))?.is_none() {
        return Err(not_applicable("it does not tell what was stopped (/chats)"));
    }
    let look = || {
        // Nobody else has this number.
        let ask = question(clock::now() >> 12, 500.0);
        stop(site, &ask).map_err(instead_of(expected))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = chats().map_err(instead_of(expected))?.unwrap_or_default();
            let ours = all.stopped.iter().find(|one| one.answer == ask.pace.answer);
            match ours {
                Some(ours) if ours.sent > 0 && ours.sent < TOKENS => return Ok(()),
                Some(ours) => return Err(broken(expected, format!("{ours:?}"))),
                None if Instant::now() > deadline => {
                    let came = format!("{} under way, and none stopped", all.running);
                    return Err(broken(expected, came));
                }
                None => thread::sleep(LOOK),
            }
        }
    };
    claims(site, look())
}

fn stop(site: &Site, ask: &Ask) -> Result<(), String> {
    let mut talk = Talk::open(site)?;
    talk.ask(ask)?;
    match site.transport {
        "websocket" => {
            talk.frame()?;
            talk.wire.send(text(CANCEL.as_bytes()))?;
            while !is_end(&talk.frame()?) {}
        }
        "long-poll" => {
            let name = talk.begun()?;
            talk.poll(&name, 0)?;
            let host = &site.data.host;
            let request = format!("DELETE {PATH}/{name} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            talk.wire.send(request)?;
            let answer = Answer::read(&mut talk.wire)?;
            if answer.head.status != 200 || Done::parse(&answer.content).is_none() {
                return Err(answer.in_short());
            }
        }
        _ => {
            let head = Head::read(&mut talk.wire)?;
            Body::of(&head)?.piece(&mut talk.wire)?;
            talk.wire.leave();
        }
    }
    Ok(())
}
