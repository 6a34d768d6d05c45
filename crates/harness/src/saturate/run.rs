//! The loop of a search: a trial for every probe, recorded at once and judged.
//!
//! Several servers are searched together, probe by probe in an order drawn anew each round, so that whatever drifts
//! meets all of them alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use pushbench_model::profile::PerProfile;
use pushbench_model::record::{SCHEMA, Trial};
use pushbench_model::scenario::{FanOut, Scenario, Workload};
use pushbench_model::search::{End, Objective, Probe, Purpose, Search, SearchRange, ServerSearch};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

use super::judge::judge;
use super::search::{Bisection, Strategy};
use crate::error::HarnessError;
use crate::plan::{self, PlannedTrial};
use crate::record_writer::RecordWriter;
use crate::run::{RunConfig, directory_name};
use crate::servers::Server;
use crate::trial::{TrialResult, TrialRunner};

/// Longest measured phase of a probe, seconds: at rates that would need a longer one, the percentile stays unsupported.
const LONGEST_S: f64 = 600.0;
/// More samples than the percentile needs, because random arrivals bring a few less at times.
const SPARE: f64 = 1.2;

/// What to search and where to record it.
#[derive(Clone, Debug)]
pub struct SaturateConfig {
    /// Servers, cores, seed, profile and where to record; with one scenario, a fan-out. Repetitions are not looked at.
    pub run: RunConfig,
    /// What must hold.
    pub objective: Objective,
    /// Where to look.
    pub range: SearchRange,
    /// Least length of the measured phase of a probe, seconds.
    pub probe_s: f64,
}

/// Is told what happens in a search. All methods do nothing unless overridden.
pub trait Watcher {
    /// The record has been created.
    fn recording(&mut self, directory: &Path) {
        let _ = directory;
    }

    /// A probe starts.
    fn started(&mut self, trial: &PlannedTrial, purpose: Purpose) {
        let _ = (trial, purpose);
    }

    /// A probe has ended, and it and the search are recorded.
    fn finished(&mut self, trial: &Trial, probe: &Probe) {
        let _ = (trial, probe);
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoWatcher;

impl Watcher for NoWatcher {}

/// What came of a search.
#[derive(Clone, Debug, PartialEq)]
pub struct SaturateOutcome {
    /// The record.
    pub directory: PathBuf,
    /// What was found.
    pub search: Search,
    /// Whether a person stopped it before its end.
    pub interrupted: bool,
}

impl SaturateOutcome {
    /// Whether every server has a rate that is its own limit, or the highest that was asked for.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        let mut servers = self.search.servers.iter();
        servers.all(|s| s.sustained.is_some() && matches!(s.end, End::Found | End::Range))
    }
}

/// Searches the limit of every server of `config`. Raising `stop` abandons the probe under way and keeps those before
/// it.
///
/// # Errors
///
/// When the scenario is no fan-out, there is no server, or the record cannot be written.
pub fn run(
    config: &SaturateConfig,
    runner: &mut dyn TrialRunner,
    watcher: &mut dyn Watcher,
    stop: &AtomicBool,
) -> Result<SaturateOutcome, HarnessError> {
    let (scenario, fan_out) = fan_out(config)?;
    let started = Timestamp::now();
    let name = directory_name(started, &config.run.environment);
    let mut header = config.run.header(0, started);
    header.repetitions = 1;
    let mut writer = RecordWriter::create(&config.run.parent, &name, &header)?;
    if let Some(selftest) = &config.run.selftest {
        writer.put_selftest(selftest)?;
    }
    let mut search = blank(config, scenario);
    writer.put_search(&search)?;
    watcher.recording(writer.directory());

    let mut interrupted = false;
    let mut strategies: Vec<Bisection> = search
        .servers
        .iter()
        .map(|_| Bisection::new(config.range))
        .collect();
    let servers: Vec<Arc<Server>> = config.run.servers.iter().cloned().map(Arc::new).collect();
    let mut order = Pcg64Mcg::seed_from_u64(config.run.seed);
    let mut number = 0;
    'rounds: for round in 1.. {
        let mut open: Vec<usize> = (0..servers.len())
            .filter(|&at| strategies[at].next().is_some())
            .collect();
        if open.is_empty() {
            break;
        }
        open.shuffle(&mut order);
        for at in open {
            let Some((rate, purpose)) = strategies[at].next() else {
                continue;
            };
            number += 1;
            let scenario = Arc::new(at_rate(config, scenario, fan_out, rate));
            let planned = PlannedTrial {
                number,
                repetition: round,
                estimate: plan::estimate(&scenario, config.run.profile),
                seed: plan::trial_seed(config.run.seed, round, &scenario.name),
                scenario,
                server: Arc::clone(&servers[at]),
                profile: config.run.profile,
                rate: Some(rate),
            };
            if stop.load(Ordering::Relaxed) {
                interrupted = true;
                break 'rounds;
            }
            watcher.started(&planned, purpose);
            let TrialResult::Finished(finished) = runner.run(&planned) else {
                interrupted = true;
                break 'rounds;
            };
            let judgement = judge(&finished, &config.objective);
            let trial = writer.append(&planned, *finished)?;
            strategies[at].tell(judgement.verdict);
            let probe = Probe {
                rate,
                trial: number,
                purpose,
                judgement,
            };
            note(&mut search.servers[at], probe.clone(), &strategies[at]);
            writer.put_search(&search)?;
            watcher.finished(&trial, &probe);
        }
    }
    Ok(SaturateOutcome {
        directory: writer.directory().to_owned(),
        search,
        interrupted,
    })
}

fn fan_out(config: &SaturateConfig) -> Result<(&Scenario, &FanOut), HarnessError> {
    let [scenario] = &config.run.scenarios[..] else {
        return Err(HarnessError::NothingToRun("a search takes one scenario"));
    };
    let Workload::FanOut(fan_out) = &scenario.workload else {
        return Err(HarnessError::NothingToRun(
            "a search varies the messages per second of a fan-out scenario, and this one is none",
        ));
    };
    if config.run.servers.is_empty() {
        return Err(HarnessError::NothingToRun(
            "no server was chosen that this machine can start",
        ));
    }
    Ok((scenario, fan_out))
}

fn blank(config: &SaturateConfig, scenario: &Scenario) -> Search {
    let found = Bisection::new(config.range).found();
    let server = |server: &Server| ServerSearch {
        server: server.label.clone(),
        probes: Vec::new(),
        sustained: None,
        failed_at: None,
        end: found.end,
        ended: found.ended.clone(),
    };
    Search {
        schema: SCHEMA,
        scenario: scenario.name.clone(),
        objective: config.objective,
        range: config.range,
        probe_s: config.probe_s,
        servers: config.run.servers.iter().map(server).collect(),
    }
}

fn note(server: &mut ServerSearch, probe: Probe, strategy: &impl Strategy) {
    let found = strategy.found();
    server.probes.push(probe);
    server.sustained = found.sustained;
    server.failed_at = found.failed_at;
    server.end = found.end;
    server.ended = found.ended;
}

/// `scenario` at `rate`, measured long enough for the percentile of the objective.
fn at_rate(config: &SaturateConfig, scenario: &Scenario, fan_out: &FanOut, rate: f64) -> Scenario {
    let needed = config.objective.samples() as f64 * SPARE;
    let seconds = needed / (rate * f64::from(fan_out.subscribers));
    let measure = seconds.min(LONGEST_S).max(config.probe_s);
    Scenario {
        workload: Workload::FanOut(FanOut {
            rate,
            measure_s: PerProfile {
                quick: measure,
                standard: measure,
                thorough: measure,
            },
            ..*fan_out
        }),
        ..scenario.clone()
    }
}

#[cfg(test)]
mod tests;
