//! One of the servers that take turns, with its load process.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pushbench_model::measurement::Measurement;
use pushbench_model::record::{Blame, Reason};
use pushbench_model::slices::Slice;

use super::meter::Meter;
use super::{SliceConfig, subscribers};
use crate::plan::PlannedTrial;
use crate::process::{Event, Events, Exit, Process, Quiet, Role};
use crate::servers::Server;
use crate::trial::{Abort, ProcessRunner, ended, parse_result, ready, unsampled};
use crate::verify;

/// One side that fails often does so because the other one died; this long we look whether that is so.
const WHOSE_FAULT: Duration = Duration::from_millis(300);
const SLICE: &str = "PHASE slice";
const RESULT: &str = "RESULT ";

/// Both processes run until this is dropped.
pub(super) struct Arm<'a> {
    name: String,
    events: Events<'a>,
    server: Process,
    load: Process,
    meter: Meter,
    /// How long anything may take.
    patience: Duration,
    slices: u64,
    /// Of a load process that has given up.
    result: Option<String>,
}

impl<'a> Arm<'a> {
    /// Starts both and waits until all subscribers are connected and warm.
    pub(super) fn start(
        runner: &ProcessRunner<'a>,
        config: &SliceConfig,
        server: &Arc<Server>,
        patience: Duration,
    ) -> Result<Self, Abort> {
        let name = server.label.to_string();
        let of_this = |abort| named(&name, abort);
        let planned = PlannedTrial {
            number: config.number,
            repetition: config.repetition,
            scenario: Arc::clone(&config.scenario),
            server: Arc::clone(server),
            profile: config.profile,
            seed: config.seed,
            estimate: Duration::ZERO,
            rate: None,
        };
        let events = Events::new(runner.stop);
        let mut command = runner.server_command(&planned);
        let process = Process::start(&mut command, &runner.cores.server, Role::Server, &events)
            .map_err(|reason| of_this(reason.into()))?;
        let address = ready(&process, &events, runner.deadlines.ready)
            .map_err(of_this)?
            .with(&server.paths);
        let start_load = || {
            let mut command = runner.load_command(&planned, &address)?;
            command.args(["--slice-messages", &config.messages.to_string()]);
            Process::start(&mut command, &runner.cores.load, Role::Load, &events)
        };
        let load = start_load().map_err(|reason| of_this(reason.into()))?;
        let ids = (process.id(), load.id());
        let talk = Talk {
            events: &events,
            server: &process,
            load: &load,
            patience,
        };
        let line = talk.line("its first slice").map_err(of_this)?;
        if line != SLICE {
            return Err(of_this(unexpected(&line, SLICE)));
        }
        let meter = Meter::attach(ids.0, ids.1, runner.counters)
            .map_err(|(role, error)| of_this(talk.unsampled(role, &error)))?;
        Ok(Self {
            name,
            events,
            server: process,
            load,
            meter,
            patience,
            slices: 0,
            result: None,
        })
    }

    /// One slice of load while all others are idle; its place and deliveries are left to be filled in. `None` when the
    /// load process has given up: its result says why.
    pub(super) fn slice(&mut self) -> Result<Option<Slice>, Abort> {
        self.try_slice().map_err(|abort| named(&self.name, abort))
    }

    fn try_slice(&mut self) -> Result<Option<Slice>, Abort> {
        let before = self.read()?;
        let clock = Instant::now();
        self.load.release();
        let line = self.talk().line("the end of a slice")?;
        let wall = clock.elapsed();
        if let Some(result) = line.strip_prefix(RESULT) {
            self.result = Some(result.to_owned());
            return Ok(None);
        }
        if line != SLICE {
            return Err(unexpected(&line, SLICE));
        }
        self.slices += 1;
        let slice = self.read()?.since(&before);
        Ok(Some(Slice {
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            ..slice
        }))
    }

    fn read(&mut self) -> Result<super::meter::Reading, Abort> {
        let reading = self.meter.read();
        reading.map_err(|(role, error)| self.talk().unsampled(role, &error))
    }

    /// Ends both in order. Why the figures must not be used, if so.
    pub(super) fn finish(
        mut self,
        runner: &ProcessRunner<'_>,
        config: &SliceConfig,
    ) -> Result<Vec<Reason>, Abort> {
        let name = self.name.clone();
        let finish = || {
            let json = match self.result.take() {
                Some(json) => json,
                None => {
                    self.load.say("enough");
                    let line = self.talk().line("its result")?;
                    match line.strip_prefix(RESULT) {
                        Some(json) => json.to_owned(),
                        None => return Err(unexpected(&line, "`RESULT`")),
                    }
                }
            };
            let measurement = parse_result(&json)?;
            self.server
                .stop(Role::Server, &self.events, runner.deadlines.stop);
            Ok(reasons(&measurement, config, self.slices))
        };
        let mut reasons = finish().map_err(|abort| named(&name, abort))?;
        for reason in &mut reasons {
            reason.text = format!("{name}: {}", reason.text);
        }
        Ok(reasons)
    }

    fn talk(&self) -> Talk<'_, 'a> {
        Talk {
            events: &self.events,
            server: &self.server,
            load: &self.load,
            patience: self.patience,
        }
    }
}

/// Everything arrived exactly once, in order and intact, and the bytes are those of the formulas.
fn reasons(measurement: &Measurement, config: &SliceConfig, slices: u64) -> Vec<Reason> {
    let mut reasons = verify::transport_reasons(measurement);
    let messages = slices * u64::from(config.messages);
    let expected = messages * u64::from(subscribers(&config.scenario));
    if measurement.operations != expected && reasons.is_empty() {
        let operations = measurement.operations;
        reasons.push(Reason {
            side: Blame::Server,
            text: format!(
                "{operations} deliveries were received in {slices} slices, expected {expected}"
            ),
        });
    }
    reasons
}

/// What the two processes say and how they end.
struct Talk<'b, 'a> {
    events: &'b Events<'a>,
    server: &'b Process,
    load: &'b Process,
    patience: Duration,
}

impl Talk<'_, '_> {
    /// The next line of the load process that means something.
    fn line(&self, awaited: &str) -> Result<String, Abort> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.events.next(deadline) {
                Ok(Event::Line(Role::Load, line)) => return Ok(line),
                Ok(Event::Line(Role::Server, _)) => {}
                Ok(Event::Ended(role, exit)) => return Err(self.ended(role, &exit, awaited)),
                Err(Quiet::Stopped) => return Err(Abort::Interrupted),
                Err(Quiet::TimedOut) => {
                    let seconds = self.patience.as_secs_f64();
                    return Err(Abort::Failed(format!(
                        "timed out waiting for {awaited}: not within {seconds} s"
                    )));
                }
            }
        }
    }

    /// A load process that ended may have done so because of its server, whose end then says more.
    fn ended(&self, role: Role, exit: &Exit, awaited: &str) -> Abort {
        let words = |role, exit| {
            let process = match role {
                Role::Server => self.server,
                Role::Load => self.load,
            };
            ended(role, process, exit, awaited)
        };
        let reason = words(role, exit);
        if role == Role::Server {
            return Abort::Failed(reason);
        }
        let deadline = Instant::now() + WHOSE_FAULT;
        Abort::Failed(match self.events.end_of(Role::Server, deadline) {
            Some(exit) => format!("{}; {reason}", words(Role::Server, &exit)),
            None => reason,
        })
    }

    /// A process that cannot be sampled has most likely ended, and its end says more than the error.
    fn unsampled(&self, role: Role, error: &io::Error) -> Abort {
        match self.events.end_of(role, Instant::now() + WHOSE_FAULT) {
            Some(exit) => self.ended(role, &exit, "the end of a slice"),
            None => Abort::Failed(unsampled(role, error)),
        }
    }
}

fn unexpected(line: &str, wanted: &str) -> Abort {
    Abort::Failed(format!(
        "the load process printed `{line}` where {wanted} was expected"
    ))
}

/// Says which of the servers it is about.
fn named(name: &str, abort: Abort) -> Abort {
    match abort {
        Abort::Failed(reason) => Abort::Failed(format!("{name}: {reason}")),
        Abort::Interrupted => Abort::Interrupted,
    }
}
