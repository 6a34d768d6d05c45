//! The loop over the plan: run, record at once, tell the observer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pushbench_model::environment::Environment;
use pushbench_model::profile::{Profile, missing};
use pushbench_model::record::{AbsentServer, LeftOut, Outcome, Run, SCHEMA, Trial};
use pushbench_model::scenario::Scenario;
use pushbench_model::selftest::SelfTest;
use pushbench_model::slices::SliceTrial;

use crate::cores::CoreSplit;
use crate::environment;
use crate::error::HarnessError;
use crate::plan::{Plan, PlannedTrial, Step};
use crate::record_writer::RecordWriter;
use crate::servers::Server;
use crate::slices::{SliceConfig, SliceResult};
use crate::time;
use crate::trial::{FinishedTrial, TrialResult, TrialRunner};

/// What to run and where to record it.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// Directory in which the record's directory is created.
    pub parent: PathBuf,
    /// The exact command, for the record.
    pub command: Vec<String>,
    /// Seed of the order of trials, the schedules and the payloads.
    pub seed: u64,
    /// Profile.
    pub profile: Profile,
    /// Blocks.
    pub repetitions: u32,
    /// Scenarios; all of them run, whatever profiles they are part of.
    pub scenarios: Vec<Scenario>,
    /// Servers that take part.
    pub servers: Vec<Server>,
    /// Servers that were to take part and cannot.
    pub absent: Vec<AbsentServer>,
    /// Servers that are not measured although they are there. What a scenario leaves out is added by
    /// [`RunConfig::all_left_out`].
    pub left_out: Vec<LeftOut>,
    /// Scenarios of longer profiles, where none was chosen by name.
    pub left_out_scenarios: Vec<String>,
    /// Whether servers of this suite are compared in slices besides.
    pub slices: bool,
    /// Cores of both sides.
    pub cores: CoreSplit,
    /// The machine.
    pub environment: Environment,
    /// The last self-test, which the record carries.
    pub selftest: Option<SelfTest>,
}

impl RunConfig {
    /// The plan of this run.
    #[must_use]
    pub fn plan(&self) -> Plan {
        let plan = if self.slices {
            Plan::with_slices
        } else {
            Plan::new
        };
        let possible = self.scenarios.iter().filter(|one| !one.lacks_a_link());
        let possible: Vec<_> = possible.cloned().collect();
        plan(
            &possible,
            &self.servers,
            self.profile,
            self.repetitions,
            self.seed,
        )
    }

    /// All that is not measured although it is there: what was left out beforehand, and the servers that cannot hold
    /// the connections of a scenario.
    #[must_use]
    pub fn all_left_out(&self) -> Vec<LeftOut> {
        let mut all = self.left_out.clone();
        for scenario in &self.scenarios {
            let asked = |server: &&Server| scenario.asks_about(&server.label.transport);
            let servers = self.servers.iter().filter(asked);
            let without_link = |server: &Server| {
                scenario.lacks_a_link().then(|| LeftOut {
                    server: server.label.clone(),
                    scenario: Some(scenario.name.clone()),
                    reason:
                        "its subscribers lose their network, which takes a link (--link rtt=1ms)"
                            .to_owned(),
                })
            };
            all.extend(servers.filter_map(|server| {
                let left_out = without_link(server);
                left_out.or_else(|| server.left_out_by(scenario))
            }));
        }
        all
    }

    /// What a reader must know is missing.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        missing(
            self.profile,
            self.repetitions,
            &self.scenarios,
            &self.left_out,
            &self.left_out_scenarios,
        )
    }

    /// A new record without trials, for what else a record may hold.
    ///
    /// # Errors
    ///
    /// When the record cannot be written.
    pub fn empty_record(&self) -> Result<RecordWriter, HarnessError> {
        let started = Timestamp::now();
        let name = directory_name(started, &self.environment);
        RecordWriter::create(&self.parent, &name, &self.header(0, started))
    }

    pub(crate) fn header(&self, planned: u32, started: Timestamp) -> Run {
        Run {
            schema: SCHEMA,
            started: time::rfc3339(started),
            command: self.command.clone(),
            seed: self.seed,
            profile: self.profile,
            repetitions: self.repetitions,
            planned,
            scenarios: self.scenarios.clone(),
            servers: self
                .servers
                .iter()
                .map(|server| server.label.clone())
                .collect(),
            one_tuning: self
                .servers
                .iter()
                .filter(|server| server.one_tuning)
                .map(|server| server.label.clone())
                .collect(),
            absent: self.absent.clone(),
            left_out: self.all_left_out(),
            left_out_scenarios: self.left_out_scenarios.clone(),
            server_cores: self.cores.server.clone(),
            load_cores: self.cores.load.clone(),
            link: None,
            environment: self.environment.clone(),
        }
    }
}

/// How far a run is, when a trial starts.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The trial that starts.
    pub step: Step<'a>,
    /// Trials of the whole run.
    pub planned: u32,
    /// How long the rest will take, this trial included.
    pub remaining: Duration,
}

/// Is told what happens in a run. All methods do nothing unless overridden.
pub trait Observer {
    /// The record has been created.
    fn recording(&mut self, directory: &Path) {
        let _ = directory;
    }

    /// A trial starts.
    fn started(&mut self, progress: &Progress<'_>) {
        let _ = progress;
    }

    /// A trial has ended and is recorded.
    fn finished(&mut self, trial: &Trial) {
        let _ = trial;
    }

    /// A trial in slices has ended and is recorded.
    fn sliced(&mut self, trial: &SliceTrial) {
        let _ = trial;
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// The record.
    pub directory: PathBuf,
    /// Trials recorded, whatever their outcome and kind.
    pub completed: u32,
    /// Trials planned, of both kinds.
    pub planned: u32,
    /// Of the recorded ones, those in slices.
    pub slices: u32,
    /// Of the recorded ones, those whose figures must not be used.
    pub invalid: u32,
    /// And those that gave no measurement.
    pub failed: u32,
    /// Whether a person stopped it before its end.
    pub interrupted: bool,
}

/// Runs all that `config` plans. A trial that fails is recorded and the next one runs; raising `stop` abandons the
/// trial under way and keeps those before it.
///
/// # Errors
///
/// When there is nothing to run, or the record cannot be written.
pub fn run(
    config: &RunConfig,
    runner: &mut dyn TrialRunner,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<RunOutcome, HarnessError> {
    let plan = config.plan();
    check(config, &plan)?;
    let started = Timestamp::now();
    let name = directory_name(started, &config.environment);
    let mut writer =
        RecordWriter::create(&config.parent, &name, &config.header(plan.len(), started))?;
    if let Some(selftest) = &config.selftest {
        writer.put_selftest(selftest)?;
    }
    observer.recording(writer.directory());

    let mut outcome = RunOutcome {
        directory: writer.directory().to_owned(),
        completed: 0,
        planned: plan.len(),
        slices: 0,
        invalid: 0,
        failed: 0,
        interrupted: false,
    };
    let mut pace = Pace::new(&plan);
    let mut gate = Gate::default();
    for step in plan.steps() {
        if stop.load(Ordering::Relaxed) {
            outcome.interrupted = true;
            break;
        }
        observer.started(&Progress {
            step,
            planned: outcome.planned,
            remaining: pace.remaining(),
        });
        let clock = Instant::now();
        let recorded = match step {
            Step::Trial(planned) => {
                one(planned, runner, &mut gate, &mut writer)?.map(Recorded::Trial)
            }
            Step::Slices(config) => in_slices(config, runner, &mut writer)?.map(Recorded::Slices),
        };
        let Some(recorded) = recorded else {
            outcome.interrupted = true;
            break;
        };
        pace.took(step.estimate(), clock.elapsed());
        match recorded {
            Recorded::Trial(trial) => {
                outcome.count(&trial.outcome);
                observer.finished(&trial);
            }
            Recorded::Slices(trial) => {
                outcome.count(&trial.outcome);
                outcome.slices += 1;
                observer.sliced(&trial);
            }
        }
    }
    Ok(outcome)
}

/// A trial as it is in the record.
enum Recorded {
    Trial(Box<Trial>),
    Slices(Box<SliceTrial>),
}

/// Which servers have been looked at before their first trial, and why trials of some are not run.
#[derive(Default)]
struct Gate {
    looked_at: BTreeMap<String, Option<String>>,
}

impl Gate {
    /// Runs a trial, unless its server is refused.
    fn run(&mut self, planned: &PlannedTrial, runner: &mut dyn TrialRunner) -> TrialResult {
        let server = &planned.server;
        let refusal = self
            .looked_at
            .entry(server.label.to_string())
            .or_insert_with(|| runner.refuses(server));
        match refusal {
            Some(reason) => TrialResult::Finished(Box::new(FinishedTrial::not_run(reason.clone()))),
            None => runner.run(planned),
        }
    }
}

/// Runs and records; `None` when it was interrupted.
fn one(
    planned: &PlannedTrial,
    runner: &mut dyn TrialRunner,
    gate: &mut Gate,
    writer: &mut RecordWriter,
) -> Result<Option<Box<Trial>>, HarnessError> {
    match gate.run(planned, runner) {
        TrialResult::Finished(finished) => {
            writer.append(planned, *finished).map(Box::new).map(Some)
        }
        TrialResult::Interrupted => Ok(None),
    }
}

/// The same in slices.
fn in_slices(
    config: &SliceConfig,
    runner: &mut dyn TrialRunner,
    writer: &mut RecordWriter,
) -> Result<Option<Box<SliceTrial>>, HarnessError> {
    match runner.run_slices(config) {
        SliceResult::Finished(trial) => writer.append_slices(&trial).map(|()| Some(trial)),
        SliceResult::Interrupted => Ok(None),
    }
}

impl RunOutcome {
    fn count(&mut self, outcome: &Outcome) {
        self.completed += 1;
        match outcome {
            Outcome::Valid => {}
            Outcome::Invalid { .. } => self.invalid += 1,
            Outcome::Failed { .. } => self.failed += 1,
        }
    }
}

fn check(config: &RunConfig, plan: &Plan) -> Result<(), HarnessError> {
    let missing = [
        (config.scenarios.is_empty(), "no scenario was chosen"),
        (
            config.servers.is_empty(),
            "no server was chosen that this machine can start",
        ),
        (config.repetitions == 0, "no repetitions were asked for"),
        (
            plan.is_empty() && config.scenarios.iter().any(Scenario::lacks_a_link),
            "subscribers of the scenario lose their network, which takes a link: add --link rtt=1ms",
        ),
        (
            plan.is_empty(),
            "no server chosen can hold the connections of a scenario chosen (max-connections in servers.toml)",
        ),
    ];
    match missing.iter().find(|(is_missing, _)| *is_missing) {
        Some((_, what)) => Err(HarnessError::NothingToRun(what)),
        None => Ok(()),
    }
}

/// `2026-11-21T01-37-00Z-epyc-2c`: sorts by time, and says where it comes from when it is passed on.
pub(crate) fn directory_name(started: Timestamp, environment: &Environment) -> String {
    format!(
        "{}-{}",
        time::for_file_name(started),
        environment::short_name(environment)
    )
}

/// Learns from the trials that have ended how good the estimates are.
struct Pace {
    estimated_left: Duration,
    estimated_done: Duration,
    done: Duration,
}

impl Pace {
    fn new(plan: &Plan) -> Self {
        Self {
            estimated_left: plan.estimate(),
            estimated_done: Duration::ZERO,
            done: Duration::ZERO,
        }
    }

    fn took(&mut self, estimate: Duration, actual: Duration) {
        self.estimated_left = self.estimated_left.saturating_sub(estimate);
        self.estimated_done += estimate;
        self.done += actual;
    }

    fn remaining(&self) -> Duration {
        if self.estimated_done.is_zero() {
            return self.estimated_left;
        }
        self.estimated_left
            .mul_f64(self.done.as_secs_f64() / self.estimated_done.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
