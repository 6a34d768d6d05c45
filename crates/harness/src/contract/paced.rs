//! Rules for `/chat` with a pace: answers whose tokens are due at times that both sides know.

mod talk;

use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::message::parse;
use pushbench_model::tokens::{Ask, CANCEL, Chats, Done, Gaps, Pace, Session, Token, Whole};
use pushbench_sys::clock;
use serde_json::Value;

use super::http::{Answer, Body, Head};
use super::site::Site;
use super::websocket::text;
use super::wire::{PATIENCE, quoted};
use super::{Outcome, Rule, Verdict, broken, instead_of, not_applicable};
use talk::{PATH, Talk, is_end};

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
        let due = stamp.published >= intended;
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
