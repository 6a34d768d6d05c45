//! One turn of a receiver: a fresh server sends to it on a schedule, and its process group is sampled before and after.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pushbench_model::control::PublishOrder;
use pushbench_model::message::TEXT_ENVELOPE;
use pushbench_model::payload::{Payload, PayloadKind};
use pushbench_model::peers::{CountedBy, PeerLoad};
use pushbench_model::scenario::Setting;
use pushbench_model::schedule::{Arrivals, Schedule};

use super::Receiver;
use super::control::Control;
use crate::process::{Event, Events, Process, Quiet, Role};
use crate::sample::Probe;
use crate::servers::Server;
use crate::trial::{Abort, ProcessRunner, ended, ready, unsampled};

/// From its start until a receiver is subscribed: interpreters load their libraries meanwhile.
const CONNECT: Duration = Duration::from_secs(60);
/// Beyond the length of a schedule, on a busy machine.
const SLACK: Duration = Duration::from_secs(10);
/// A receiver that has fallen behind may take as long to come to rest.
const BEHIND: Duration = Duration::from_secs(2);
/// From the request for its count to the count.
const COUNT: Duration = Duration::from_secs(20);
/// The server is asked how far it is this often.
const LOOK: Duration = Duration::from_millis(20);
/// The publisher spins for the last of the time before a message is due, as in trials.
const SPIN_NS: u64 = 100_000;

/// What a turn came to.
pub(super) struct Received {
    pub(super) cpu_ns: u64,
    /// Deliveries expected over the whole turn.
    pub(super) expected: u64,
    /// Deliveries counted over the whole turn.
    pub(super) counted: u64,
}

/// Runs one turn. Whatever happens, neither process is left behind.
pub(super) fn receive(
    runner: &ProcessRunner<'_>,
    receiver: &Receiver,
    sender: &Server,
    load: &PeerLoad,
    seed: u64,
) -> Result<Received, Abort> {
    let events = Events::new(runner.stop);
    let arguments = sender.arguments(
        &runner.pushbench,
        &runner.cores.server,
        load.connections,
        Setting::default(),
    );
    let mut command = command(&arguments, sender.directory.as_deref());
    let server = Process::start(&mut command, &runner.cores.server, Role::Server, &events)?;
    let address = ready(&server, &events, runner.deadlines.ready)?;
    let host = address.data.rsplit("//").next().unwrap_or_default();
    let host = host.trim_end_matches('/').to_owned();
    let control = Control::new(address.control.as_deref().unwrap_or(&address.data))?;

    let message_bytes = TEXT_ENVELOPE + load.payload_bytes as usize;
    let scratch = Scratch::new()?;
    let arguments: Vec<_> = receiver
        .process
        .command
        .iter()
        .map(|argument| {
            argument
                .replace("{pushbench}", &runner.pushbench.to_string_lossy())
                .replace("{address}", &host)
                .replace("{connections}", &load.connections.to_string())
                .replace("{message-bytes}", &message_bytes.to_string())
                .into()
        })
        .collect();
    let mut command = self::command(&arguments, receiver.process.directory.as_deref());
    command.env("TMPDIR", &scratch.0);
    let process = Process::start(&mut command, &runner.cores.load, Role::Load, &events)?;
    let mut turn = TurnOf {
        events: &events,
        process,
        control,
        load,
        seed,
    };
    let received = turn.run(receiver)?;
    drop(turn);
    server.stop(Role::Server, &events, runner.deadlines.stop);
    Ok(received)
}

fn command(arguments: &[std::ffi::OsString], directory: Option<&Path>) -> Command {
    let mut arguments = arguments.iter();
    // One that was parsed has a command; an empty name cannot be started and says so.
    let mut command = Command::new(arguments.next().cloned().unwrap_or_default());
    command.args(arguments);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    command
}

struct TurnOf<'a> {
    events: &'a Events<'a>,
    process: Process,
    control: Control,
    load: &'a PeerLoad,
    seed: u64,
}

impl TurnOf<'_> {
    fn run(&mut self, receiver: &Receiver) -> Result<Received, Abort> {
        self.subscribed(receiver.announces)?;
        let of_load = |error| Abort::Failed(unsampled(Role::Load, &error));
        let mut probe = Probe::attach(self.process.id(), false).map_err(of_load)?;
        probe.rest(BEHIND).map_err(of_load)?;

        let warm_up = self.publish(self.load.warm_up_s)?;
        probe.rest(BEHIND).map_err(of_load)?;
        probe.begin().map_err(of_load)?;
        let measured = self.publish(self.load.measure_s)?;
        probe.rest(BEHIND).map_err(of_load)?;
        probe.end().map_err(of_load)?;
        let cost = probe
            .usage()
            .ok_or("the receiver was not sampled".to_owned())?;

        let expected = (warm_up + measured) * u64::from(self.load.connections);
        let counted = match receiver.counted_by {
            CountedBy::Receiver => self.count()?,
            CountedBy::Server => self.sent(warm_up + measured)?,
        };
        Ok(Received {
            cpu_ns: cost.cost.cpu_ns,
            expected,
            counted,
        })
    }

    /// Waits until the server has all connections and the receiver, if it can, has said that it is subscribed.
    fn subscribed(&self, announces: bool) -> Result<(), Abort> {
        let deadline = Instant::now() + CONNECT;
        let mut announced = !announces;
        loop {
            let accepted = self.control.health()?.accepted;
            if announced && accepted >= u64::from(self.load.connections) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Abort::Failed(format!(
                    "timed out waiting for the receiver to subscribe: {accepted} of {} connections within {} s",
                    self.load.connections,
                    CONNECT.as_secs()
                )));
            }
            if let Some(line) = self.look()? {
                announced |= line == "PHASE connected";
            }
        }
    }

    /// Has messages published for `seconds`; returns how many when the last is out.
    fn publish(&self, seconds: f64) -> Result<u64, Abort> {
        let count = self.load.messages(seconds);
        self.control.order(&PublishOrder {
            schedule: Schedule {
                arrivals: Arrivals::Constant,
                rate: self.load.rate,
                seed: self.seed,
            },
            count,
            payload: Payload {
                bytes: self.load.payload_bytes as usize,
                kind: PayloadKind::Text,
            },
            large: None,
            spin_ns: SPIN_NS,
        })?;
        let deadline = Instant::now() + Duration::from_secs_f64(seconds) + SLACK;
        loop {
            self.look()?;
            let report = self.control.report()?;
            if !report.running && report.published == count {
                return Ok(count);
            }
            if Instant::now() > deadline {
                return Err(Abort::Failed(format!(
                    "the server published {} of {count} messages in time",
                    report.published
                )));
            }
        }
    }

    /// What the receiver counted.
    fn count(&mut self) -> Result<u64, Abort> {
        self.process.release();
        let deadline = Instant::now() + COUNT;
        loop {
            match self.events.next(deadline) {
                Ok(Event::Line(Role::Load, line)) => {
                    if let Some(count) = line.strip_prefix("RESULT ") {
                        return count.trim().parse().map_err(|_| {
                            Abort::Failed(format!("the receiver printed `{line}`: no count"))
                        });
                    }
                }
                Ok(Event::Ended(role, exit)) => {
                    return Err(Abort::Failed(ended(
                        role,
                        &self.process,
                        &exit,
                        "its count",
                    )));
                }
                Ok(Event::Line(..)) => {}
                Err(Quiet::Stopped) => return Err(Abort::Interrupted),
                Err(Quiet::TimedOut) => {
                    return Err(Abort::Failed("the receiver did not say its count".into()));
                }
            }
        }
    }

    /// What the server sent, where nobody else counts: nothing to a connection that was made anew or cut off.
    fn sent(&self, published: u64) -> Result<u64, Abort> {
        let health = self.control.health()?;
        let connections = u64::from(self.load.connections);
        if health.accepted != connections {
            return Err(Abort::Failed(format!(
                "the server accepted {} connections, not {connections}: some were lost and made anew",
                health.accepted
            )));
        }
        let kept = connections.saturating_sub(health.lagged);
        Ok(kept * health.published.min(published))
    }

    /// What the receiver has printed meanwhile. That it has ended is an error.
    fn look(&self) -> Result<Option<String>, Abort> {
        match self.events.next(Instant::now() + LOOK) {
            Ok(Event::Line(Role::Load, line)) => Ok(Some(line)),
            Ok(Event::Ended(role, exit)) => Err(Abort::Failed(ended(
                role,
                &self.process,
                &exit,
                "the end of its turn",
            ))),
            Ok(Event::Line(..)) | Err(Quiet::TimedOut) => Ok(None),
            Err(Quiet::Stopped) => Err(Abort::Interrupted),
        }
    }
}

/// A directory for the files of a receiver, which goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("pushbench-peers-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)
            .map_err(|error| format!("cannot create {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is in a directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
