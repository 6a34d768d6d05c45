//! A server held against docs/PROTOCOL.md from outside, rule by rule, before anything is measured.
//!
//! Every byte is read by hand here. The codecs of the transports would hide what a server does wrong, and a server that
//! suits them by chance would pass.
//!
//! # Layout
//!
//! - `wire`, `http`: a socket and what HTTP/1.1 says on it
//! - `site`: a server that is being checked, and posting to it
//! - `subscriber`: what comes on one subscription, alike for all transports
//! - `control`, `delivery`, `stream`, `sse`, `ndjson`, `websocket`, `long_poll`, `chat`, `paced`, `life`: the rules
//!
//! A rule is a function that asks for something and looks at what comes. Each has connections of its own, so that one
//! that is broken does not break the next.

mod chat;
mod control;
mod delivery;
mod http;
mod life;
mod long_poll;
mod ndjson;
mod paced;
mod site;
mod sse;
mod stream;
mod subscriber;
mod tcp;
mod websocket;
mod wire;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::servers::{Paths, Server};

use site::Site;

/// How a server keeps a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It keeps it.
    Passed,
    /// It does not.
    Failed {
        /// What the rule says.
        expected: String,
        /// What the server did.
        came: String,
    },
    /// The rule is none for this server, or cannot be looked at from here.
    NotApplicable {
        /// Why.
        why: String,
    },
}

/// What was found about one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule in short, such as `sse: head`.
    pub rule: String,
    /// How the server keeps it.
    pub verdict: Verdict,
}

/// A running server to be checked, with one of its transports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The transport to subscribe with.
    pub transport: String,
    /// Where subscribers connect.
    pub data: String,
    /// Where the control endpoint is, if elsewhere.
    pub control: Option<String>,
    /// Whether it counts messages and can be asked for what follows a number. One that cannot speaks a protocol of its
    /// own: rules about numbers, and about what is on by default, are none for it.
    pub by_sequence: bool,
    /// Whether it is said to publish what subscribers say on a WebSocket.
    pub says: bool,
    /// Whether it is said to answer questions at a pace that it is told.
    pub answers: bool,
}

/// What rules return: nothing, or why it is not passed.
type Outcome = Result<(), Verdict>;

fn broken(expected: impl Into<String>, came: impl Into<String>) -> Verdict {
    Verdict::Failed {
        expected: expected.into(),
        came: came.into(),
    }
}

fn not_applicable(why: impl Into<String>) -> Verdict {
    Verdict::NotApplicable { why: why.into() }
}

/// A failure of the wire where something else was expected.
fn instead_of(expected: impl Into<String>) -> impl FnOnce(String) -> Verdict {
    |came| broken(expected, came)
}

/// A rule: its name, and how it is looked at.
type Rule = (&'static str, fn(&Site) -> Outcome);

/// The transports that can be checked.
pub const TRANSPORTS: [&str; 6] = [
    "sse",
    "websocket",
    "long-poll",
    "tcp",
    "ndjson",
    "short-poll",
];

fn rules_of(transport: &str) -> Vec<Rule> {
    let own: &[Rule] = match transport {
        "sse" => &sse::RULES,
        "websocket" => &websocket::RULES,
        "long-poll" => &long_poll::RULES,
        "short-poll" => &long_poll::UNHELD,
        "ndjson" => &ndjson::RULES,
        _ => &tcp::RULES,
    };
    let answers: &[Rule] = match transport {
        "tcp" | "short-poll" => &[],
        _ => &paced::RULES,
    };
    [
        &control::RULES[..],
        own,
        &delivery::RULES,
        &chat::RULES,
        answers,
    ]
    .concat()
}

/// Checks a server that runs already: everything but how it starts and ends.
///
/// # Errors
///
/// When a URL cannot be used or the transport is unknown.
pub fn verify_running(subject: &Subject, stop: &AtomicBool) -> Result<Vec<Finding>, String> {
    let site = Site::new(subject)?;
    site.count();
    let mut findings = Vec::new();
    for (name, look) in rules_of(&subject.transport) {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        findings.push(finding(name, &subject.transport, look(&site)));
    }
    Ok(findings)
}

/// The transports that the server at `url` has the endpoints of. Whoever has `/poll` is asked for it by the clock, too, when
/// that is named: it is the same endpoint.
///
/// # Errors
///
/// When the URL cannot be used or nothing answers there.
pub fn spoken_at(url: &str) -> Result<Vec<&'static str>, String> {
    let origin = wire::Origin::parse(url)?;
    if origin.scheme == "tcp" {
        return Ok(vec!["tcp"]);
    }
    let mut spoken = Vec::new();
    for (transport, path) in [
        ("sse", "/sse"),
        ("websocket", "/ws"),
        ("long-poll", "/poll?timeout=0"),
        ("ndjson", "/ndjson"),
    ] {
        let mut wire = wire::Wire::connect(&origin)?;
        wire.send(http::get(&origin, path, ""))?;
        // What a WebSocket endpoint answers to a request that is no handshake is its own affair.
        if http::Head::read(&mut wire)?.status != 404 {
            spoken.push(transport);
        }
    }
    Ok(spoken)
}

/// Starts a server and checks all of the contract, also how it starts and ends.
///
/// # Errors
///
/// When it cannot be started, or its ready line cannot be used; interrupted, what was found until then is returned.
pub fn verify_server(
    server: &Server,
    pushbench: &Path,
    stop: &AtomicBool,
) -> Result<Vec<Finding>, String> {
    life::verify(server, pushbench, stop)
}

/// The few rules without which no trial can go well: the server is healthy, takes a message and delivers it. It is
/// started for that, and ended.
///
/// # Errors
///
/// The sentence that says which rule it breaks.
pub fn precheck(server: &Server, pushbench: &Path, stop: &AtomicBool) -> Result<(), String> {
    life::precheck(server, pushbench, stop)
}

fn finding(name: &str, transport: &str, outcome: Outcome) -> Finding {
    Finding {
        rule: name.replace("{transport}", transport),
        verdict: outcome.err().unwrap_or(Verdict::Passed),
    }
}

impl Subject {
    /// A server that has said `data` and `control` in its ready line.
    fn of(server: &Server, data: &str, control: Option<&str>) -> Self {
        let paths: &Paths = &server.paths;
        Self {
            transport: server.label.transport.clone(),
            data: paths.data_url(data),
            control: paths.control_url(data, control),
            by_sequence: server.resumes,
            says: server.says,
            answers: server.answers,
        }
    }
}
