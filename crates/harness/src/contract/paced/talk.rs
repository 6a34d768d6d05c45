//! A connection on which questions are asked, and answers are read, whatever the transport.

use pushbench_model::tokens::{Ask, Done, Whole};
use serde_json::Value;

use crate::contract::http::{Answer, Body, Head, get};
use crate::contract::site::Site;
use crate::contract::websocket::{Frame, pong, shake_at, text};
use crate::contract::wire::{Wire, quoted};

/// Path of the endpoint.
pub(super) const PATH: &str = "/chat";

/// A connection on which questions are asked.
pub(super) struct Talk<'a> {
    pub(super) site: &'a Site,
    pub(super) wire: Wire,
}

impl<'a> Talk<'a> {
    pub(super) fn open(site: &'a Site) -> Result<Self, String> {
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
    pub(super) fn ask(&mut self, ask: &Ask) -> Result<(), String> {
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
    pub(super) fn answer(&mut self) -> Result<Vec<Vec<u8>>, String> {
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

    pub(super) fn frame(&mut self) -> Result<Vec<u8>, String> {
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
    pub(super) fn begun(&mut self) -> Result<String, String> {
        let head = Head::read(&mut self.wire)?;
        if head.status != 202 {
            return Err(head.first_line().to_owned());
        }
        let content = Body::of(&head)?.whole(&mut self.wire)?;
        let json: Value = serde_json::from_slice(&content).unwrap_or_default();
        let id = json["id"].as_str();
        id.map(str::to_owned).ok_or_else(|| quoted(&content))
    }

    pub(super) fn poll(&mut self, name: &str, after: usize) -> Result<Vec<Vec<u8>>, String> {
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

/// Whether it ends an answer.
pub(super) fn is_end(body: &[u8]) -> bool {
    Done::parse(body).is_some() || serde_json::from_slice::<Whole>(body).is_ok()
}
