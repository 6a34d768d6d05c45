//! Bytes per message or connection.

use pushbench_model::record::{RecordedTrial, ServerLabel};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::tuning::Tuning;

use super::held::Tolerance;
use super::{Case, Held};
use crate::chart::{Carried, Overhead, framing};
use crate::number::Unit;
use crate::wire::{Agreement, PerOperation};

/// Bytes of both directions, where formulas apply to every trial.
pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let arm = case.arm;
    let agreement = Agreement::of(&arm.valid);
    let Some((per, expected)) = PerOperation::of(&arm.valid).and_then(|p| Some((p, p.expected?)))
    else {
        return Vec::new();
    };
    let polls = ["long-poll", "short-poll"].contains(&arm.server.transport.as_str());
    let (known, (quantity, before)) = match &case.group.scenario.workload {
        Workload::Tokens(tokens) => (
            formula_of_answers(&arm.server.transport, tokens.stream),
            // Over polls each answer to one has its head, and its request.
            (
                "bytes per token",
                if polls {
                    "questions + "
                } else {
                    "heads + questions + "
                },
            ),
        ),
        Workload::FanOut(fan_out) if fan_out.two_way => (
            formula(&arm.server.transport),
            ("bytes per message", "what was said and answered + "),
        ),
        Workload::FanOut(_) => {
            let alive = case.group.scenario.server.heartbeat_s > 0;
            let setting = &case.group.scenario.server;
            let before = match setting.streams {
                0 if alive && !polls => "heartbeats + ",
                0 => "",
                _ => "window updates + ",
            };
            let known = match setting.compression {
                Some(_) => formula_of_compressed(&arm.server.transport),
                None if setting.streams > 0 => formula_of_shared(&arm.server.transport),
                None => formula(&arm.server.transport),
            };
            (known, ("bytes per message", before))
        }
        // Who stays has asked for the next message by the time the first one is counted.
        Workload::Connect(connect) if polls && connect.stay_s() > 0.0 => (
            formula(&arm.server.transport),
            ("bytes per connection", "requests of who stays + "),
        ),
        Workload::Connect(_) if polls => {
            (formula(&arm.server.transport), ("bytes per connection", ""))
        }
        Workload::Connect(_) => (
            formula(&arm.server.transport),
            ("bytes per connection", "heads + "),
        ),
    };
    let Some((formula, source)) = known else {
        return Vec::new();
    };
    let secured = match (
        case.group.scenario.server.tls,
        &case.group.scenario.workload,
    ) {
        (None, _) => "",
        // Handshakes enter as they were, as heads do.
        (Some(_), Workload::Connect(_)) => " + handshake + 22 per record (RFC 8446 §5.2)",
        (Some(_), _) => " + 22 per record (RFC 8446 §5.2)",
    };
    let counted = per.down + per.up;
    let measured = match agreement {
        // To the byte; what divides them by the operations rounds.
        Agreement::Match => expected,
        // Trials that are off to either side make up for one another.
        Agreement::Mismatch if counted == expected => f64::NAN,
        Agreement::Mismatch | Agreement::NoFormula => counted,
    };
    vec![Held {
        server: arm.server.to_string(),
        quantity,
        formula: format!("{before}{formula}{secured}"),
        source,
        unit: Unit::Bytes,
        predicted: expected,
        measured,
        tolerance: Tolerance::exact(),
    }]
}

/// What a token costs besides its body; an answer that is not a stream is one body of JSON.
fn formula_of_answers(transport: &str, stream: bool) -> Option<(&'static str, &'static str)> {
    match transport {
        "websocket" => formula(transport),
        _ if !stream => Some(("body of JSON", "RFC 9112 §6.2")),
        "sse" => Some(("chunk(data line + 1)", "WHATWG HTML §9.2, RFC 9112 §7.1")),
        _ => formula(transport),
    }
}

/// What a compressed message costs besides its length, which enters as it was.
fn formula_of_compressed(transport: &str) -> Option<(&'static str, &'static str)> {
    Some(match transport {
        "sse" | "ndjson" => ("chunk(deflated)", "RFC 9112 §7.1"),
        "websocket" => ("deflated + 2, 4 or 10", "RFC 7692 §7.2.1, RFC 6455 §5.2"),
        _ => return None,
    })
}

/// What a body costs besides itself where subscribers share a connection of HTTP/2.
fn formula_of_shared(transport: &str) -> Option<(&'static str, &'static str)> {
    Some(match transport {
        "sse" => (
            "frame(data lines + id + 1)",
            "WHATWG HTML §9.2, RFC 9113 §4.1",
        ),
        "ndjson" => ("frame(body + 1)", "RFC 9113 §4.1"),
        _ => return None,
    })
}

/// What a body costs besides itself, and by which specification. Heads enter as they were.
fn formula(transport: &str) -> Option<(&'static str, &'static str)> {
    Some(match transport {
        "sse" => (
            "chunk(data lines + id + 1)",
            "WHATWG HTML §9.2, RFC 9112 §7.1",
        ),
        "websocket" => ("body + 2, 4 or 10", "RFC 6455 §5.2"),
        "ndjson" => ("chunk(body + 1)", "RFC 9112 §7.1"),
        "tcp" => ("body + 4", "length before each frame"),
        "long-poll" | "short-poll" => ("request + head + body + 1", "RFC 9112 §2.1"),
        _ => return None,
    })
}

/// Valid trials of one server with payloads of one size, over all scenarios.
struct Pool<'a> {
    server: &'a ServerLabel,
    payload: u64,
    carried: Carried,
    scenarios: Vec<String>,
    trials: Vec<&'a RecordedTrial>,
}

/// What servers add to payloads of each size, where a message is nothing but pushed: not over a link, which makes polls find
/// several at once, and with nothing on the wire besides.
pub(super) fn overheads<'a>(cases: impl Iterator<Item = Case<'a>>) -> Vec<Overhead> {
    let mut pools: Vec<Pool<'a>> = Vec::new();
    for case in cases.filter(|case| is_plain(case.group.scenario)) {
        let Case { group, arm, .. } = case;
        let measured = arm.valid.first().and_then(|t| t.trial.measurement.as_ref());
        let Some(measured) = measured else { continue };
        let (server, payload) = (arm.server, measured.payload_bytes);
        let carried = Carried::of(group.scenario.payload.kind, measured);
        let known = pools.iter().position(|pool| {
            pool.server == server && pool.payload == payload && pool.carried == carried
        });
        let at = known.unwrap_or_else(|| {
            pools.push(Pool {
                server,
                payload,
                carried,
                scenarios: Vec::new(),
                trials: Vec::new(),
            });
            pools.len() - 1
        });
        pools[at].scenarios.push(group.scenario.name.clone());
        pools[at].trials.extend(&arm.valid);
    }
    // Both tunings frame alike; their dots would stand twice.
    let chosen = |pool: &Pool<'_>| pool.server.tuning != Tuning::Defaults;
    if pools.iter().any(chosen) {
        pools.retain(chosen);
    }
    pools.iter().filter_map(Pool::overhead).collect()
}

fn is_plain(scenario: &Scenario) -> bool {
    let pushed = match &scenario.workload {
        Workload::FanOut(fan_out) => {
            let undisturbed = fan_out.cuts.is_none() && fan_out.dead.is_none();
            undisturbed && fan_out.large.is_none() && !fan_out.two_way
        }
        Workload::Connect(_) | Workload::Tokens(_) => false,
    };
    pushed && scenario.link.is_none() && scenario.server.is_none()
}

impl Pool<'_> {
    /// `None` where no formula applies.
    fn overhead(&self) -> Option<Overhead> {
        let transport = &self.server.transport;
        framing(transport, self.carried, self.payload)?;
        let (formula, _) = formula(transport)?;
        let per = PerOperation::of(&self.trials)?;
        let message = (self.payload + self.carried.envelope()) as f64;
        Some(Overhead {
            server: self.server.clone(),
            scenarios: self.scenarios.clone(),
            payload: self.payload,
            carried: self.carried,
            counted: per.down + per.up - message,
            expected: per.expected? - message,
            agrees: Agreement::of(&self.trials) == Agreement::Match,
            formula,
        })
    }
}
