//! Rules for `POST /chat`, where a server has it.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::{Answer, Body, Head, ask, post};
use super::site::{Site, TEXT};
use super::sse::{Blocks, Fields, fields};
use super::wire::{PATIENCE, Wire, quoted};
use super::{Outcome, Rule, Verdict, broken, instead_of, not_applicable};

pub(super) const RULES: [Rule; 5] = [
    ("chat: the whole answer is JSON", whole),
    (
        "chat: the stream has the same text in named events, and ends",
        streamed,
    ),
    ("chat: tokens come apart", apart),
    ("chat: what cannot be answered is refused", refuses),
    ("chat: a client that leaves is noticed", leaving),
];

/// Tokens of an answer: enough to see all of a text of a page, and its beginning again.
const TOKENS: usize = 700;
/// A pause that nobody waits for, milliseconds.
const LONG_MS: u64 = 60_000;
/// How often it is looked whether a client's leaving was noticed.
const LOOK: Duration = Duration::from_millis(20);

fn request(site: &Site, body: &str) -> Vec<u8> {
    post(&site.data, "/chat", TEXT, body.as_bytes())
}

/// The whole answer; a server without the endpoint is none to check.
fn answer(site: &Site, tokens: usize) -> Result<String, Verdict> {
    if site.data.scheme == "tcp" {
        return Err(not_applicable("it speaks no HTTP"));
    }
    let expected = format!("200, application/json, {{\"text\":\"...\",\"tokens\":{tokens}}}");
    let body = format!("{{\"prompt\":\"Tell me.\",\"stream\":false,\"tokens\":{tokens}}}");
    let answer = ask(&site.data, request(site, &body)).map_err(instead_of(expected.clone()))?;
    if matches!(answer.head.status, 404 | 405) {
        let why = format!("it has no /chat: {}", answer.head.first_line());
        return Err(not_applicable(why));
    }
    let json: Value = serde_json::from_slice(&answer.content).unwrap_or_default();
    let text = json["text"].as_str().unwrap_or_default();
    let counted = json["tokens"].as_u64() == Some(tokens as u64);
    let is_json = answer.head.essence() == TEXT;
    if answer.head.status != 200 || !is_json || text.is_empty() || !counted {
        return Err(broken(expected, answer.in_short()));
    }
    Ok(text.to_owned())
}

fn whole(site: &Site) -> Outcome {
    answer(site, TOKENS).map(drop)
}

/// A stream whose head was read.
struct Stream {
    wire: Wire,
    body: Body,
    blocks: Blocks,
}

impl Stream {
    fn open(site: &Site, tokens: usize, gap_ms: u64) -> Result<Self, String> {
        let mut wire = Wire::connect(&site.data)?;
        let body = format!("{{\"stream\":true,\"tokens\":{tokens},\"gap_ms\":{gap_ms}}}");
        wire.send(request(site, &body))?;
        let head = Head::read(&mut wire)?;
        if head.status != 200 || head.essence() != "text/event-stream" {
            return Err(quoted(head.text.as_bytes()));
        }
        let body = Body::of(&head)?;
        Ok(Self {
            wire,
            body,
            blocks: Blocks::default(),
        })
    }

    /// The next event; `None` at the end.
    fn event(&mut self) -> Result<Option<Fields>, String> {
        loop {
            if let Some(block) = self.blocks.next() {
                let fields = fields(&block)?;
                if fields != Fields::default() {
                    return Ok(Some(fields));
                }
                continue;
            }
            match self.body.piece(&mut self.wire) {
                Ok(Some(piece)) => self.blocks.feed(&piece),
                Ok(None) => return Ok(None),
                // A body without framing ends with its connection.
                Err(came)
                    if matches!(self.body, Body::Open) && came == "the end of the connection" =>
                {
                    return Ok(None);
                }
                Err(came) => return Err(came),
            }
        }
    }
}

fn streamed(site: &Site) -> Outcome {
    let text = answer(site, TOKENS)?;
    let head = "200 with Content-Type: text/event-stream";
    let mut stream = Stream::open(site, TOKENS, 0).map_err(instead_of(head))?;
    let expected =
        format!("{TOKENS} events named token, one named done, and the end of the stream");
    let mut joined = String::new();
    let mut tokens = 0;
    let mut done = false;
    while let Some(event) = stream.event().map_err(instead_of(expected.clone()))? {
        match event.event.as_deref() {
            Some("token") if !done && !event.data.is_empty() => {
                joined += &event.data.join("\n");
                tokens += 1;
            }
            Some("done") if !done && !event.data.is_empty() => done = true,
            _ => {
                return Err(broken(
                    expected,
                    format!("{event:?} behind {tokens} tokens"),
                ));
            }
        }
    }
    if tokens != TOKENS || !done {
        let came = format!("the end of the stream behind {tokens} tokens");
        return Err(broken(expected, came));
    }
    if joined != text {
        let same = joined
            .chars()
            .zip(text.chars())
            .take_while(|(a, b)| a == b)
            .count();
        let from = |text: &str| {
            text.chars()
                .skip(same.saturating_sub(10))
                .take(30)
                .collect::<String>()
        };
        let expected = format!(
            "the text of the whole answer, about character {same} {:?}",
            from(&text)
        );
        return Err(broken(expected, format!("{:?}", from(&joined))));
    }
    Ok(())
}

fn apart(site: &Site) -> Outcome {
    answer(site, 1)?;
    let gap = Duration::from_millis(40);
    let expected = "a pause of 40 ms between each two of 4 tokens";
    let begun = Instant::now();
    let mut stream = Stream::open(site, 4, 40).map_err(instead_of(expected))?;
    while stream.event().map_err(instead_of(expected))?.is_some() {}
    let took = begun.elapsed();
    // Timers of whole milliseconds may be early by less than one.
    match took >= gap * 3 - Duration::from_millis(3) {
        true => Ok(()),
        false => Err(broken(
            expected,
            format!("all of them in {} ms", took.as_millis()),
        )),
    }
}

fn refuses(site: &Site) -> Outcome {
    answer(site, 1)?;
    for body in [
        "no JSON",
        "[]",
        "{\"stream\":\"true\"}",
        "{\"tokens\":-1}",
        "{\"gap_ms\":0.5}",
    ] {
        let expected = format!("400 to {body}");
        let answer: Answer =
            ask(&site.data, request(site, body)).map_err(|came| broken(&expected, came))?;
        if answer.head.status != 400 {
            return Err(broken(expected, answer.in_short()));
        }
    }
    Ok(())
}

fn leaving(site: &Site) -> Outcome {
    answer(site, 1)?;
    let under_way = || -> Result<Option<u64>, String> {
        let answer = site.ask_control("/healthz")?;
        let json: Value = serde_json::from_slice(&answer.content).unwrap_or_default();
        Ok(json["chats"].as_u64())
    };
    let expected = "\"chats\" in /healthz: 1 during a stream and 0 when its client has left";
    if under_way().map_err(instead_of(expected))?.is_none() {
        return Err(not_applicable(
            "its /healthz does not tell how many streams are under way (\"chats\")",
        ));
    }
    let mut stream = Stream::open(site, 2, LONG_MS).map_err(instead_of(expected))?;
    stream.event().map_err(instead_of(expected))?;
    let during = under_way().map_err(instead_of(expected))?;
    if during != Some(1) {
        return Err(broken(expected, format!("{during:?} during a stream")));
    }
    stream.wire.leave();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match under_way().map_err(instead_of(expected))? {
            Some(0) => return Ok(()),
            still if Instant::now() > deadline => {
                let came = format!("{still:?} still {} s after it had left", PATIENCE.as_secs());
                return Err(broken(expected, came));
            }
            _ => thread::sleep(LOOK),
        }
    }
}
