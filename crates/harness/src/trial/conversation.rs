//! What is said between the harness and the two processes of a trial, and when each is sampled.

use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use pushbench_model::deaths;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::record::Usage;

use super::phase::Phase;
use super::{Meddler, ProcessRunner, Sides, result};
use crate::plan::{self, PlannedTrial};
use crate::process::{Event, Events, Exit, Process, Quiet, Role};
use crate::sample::Probe;
use crate::servers::Paths;

/// Lines of a server's standard error that are worth a place in the record.
const LAST_LINES: usize = 20;
/// A load process that fails often does so because its server died; this long we look whether that is so.
const WHOSE_FAULT: Duration = Duration::from_millis(300);

/// Why there is no measurement.
#[derive(Debug)]
pub(crate) enum Abort {
    /// Something went wrong; the sentence belongs into the record.
    Failed(String),
    /// A person asked to stop.
    Interrupted,
}

impl From<String> for Abort {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// Where a server listens, from its ready line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Where subscribers connect.
    pub(crate) data: String,
    /// Where schedules are ordered, if it has that.
    pub(crate) control: Option<String>,
}

impl Address {
    fn parse(ready_line: &str) -> Option<Self> {
        let mut words = ready_line.strip_prefix("READY ")?.split_ascii_whitespace();
        Some(Self {
            data: words.next()?.to_owned(),
            control: words.next().map(str::to_owned),
        })
    }

    /// The same for a server with endpoints of its own.
    pub(crate) fn with(self, paths: &Paths) -> Self {
        Self {
            control: paths.control_url(&self.data, self.control.as_deref()),
            data: paths.data_url(&self.data),
        }
    }
}

/// What was seen in a trial that came to its end.
pub(super) struct Observed {
    pub(super) measurement: Measurement,
    pub(super) server_usage: Option<Usage>,
    pub(super) load_usage: Option<Usage>,
    /// Processor time of both sides, nanoseconds.
    pub(super) cpu_ns: u64,
}

/// A server with its ready line said, and the events of both processes.
pub(super) struct Conversation<'a> {
    events: &'a Events<'a>,
    server: &'a Process,
    deadline: Instant,
}

impl Conversation<'_> {
    /// Runs both processes from start to end. Whatever happens, neither is left behind: both end when dropped.
    pub(super) fn hold(
        runner: &ProcessRunner<'_>,
        trial: &PlannedTrial,
        meddler: &mut dyn Meddler,
    ) -> Result<Observed, Abort> {
        let events = Events::new(runner.stop);
        let mut command = runner.server_command(trial);
        let server = Process::start(&mut command, &runner.cores.server, Role::Server, &events)?;
        let mut address =
            ready(&server, &events, runner.deadlines.ready)?.with(&trial.server.paths);
        runner.through_link(&trial.scenario, &mut address)?;
        address.data = meddler.data_url(&address.data)?;
        if trial.publisher() == Publisher::Server && address.control.is_none() {
            let reason =
                "the server is to publish by a schedule, but its ready line names no control URL";
            return Err(Abort::Failed(reason.to_owned()));
        }
        let mut server_probe = Probe::attach(server.id(), runner.counters)
            .map_err(|error| unsampled(Role::Server, &error))?;

        let budget = plan::budget(&trial.scenario, trial.profile) + runner.deadlines.slack;
        let conversation = Conversation {
            events: &events,
            server: &server,
            deadline: Instant::now() + budget,
        };
        let mut command = runner.load_command(trial, &address)?;
        command.args(meddler.load_options());
        let (measurement, load) =
            conversation.with_load(command, runner, &mut server_probe, meddler)?;
        result::check(&measurement, trial)?;
        server.stop(Role::Server, &events, runner.deadlines.stop);
        Ok(Observed {
            measurement,
            server_usage: server_probe.usage(),
            load_usage: load.as_ref().and_then(Probe::usage),
            cpu_ns: server_probe.cpu_ns() + load.as_ref().map_or(0, Probe::cpu_ns),
        })
    }

    fn with_load(
        &self,
        mut command: Command,
        runner: &ProcessRunner<'_>,
        server: &mut Probe,
        meddler: &mut dyn Meddler,
    ) -> Result<(Measurement, Option<Probe>), Abort> {
        let mut load = Process::start(&mut command, &runner.cores.load, Role::Load, self.events)?;
        let mut last = Phase::Started;
        let mut probe = None;
        // Those who die in this trial have their network back when it is over.
        let mut dead = None;
        let json = loop {
            let line = self.load_line(&load, last.next())?;
            if let Some(json) = line.strip_prefix("RESULT ") {
                break json.to_owned();
            }
            if let Some(words) = line.strip_prefix(deaths::PREFIX)
                && last == Phase::Measure
                && dead.is_none()
            {
                dead = Some(runner.take_network(words)?);
                load.release();
                continue;
            }
            let phase = last.follow(&line)?;
            barrier(phase, &load, runner, server, &mut probe)
                .map_err(|(role, error)| self.unsampled(&load, role, &error))?;
            load.release();
            if phase == Phase::Measure {
                meddler.measuring(Sides {
                    server: self.server.id(),
                    load: load.id(),
                });
            }
            last = phase;
        };
        if last != Phase::Done {
            let reason = format!("the load process printed its result before {}", last.next());
            return Err(Abort::Failed(reason));
        }
        self.end_of_load(&load)?;
        Ok((result::parse(&json)?, probe))
    }

    /// The next line of the load process that means something.
    fn load_line(&self, load: &Process, awaited: &str) -> Result<String, Abort> {
        loop {
            match self.event(awaited)? {
                Event::Line(Role::Load, line) => return Ok(line),
                Event::Line(Role::Server, _) => {}
                Event::Ended(Role::Load, exit) => return Err(self.load_ended(load, &exit, awaited)),
                Event::Ended(Role::Server, exit) => {
                    return Err(Abort::Failed(ended(
                        Role::Server,
                        self.server,
                        &exit,
                        awaited,
                    )));
                }
            }
        }
    }

    /// After its result, the load process has nothing left to do but to say that all went well.
    fn end_of_load(&self, load: &Process) -> Result<(), Abort> {
        let awaited = "the end of the load process";
        loop {
            match self.event(awaited)? {
                Event::Ended(Role::Load, exit) if exit.success => return Ok(()),
                Event::Ended(Role::Load, exit) => return Err(self.load_ended(load, &exit, awaited)),
                Event::Ended(Role::Server, exit) => {
                    return Err(Abort::Failed(ended(
                        Role::Server,
                        self.server,
                        &exit,
                        awaited,
                    )));
                }
                Event::Line(..) => {}
            }
        }
    }

    fn event(&self, awaited: &str) -> Result<Event, Abort> {
        self.events.next(self.deadline).map_err(|quiet| match quiet {
            Quiet::Stopped => Abort::Interrupted,
            Quiet::TimedOut => Abort::Failed(format!(
                "timed out waiting for {awaited}: the time a trial of this scenario may take is over{}",
                quoted(&self.server.last_words(LAST_LINES), "the server")
            )),
        })
    }

    fn load_ended(&self, load: &Process, exit: &Exit, awaited: &str) -> Abort {
        let reason = ended(Role::Load, load, exit, awaited);
        let server_end = self
            .events
            .end_of(Role::Server, Instant::now() + WHOSE_FAULT);
        Abort::Failed(match server_end {
            Some(exit) => {
                format!(
                    "{}; {reason}",
                    ended(Role::Server, self.server, &exit, awaited)
                )
            }
            None => reason,
        })
    }

    /// A process that cannot be sampled has most likely ended, and its end says more than the error.
    fn unsampled(&self, load: &Process, role: Role, error: &io::Error) -> Abort {
        let process = if role == Role::Server {
            self.server
        } else {
            load
        };
        let end = self.events.end_of(role, Instant::now() + WHOSE_FAULT);
        Abort::Failed(match end {
            Some(exit) => ended(role, process, &exit, "a barrier"),
            None => unsampled(role, error),
        })
    }
}

/// Samples both sides while the load process waits.
fn barrier(
    phase: Phase,
    load: &Process,
    runner: &ProcessRunner<'_>,
    server: &mut Probe,
    probe: &mut Option<Probe>,
) -> Result<(), (Role, io::Error)> {
    let of_server = |error| (Role::Server, error);
    let of_load = |error| (Role::Load, error);
    if phase == Phase::Ready {
        *probe = Some(Probe::attach(load.id(), runner.counters).map_err(of_load)?);
        return Ok(());
    }
    let sample = match phase {
        Phase::Started | Phase::Ready => return Ok(()),
        Phase::Connected => Probe::connected,
        Phase::Measure => Probe::begin,
        Phase::Done => Probe::end,
    };
    sample(server).map_err(of_server)?;
    probe.as_mut().map_or(Ok(()), sample).map_err(of_load)
}

/// Waits for the ready line of a server.
pub(crate) fn ready(
    server: &Process,
    events: &Events<'_>,
    limit: Duration,
) -> Result<Address, Abort> {
    let awaited = "its ready line";
    match events.next(Instant::now() + limit) {
        Ok(Event::Line(_, line)) => Address::parse(&line).ok_or_else(|| {
            Abort::Failed(format!(
                "the server printed `{line}`; a ready line is `READY DATA_URL [CONTROL_URL]`"
            ))
        }),
        Ok(Event::Ended(role, exit)) => Err(Abort::Failed(ended(role, server, &exit, awaited))),
        Err(Quiet::Stopped) => Err(Abort::Interrupted),
        Err(Quiet::TimedOut) => Err(Abort::Failed(format!(
            "timed out waiting for the ready line of the server: none within {} s{}",
            limit.as_secs_f64(),
            quoted(&server.last_words(LAST_LINES), "the server")
        ))),
    }
}

pub(crate) fn ended(role: Role, process: &Process, exit: &Exit, awaited: &str) -> String {
    // A load process says in its last line why it failed; a server was not made to.
    let lines = if role == Role::Load { 1 } else { LAST_LINES };
    let words = process.last_words(lines);
    let (name, how) = (role.name(), &exit.description);
    format!(
        "{name} ended by itself ({how}) before {awaited}{}",
        quoted(&words, "it")
    )
}

fn quoted(words: &str, who: &str) -> String {
    if words.is_empty() {
        return format!("; {who} printed no error");
    }
    let separator = if words.contains('\n') { '\n' } else { ' ' };
    format!("; {who} printed:{separator}{words}")
}

pub(crate) fn unsampled(role: Role, error: &io::Error) -> String {
    format!("{} cannot be sampled: {error}", role.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_lines_have_one_or_two_addresses() {
        let parse = |line| Address::parse(line).map(|a| (a.data, a.control));
        assert_eq!(parse("READY a"), Some(("a".into(), None)));
        assert_eq!(parse("READY a b"), Some(("a".into(), Some("b".into()))));
        assert_eq!(parse("READY"), None);
        assert_eq!(parse("READYx a"), None);
    }
}
