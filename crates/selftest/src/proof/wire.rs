//! Bytes, segments and socket options: what theory says is what is counted.

use std::fmt::Write as _;

use pushbench_harness::{Plan, PlannedTrial, TrialResult, TrialRunner as _};
use pushbench_model::measurement::Measurement;
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Workload;
use pushbench_model::theory;

use crate::arms::{fan_out, runner, server};
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Wire {
    /// Runs the trials.
    observe: fn(&Context<'_>) -> Result<Vec<Case>, Unproven>,
    /// Bytes down of one message.
    formula: fn(&Message<'_>) -> Option<u64>,
}

pub(super) static REAL: Wire = Wire { observe, formula };

/// A message on the wire.
struct Message<'a> {
    transport: &'a str,
    /// Bytes of its body.
    body: u64,
    /// Its number in the stream, from 1.
    seq: u64,
}

/// One trial.
#[derive(Clone, Debug)]
struct Case {
    transport: &'static str,
    payload: usize,
    /// Messages before the first that was measured.
    warm_up: u64,
    subscribers: u64,
    /// What was measured, or why nothing was.
    measured: Result<Measurement, String>,
}

const TRANSPORTS: [&str; 6] = [
    "sse",
    "websocket",
    "tcp",
    "ndjson",
    "long-poll",
    "short-poll",
];
/// Their deliveries are one write each; a poll is answered by a head and a body.
const PUSHED: [&str; 4] = ["sse", "websocket", "tcp", "ndjson"];
/// The envelope of a text message has 106 bytes: with 19 and 20 a body has 125 and 126, where the header of a WebSocket
/// frame grows.
const QUICK: &[usize] = &[0, 19, 20, 65_430];
/// And with 65 429 and 65 430 it has 65 535 and 65 536, where it grows again.
const FULL: &[usize] = &[0, 1, 19, 20, 125, 126, 65_429, 65_430, 65_535, 65_536];
/// Up to this a message fits into one segment, whatever the path.
const ONE_SEGMENT: usize = 1000;

const SUBSCRIBERS: u32 = 3;
/// So seldom that a message is never sent together with the next.
const RATE: f64 = 100.0;
const SECONDS: f64 = 0.1;
/// A machine that stands still for 10 ms makes two messages one segment: then once more.
const ATTEMPTS: u32 = 3;

impl Proof for Wire {
    fn about(&self) -> About {
        About {
            id: "wire",
            rules: &[28, 30],
            rule: "Bytes equal the formulas, a delivery is one segment on every push transport, and NODELAY is on.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        Ok(self.judge(&(self.observe)(context)?))
    }
}

impl Wire {
    fn judge(&self, cases: &[Case]) -> Finding {
        let wrong: Vec<String> = cases
            .iter()
            .filter_map(|case| {
                let wrong = self.wrong(case)?;
                Some(format!(
                    "{} with {} bytes: {wrong}",
                    case.transport, case.payload
                ))
            })
            .collect();
        let measured = || {
            cases
                .iter()
                .filter_map(|case| Some((case, case.measured.as_ref().ok()?)))
        };
        let sum =
            |of: fn(&Measurement) -> u64| measured().map(|(_, measured)| of(measured)).sum::<u64>();
        let payloads = cases
            .iter()
            .map(|case| case.payload)
            .collect::<std::collections::BTreeSet<_>>();
        let payloads = payloads
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let read = if wrong.is_empty() {
            let mut read = format!(
                "{} bytes down as by formula in {} trials; {}; NODELAY on {} of {} sockets",
                sum(|m| m.wire.bytes_down),
                cases.len(),
                segments(&measured().collect::<Vec<_>>()),
                sum(|m| m.connections.nodelay + m.server.as_ref().map_or(0, |s| s.nodelay)),
                sum(|m| m.connections.opened + m.server.as_ref().map_or(0, |s| s.accepted)),
            );
            if cases.iter().any(|case| case.payload > ONE_SEGMENT) {
                // A large message is cut as the path demands; only its bytes are held against theory.
                let _ = write!(read, "; large ones: bytes alone");
            }
            read
        } else {
            format!(
                "{} of {} trials are wrong; {}",
                wrong.len(),
                cases.len(),
                wrong[0]
            )
        };
        Finding {
            injected: format!(
                "payloads of {payloads} bytes on {}, one by one",
                TRANSPORTS.join(", ")
            ),
            expected:
                "bytes by the formulas; 1 segment with data per delivery; NODELAY on at both ends"
                    .into(),
            read,
            naive: None,
            holds: !cases.is_empty() && wrong.is_empty(),
        }
    }

    fn wrong(&self, case: &Case) -> Option<String> {
        let measured = match &case.measured {
            Ok(measured) => measured,
            Err(reason) => return Some(reason.clone()),
        };
        let wire = &measured.wire;
        if wire.agrees() != Some(true) {
            return Some(format!(
                "{} bytes down and {} up, expected {:?} and {:?}",
                wire.bytes_down, wire.bytes_up, wire.expected_down, wire.expected_up
            ));
        }
        let formula = self.bytes(case, measured);
        if formula.is_some_and(|bytes| bytes != wire.bytes_down) {
            return Some(format!(
                "{} bytes down, by formula {formula:?}",
                wire.bytes_down
            ));
        }
        let connections = &measured.connections;
        if connections.opened != case.subscribers || connections.nodelay != connections.opened {
            return Some(format!(
                "the load process had NODELAY on {} of {} sockets",
                connections.nodelay, connections.opened
            ));
        }
        match &measured.server {
            Some(server) if server.accepted > 0 && server.nodelay == server.accepted => {}
            server => return Some(format!("NODELAY of the server's sockets: {server:?}")),
        }
        (!one_segment_each(case, measured)).then(|| {
            format!(
                "{} segments with data for {} deliveries",
                wire.data_segments_down, measured.operations
            )
        })
    }

    /// Bytes down of all deliveries, where a message alone decides about its own.
    fn bytes(&self, case: &Case, measured: &Measurement) -> Option<u64> {
        let one = |seq| {
            (self.formula)(&Message {
                transport: case.transport,
                body: measured.body_bytes,
                seq,
            })
        };
        let first = case.warm_up + 1;
        let each: Option<u64> = (first..first + measured.published).map(one).sum();
        Some(case.subscribers * each?)
    }
}

/// An event has its number as id and is a chunk of its own, as a line is. What a poll is answered has a head that depends on the server:
/// only the sum of it is held against what came, by the load process.
fn formula(message: &Message<'_>) -> Option<u64> {
    match message.transport {
        "sse" => Some(theory::chunk(theory::sse_event(
            message.body,
            1,
            Some(message.seq),
            None,
        ))),
        "websocket" => Some(theory::websocket_server_frame(message.body)),
        "tcp" => Some(theory::tcp_frame(message.body)),
        "ndjson" => Some(theory::chunk(theory::json_line(message.body))),
        _ => None,
    }
}

fn one_segment_each(case: &Case, measured: &Measurement) -> bool {
    case.payload > ONE_SEGMENT
        || !PUSHED.contains(&case.transport)
        || measured.wire.data_segments_down == measured.operations
}

/// Segments with data per delivery of small messages, for each transport.
fn segments(measured: &[(&Case, &Measurement)]) -> String {
    let of = |transport: &str| {
        let small = measured
            .iter()
            .filter(|(case, _)| case.transport == transport && case.payload <= ONE_SEGMENT);
        let (segments, deliveries) = small.fold((0, 0), |(segments, deliveries), (_, measured)| {
            (
                segments + measured.wire.data_segments_down,
                deliveries + measured.operations,
            )
        });
        format!("{transport} {segments}/{deliveries}")
    };
    let each: Vec<String> = PUSHED.into_iter().map(of).collect();
    format!("segments/deliveries {}", each.join(", "))
}

fn observe(context: &Context<'_>) -> Result<Vec<Case>, Unproven> {
    let payloads = context.either(QUICK, FULL);
    let mut cases = Vec::new();
    for transport in TRANSPORTS {
        for &payload in payloads {
            let mut case = trial(context, transport, payload)?;
            for _ in 1..ATTEMPTS {
                match &case.measured {
                    Ok(measured) if one_segment_each(&case, measured) => break,
                    _ => case = trial(context, transport, payload)?,
                }
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

fn trial(context: &Context<'_>, transport: &'static str, payload: usize) -> Result<Case, Unproven> {
    context.check()?;
    let scenario = fan_out(payload, SUBSCRIBERS, RATE, SECONDS);
    let servers = [server("reference", transport, &[])];
    let plan = Plan::new(&[scenario], &servers, Profile::Quick, 1, context.seed);
    let planned: &PlannedTrial = &plan.trials[0];
    let TrialResult::Finished(trial) = runner(context).run(planned) else {
        return Err(Unproven::Interrupted);
    };
    let warm_up = match &planned.scenario.workload {
        Workload::FanOut(fan_out) => fan_out.messages(fan_out.warm_up_s.at(Profile::Quick)),
        Workload::Connect(_) | Workload::Tokens(_) => 0,
    };
    Ok(Case {
        transport,
        payload,
        warm_up,
        subscribers: SUBSCRIBERS.into(),
        measured: trial.measurement.ok_or_else(|| trial.outcome.in_words()),
    })
}

#[cfg(test)]
mod tests;
