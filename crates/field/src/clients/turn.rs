//! One client, from its start to the last message, in front of a fresh server of ours.

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pushbench_model::recorder::Recorder;
use pushbench_model::sequence::SequenceCounts;
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;
use serde::Deserialize;

use super::check::Harvest;
use super::client::Client;
use super::own::Own;
use super::process::Process;
use super::{messages, settle};

/// The reconnection time that streams announce, milliseconds. It is there for those whose first sign of life is a progress event.
const RETRY_MS: u64 = 1000;

/// What every client is sent, phase after phase on one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The phases.
    pub phases: Vec<Phase>,
    /// How long a client may take for its subscription, for coming to rest, and for its answer.
    pub patience: Duration,
}

/// Messages at a constant rate.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// How many.
    pub messages: u64,
    /// Per second.
    pub rate: f64,
}

impl Load {
    /// These phases, and half a minute of patience.
    #[must_use]
    pub fn of(phases: Vec<Phase>) -> Self {
        Self {
            phases,
            patience: Duration::from_secs(30),
        }
    }
}

/// What became of a client's messages.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// Name of the client.
    pub client: String,
    /// Its transport.
    pub transport: String,
    /// In which round.
    pub round: u32,
    /// Messages published.
    pub published: u64,
    /// What became of them.
    pub counts: SequenceCounts,
    /// Phase by phase.
    pub phases: Vec<PhaseFigures>,
    /// Characters that code beside the library had read when a message was told, for the first and each following message.
    pub scanned: Vec<u64>,
    /// What the client had to say.
    pub notes: Vec<String>,
    /// Why there is nothing more to tell.
    pub failure: Option<String>,
}

/// Figures of a phase.
#[derive(Clone, Debug, Default)]
pub struct PhaseFigures {
    /// Messages published.
    pub published: u64,
    /// Processor time of the client, nanoseconds.
    pub cpu_ns: u64,
    /// Response and service times of what arrived.
    pub times: Recorder,
}

/// A client under way.
pub(super) trait Subject {
    /// Processor time so far, nanoseconds.
    fn cpu_ns(&self) -> io::Result<u64>;
    /// A phase has ended; the next one begins with message `next`.
    fn phase_ended(&mut self, next: u64) -> Result<(), String>;
    /// What arrived of messages up to the last one of each phase.
    fn harvest(self: Box<Self>, ends: &[u64], patience: Duration) -> Result<Harvest, String>;
}

/// Starts `client` and a server, publishes all phases of `load`, and asks what arrived.
pub fn take(client: &Client, load: &Load, round: u32, stop: &AtomicBool) -> Turn {
    let mut turn = Turn {
        client: client.name.clone(),
        transport: client.transport.clone(),
        round,
        ..Turn::default()
    };
    if let Err(reason) = fill(&mut turn, client, load, stop) {
        turn.failure = Some(reason);
    }
    turn
}

fn fill(turn: &mut Turn, client: &Client, load: &Load, stop: &AtomicBool) -> Result<(), String> {
    let transport = client.transport()?;
    let options = ServeOptions {
        stack: Stack::Bare,
        sse_retry_ms: Some(RETRY_MS),
        sse_post: true,
        ..ServeOptions::default()
    };
    let server = crate::own::start(transport, options).map_err(|error| error.to_string())?;
    let mut subject: Box<dyn Subject> = if client.is_ours() {
        Box::new(Own::start(transport, server.data_addr(), load.patience)?)
    } else {
        let scheme = if client.transport == "websocket" {
            "ws"
        } else {
            "http"
        };
        let url = format!(
            "{scheme}://{}{}",
            server.data_addr(),
            transport.endpoint().1
        );
        Box::new(Process::start(client, &url, load.patience, stop)?)
    };
    let mut ends = Vec::new();
    for phase in &load.phases {
        publish(turn, subject.as_mut(), &server, *phase, load.patience, stop)?;
        ends.push(turn.published);
        subject.phase_ended(turn.published + 1)?;
    }
    let harvest = subject.harvest(&ends, load.patience)?;
    turn.counts = harvest.counts;
    turn.scanned = harvest.scanned;
    turn.notes = harvest.notes;
    for (phase, times) in turn.phases.iter_mut().zip(harvest.times) {
        phase.times = times;
    }
    Ok(())
}

/// At rest before and after, so that nothing of the phase is used outside of it.
fn publish(
    turn: &mut Turn,
    subject: &mut dyn Subject,
    server: &Server,
    phase: Phase,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<(), String> {
    let rest = |when: &str| {
        settle::settle(|| subject.cpu_ns(), patience, stop)
            .map_err(|error| format!("its processor time {when} a phase: {error}"))
    };
    let before = rest("before")?;
    let published = messages::publish(server.hub(), phase.messages, phase.rate, stop);
    let cpu_ns = rest("after")?.saturating_sub(before);
    turn.published += published;
    turn.phases.push(PhaseFigures {
        published,
        cpu_ns,
        times: Recorder::default(),
    });
    Ok(())
}
