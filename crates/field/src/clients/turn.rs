//! One client, from its start to the last message, in front of a fresh server of ours.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pushbench_model::message;
use pushbench_model::recorder::Recorder;
use pushbench_model::sequence::{Arrival as Place, SequenceCheck, SequenceCounts};
use pushbench_server::Server;
use pushbench_sys::process::{Child, NoLine, cpu_time_ns};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;
use serde::Deserialize;

use super::answer::{Arrival, Line};
use super::list::Client;
use super::own::Own;
use super::{messages, settle};

/// The reconnection time that streams announce, milliseconds. It is there for those whose first sign of life is a progress event.
const RETRY_MS: u64 = 1000;
/// Between two looks at whether a person has stopped the survey.
const LOOK: Duration = Duration::from_millis(100);
/// Most messages of a client that are in memory, as a multiple of those published: one that tells more is out of its mind.
const MOST: u64 = 20;

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

/// What arrived, as the checks see it.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    pub(super) counts: SequenceCounts,
    /// Times of each phase.
    pub(super) times: Vec<Recorder>,
    pub(super) scanned: Vec<u64>,
    pub(super) notes: Vec<String>,
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
        Box::new(Program::start(client, &url, load.patience, stop)?)
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

/// A client that is a program.
struct Program {
    child: Child,
    notes: Vec<String>,
}

impl Program {
    /// Starts it and waits for its subscription.
    fn start(
        client: &Client,
        url: &str,
        patience: Duration,
        stop: &AtomicBool,
    ) -> Result<Self, String> {
        let child = client
            .start(&client.command, url)
            .map_err(|error| format!("cannot be started: {error}"))?;
        let mut program = Self {
            child,
            notes: Vec::new(),
        };
        let deadline = Instant::now() + patience;
        while program.line(deadline, stop)? != Line::Connected {}
        Ok(program)
    }

    /// The next line that is no note.
    fn line(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<Line, String> {
        loop {
            match self.child.line(LOOK) {
                Ok(line) => match Line::read(&line) {
                    Line::Note(note) => self.note(note),
                    line => return Ok(line),
                },
                Err(NoLine::Closed) => return Err(self.last_words()),
                Err(NoLine::TimedOut) if stop.load(Ordering::Relaxed) => {
                    return Err("stopped".into());
                }
                Err(NoLine::TimedOut) if Instant::now() >= deadline => {
                    return Err("it does not answer".into());
                }
                Err(NoLine::TimedOut) => {}
            }
        }
    }

    /// Each kind of note once, and not many.
    fn note(&mut self, note: String) {
        const MOST_NOTES: usize = 4;
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn last_words(&mut self) -> String {
        let status = self.child.wait(Duration::from_secs(2));
        let status = status.map_or_else(
            |_| "it closed its output".into(),
            |status| status.to_string(),
        );
        let errors = self.child.errors();
        let said = errors.lines().next_back().unwrap_or("it says nothing");
        format!("ended ({status}): {said}")
    }
}

impl Subject for Program {
    fn cpu_ns(&self) -> io::Result<u64> {
        cpu_time_ns(self.child.id())
    }

    fn phase_ended(&mut self, _: u64) -> Result<(), String> {
        Ok(())
    }

    fn harvest(mut self: Box<Self>, ends: &[u64], patience: Duration) -> Result<Harvest, String> {
        let failed = |error| format!("cannot be asked: {error}");
        self.child.tell("results").map_err(failed)?;
        let most = ends.last().map_or(0, |last| last * MOST);
        let (deadline, never) = (Instant::now() + patience, AtomicBool::new(false));
        let mut arrivals = Vec::new();
        loop {
            match self.line(deadline, &never)? {
                Line::Message(arrival) => arrivals.push(arrival),
                Line::Result(count) if count == arrivals.len() as u64 => break,
                Line::Result(count) => {
                    return Err(format!(
                        "it counted {count} messages and told of {}",
                        arrivals.len()
                    ));
                }
                _ => {}
            }
            if arrivals.len() as u64 > most {
                return Err(format!("it tells of more than {most} messages"));
            }
        }
        let mut harvest = check(&arrivals, ends);
        harvest.notes.extend(self.notes);
        Ok(harvest)
    }
}

/// Verifies all that arrived, after the measurement.
fn check(arrivals: &[Arrival], ends: &[u64]) -> Harvest {
    let mut place = SequenceCheck::starting_at(1);
    let mut harvest = Harvest {
        times: vec![Recorder::default(); ends.len()],
        ..Harvest::default()
    };
    let mut corrupted = 0;
    for arrival in arrivals {
        let stamp = match message::parse(arrival.text.as_bytes()) {
            Ok(stamp) => stamp,
            Err(error) => {
                if corrupted == 0 {
                    harvest.notes.push(error.to_string());
                }
                corrupted += 1;
                continue;
            }
        };
        if let Place::New | Place::Reordered = place.arrived(stamp.seq) {
            let phase = ends.partition_point(|&end| end < stamp.seq);
            if let Some(times) = harvest.times.get_mut(phase) {
                times.record(stamp, arrival.at);
            }
            harvest.scanned.extend(arrival.scanned);
        }
    }
    harvest.counts = place.counts(ends.last().copied().unwrap_or(0));
    // It would also show as lost; it is counted once.
    harvest.counts.corrupted = corrupted;
    harvest.counts.lost = harvest.counts.lost.saturating_sub(corrupted);
    harvest
}

#[cfg(test)]
mod tests {
    use super::super::testing::shell;
    use super::*;
    use pushbench_model::message::{Stamp, encode_text};

    fn arrival(seq: u64, scanned: Option<u64>) -> Arrival {
        let stamp = Stamp {
            seq,
            intended: seq * 1000,
            published: seq * 1000 + 100,
        };
        let mut body = Vec::new();
        encode_text(stamp, "x", &mut body);
        Arrival {
            at: seq * 1000 + 300,
            scanned,
            text: String::from_utf8(body).unwrap(),
        }
    }

    #[test]
    fn faults_are_counted_and_times_go_to_their_phase() {
        let mut broken = arrival(4, Some(40));
        broken.text = broken.text.replace('x', "y");
        // 2 is lost, 3 comes twice, 4 is damaged, 6 comes before 5.
        let mut arrivals: Vec<Arrival> = [1, 3, 3].map(|seq| arrival(seq, Some(seq * 10))).into();
        arrivals.push(broken);
        arrivals.extend([6, 5].map(|seq| arrival(seq, Some(seq * 10))));
        let harvest = check(&arrivals, &[3, 6]);
        let expected = SequenceCounts {
            delivered: 4,
            lost: 1,
            duplicated: 1,
            reordered: 1,
            corrupted: 1,
        };
        assert_eq!(harvest.counts, expected);
        let n: Vec<u64> = harvest
            .times
            .iter()
            .map(|times| times.response.len())
            .collect();
        assert_eq!(n, [2, 2]);
        assert_eq!(harvest.scanned, [10, 30, 60, 50]);
        assert!(harvest.notes[0].contains("message 4 is corrupted"));
        assert!(
            harvest.times[0]
                .service
                .equivalent(harvest.times[0].service.max(), 200)
        );
    }

    #[test]
    fn a_program_that_tells_nonsense_is_named() {
        let load = Load {
            phases: vec![Phase {
                messages: 2,
                rate: 1000.0,
            }],
            patience: Duration::from_secs(60),
        };
        let go = AtomicBool::new(false);
        for (script, reason) in [
            ("echo alas >&2; sleep 0.2; exit 3", "alas"),
            (
                "echo 'PHASE connected'; read; echo 'RESULT 4'",
                "counted 4 messages and told of 0",
            ),
            (
                "echo 'PHASE connected'; read; for i in {1..41}; do echo 'MESSAGE 1 - \"x\"'; done",
                "more than 40",
            ),
        ] {
            let turn = take(&shell(script), &load, 1, &go);
            let failure = turn.failure.unwrap();
            assert!(failure.contains(reason), "{failure}");
        }
        let deaf = shell(
            "printf 'noise\\nNOTE a  b\\nPHASE connected\\n'; read; echo 'MESSAGE 5 - \"?\"'; echo 'RESULT 1'",
        );
        let turn = take(&deaf, &load, 1, &go);
        assert_eq!(turn.failure, None);
        assert_eq!(
            (
                turn.counts.delivered,
                turn.counts.corrupted,
                turn.counts.lost
            ),
            (0, 1, 1)
        );
        assert_eq!(turn.notes.last().map(String::as_str), Some("a  b"));
    }
}
