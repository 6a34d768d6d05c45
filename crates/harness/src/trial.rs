//! One trial: a fresh server, a fresh load process, the barriers between them and the end of both.

mod conversation;
mod flags;
mod link;
mod meddler;
mod padding;
mod phase;
mod result;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pushbench_link::Junction;
use pushbench_model::link::LinkCounts;
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::record::{Flag, Outcome, Steadiness, Usage};
use pushbench_sys::host::{self, CpuTimes};
use pushbench_sys::process;

use crate::contract;
use crate::cores::{self, CoreSplit};
use crate::plan::PlannedTrial;
use crate::process::Role;
use crate::servers::Server;
use crate::slices::{self, SliceConfig, SliceResult};
use crate::time;
use crate::verify::verify;

use conversation::Conversation;
use flags::Machine;

pub(crate) use conversation::{Abort, Address, ended, ready, unsampled};
use link::slow_link;
pub use meddler::{Meddler, Nobody, Sides};
pub(crate) use result::parse as parse_result;

/// What a run needs to run trials.
pub trait TrialRunner {
    /// Runs one trial to its end.
    fn run(&mut self, trial: &PlannedTrial) -> TrialResult;

    /// Why no trial with this server can go well, if that can be told before: it breaks a rule that everything stands on.
    fn refuses(&mut self, _server: &Server) -> Option<String> {
        None
    }

    /// Runs one trial in slices to its end. A runner that cannot says so in the record.
    fn run_slices(&mut self, config: &SliceConfig) -> SliceResult {
        let reason = "whoever runs these trials runs none in slices";
        SliceResult::Finished(Box::new(slices::not_run(config, reason)))
    }
}

/// What became of a trial.
#[derive(Clone, Debug)]
pub enum TrialResult {
    /// It ended, well or badly: it belongs into the record.
    Finished(Box<FinishedTrial>),
    /// It was abandoned because a person asked to stop. What it would have shown is unknown, so it is not recorded.
    Interrupted,
}

/// A trial that has ended.
#[derive(Clone, Debug)]
pub struct FinishedTrial {
    /// How.
    pub outcome: Outcome,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// Wall time of all of it, seconds.
    pub wall_s: f64,
    /// What the load process measured, with its histograms; absent when it failed.
    pub measurement: Option<Measurement>,
    /// What the server used.
    pub server_usage: Option<Usage>,
    /// What the load process used.
    pub load_usage: Option<Usage>,
    /// Share of processor time stolen by the hypervisor meanwhile, 0 to 1.
    pub steal: Option<f64>,
    /// Share of processor time that went to processes outside the trial, 0 to 1.
    pub others_cpu: Option<f64>,
    /// Share of the time in which some task on the machine waited for a core.
    pub cpu_pressure: Option<f64>,
    /// Whether response times had settled.
    pub steadiness: Option<Steadiness>,
    /// What a reader should know although the figures may be used.
    pub flags: Vec<Flag>,
    /// What crossed the link meanwhile.
    pub link: Option<LinkCounts>,
}

impl FinishedTrial {
    /// One that was not run, and why.
    pub(crate) fn not_run(reason: String) -> Self {
        Self {
            outcome: Outcome::Failed { reason },
            started: time::rfc3339(Timestamp::now()),
            wall_s: 0.0,
            measurement: None,
            server_usage: None,
            load_usage: None,
            steal: None,
            others_cpu: None,
            cpu_pressure: None,
            steadiness: None,
            flags: Vec::new(),
            link: None,
        }
    }
}

/// How long the parts of a trial may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the start of a server to its ready line.
    pub ready: Duration,
    /// Of a load process beyond what its scenario needs: start, drain, and a busy machine. Longer than its own
    /// patience (30 s to connect and 2 ms for each subscriber, 5 s to drain), because it knows better than a deadline what went wrong.
    pub slack: Duration,
    /// From the request to end to the kill.
    pub stop: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            ready: Duration::from_secs(10),
            slack: Duration::from_secs(45),
            stop: Duration::from_secs(3),
        }
    }
}

/// Runs trials as processes.
#[derive(Clone, Debug)]
pub struct ProcessRunner<'a> {
    /// The `pushbench` binary, an absolute path.
    pub pushbench: PathBuf,
    /// Cores of both sides.
    pub cores: CoreSplit,
    /// How long to wait.
    pub deadlines: Deadlines,
    /// Whether to count instructions: only where [`environment::no_counters`](crate::environment::no_counters) has
    /// found nothing against it.
    pub counters: bool,
    /// The links of the network that this process is in with all that it starts; absent where no scenario has one.
    pub links: Option<Junction>,
    /// Raised when a person asks to stop.
    pub stop: &'a AtomicBool,
}

impl TrialRunner for ProcessRunner<'_> {
    fn run(&mut self, trial: &PlannedTrial) -> TrialResult {
        self.run_with(trial, &mut Nobody)
    }

    fn refuses(&mut self, server: &Server) -> Option<String> {
        contract::precheck(server, &self.pushbench, self.stop).err()
    }

    fn run_slices(&mut self, config: &SliceConfig) -> SliceResult {
        slices::run(self, config)
    }
}

impl ProcessRunner<'_> {
    /// Runs one trial to its end, with somebody who may disturb it.
    pub fn run_with(&self, trial: &PlannedTrial, meddler: &mut dyn Meddler) -> TrialResult {
        let started = time::rfc3339(Timestamp::now());
        let clock = Instant::now();
        let host_before = host::cpu_times().ok();
        let stalled_before = stalled_us();
        let own_before = process::cpu_time_ns(std::process::id()).ok();
        let link = self
            .links
            .as_ref()
            .filter(|_| trial.scenario.link.is_some());
        let link_before = link.map(|link| link.meter().read());
        let observed = match Conversation::hold(self, trial, meddler) {
            Ok(observed) => Ok(observed),
            Err(Abort::Failed(reason)) => Err(reason),
            Err(Abort::Interrupted) => return TrialResult::Interrupted,
        };
        let left = link.map_or(Ok(()), Junction::leave);
        let observed = observed.and_then(|observed| {
            left.map(|()| observed)
                .map_err(|error| format!("the link cannot be left: {error}"))
        });
        let host_after = host::cpu_times().ok();
        let wall = clock.elapsed();
        let cpu_pressure = stalled_before
            .zip(stalled_us())
            .map(|(before, after)| pressure_share(after.saturating_sub(before), wall));
        let steal = host_before
            .as_ref()
            .zip(host_after.as_ref())
            .and_then(|(before, after)| steal_share(&after.total.since(&before.total)));
        let others = |cpu_ns: u64| {
            let (before, after) = host_before.as_ref().zip(host_after.as_ref())?;
            let own = process::cpu_time_ns(std::process::id()).ok()? - own_before?;
            others_share(&after.total.since(&before.total), cpu_ns + own)
        };
        let crossed = link.zip(link_before);
        let crossed = crossed.map(|(link, before)| link.meter().read().since(&before));
        let mut finished = FinishedTrial {
            outcome: Outcome::Valid,
            link: crossed,
            started,
            wall_s: wall.as_secs_f64(),
            steal,
            cpu_pressure,
            ..FinishedTrial::not_run(String::new())
        };
        match observed {
            Ok(observed) => {
                finished.outcome = verify(&observed.measurement, &trial.scenario, trial.profile);
                finished.others_cpu = others(observed.cpu_ns);
                finished.steadiness = flags::steadiness(&observed.measurement.windows);
                finished.measurement = Some(observed.measurement);
                finished.server_usage = observed.server_usage;
                finished.load_usage = observed.load_usage;
            }
            Err(reason) => finished.outcome = Outcome::Failed { reason },
        }
        let machine = Machine {
            steal: finished.steal,
            others_cpu: finished.others_cpu,
            cpu_pressure,
        };
        finished.flags = flags::flags(&machine, finished.steadiness, finished.measurement.as_ref());
        finished
            .flags
            .extend(slow_link(&trial.scenario, crossed.as_ref()));
        TrialResult::Finished(Box::new(finished))
    }

    pub(crate) fn server_command(&self, trial: &PlannedTrial) -> Command {
        let server = &trial.server;
        let mut arguments = server
            .arguments(
                &self.pushbench,
                &self.cores.server,
                server.connections(&trial.scenario),
                trial.scenario.server,
            )
            .into_iter();
        // A server that was parsed has a command; an empty name cannot be started and says so.
        let mut command = Command::new(arguments.next().unwrap_or_default());
        command.args(arguments);
        padding::pad(&mut command, trial.seed, Role::Server);
        if let Some(directory) = &server.directory {
            command.current_dir(directory);
        }
        command
    }

    pub(crate) fn load_command(
        &self,
        trial: &PlannedTrial,
        address: &Address,
    ) -> Result<Command, String> {
        let mut command = Command::new(&self.pushbench);
        command.args(load_arguments(trial, address, &self.cores.load)?);
        padding::pad(&mut command, trial.seed, Role::Load);
        Ok(command)
    }
}

/// The command line of a load process.
fn load_arguments(
    trial: &PlannedTrial,
    address: &Address,
    load_cores: &[usize],
) -> Result<Vec<OsString>, String> {
    let scenario = serde_json::to_string(&*trial.scenario)
        .map_err(|error| format!("the scenario cannot be handed over: {error}"))?;
    let publisher = match trial.publisher() {
        Publisher::Server => "server",
        Publisher::Load => "load",
    };
    let mut arguments = vec!["trial".to_owned(), "--barriers".to_owned()];
    let mut option =
        |name: &str, value: &str| arguments.extend([name.to_owned(), value.to_owned()]);
    option("--scenario-json", &scenario);
    option("--profile", trial.profile.label());
    option("--transport", &trial.server.label.transport);
    option("--url", &address.data);
    if let Some(control) = &address.control {
        option("--control", control);
    }
    option("--publisher", publisher);
    option("--seed", &trial.seed.to_string());
    option("--cores", &cores::list(load_cores));
    Ok(arguments.into_iter().map(OsString::from).collect())
}

/// How long some task of the machine has waited for a core since boot, microseconds; where the kernel accounts for it.
fn stalled_us() -> Option<u64> {
    Some(host::pressure().cpu?.total_us)
}

/// Clocks of different make can put a stall beyond the time it happened in.
fn pressure_share(stalled_us: u64, wall: Duration) -> f64 {
    (stalled_us as f64 / 1e6 / wall.as_secs_f64().max(1e-6)).min(1.0)
}

/// `None` over a time too short for a single tick.
pub(crate) fn steal_share(times: &CpuTimes) -> Option<f64> {
    let total = times.total();
    (total > 0).then(|| times.steal as f64 / total as f64)
}

/// The part of all processor time that programs used and neither side nor the harness did. Interrupts are left out:
/// on loopback they do the work of both sides, and belong to no process.
fn others_share(times: &CpuTimes, own_ns: u64) -> Option<f64> {
    let programs = times.user + times.nice + times.system;
    let total = times.total();
    (total > 0).then(|| programs.saturating_sub(own_ns) as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use pushbench_model::profile::Profile;

    use super::*;
    use crate::plan::Plan;

    #[test]
    fn the_load_process_is_told_everything() {
        let servers = "[[server]]\nstack = \"x\"\ntransports = [\"sse\"]\ncommand = [\"x\"]\n\
                       publishes = \"relay\"\nabout = \"\"\n";
        let servers = Server::parse(servers, Path::new("servers.toml")).unwrap();
        let scenario = crate::verify::tests::scenario();
        let plan = Plan::new(
            std::slice::from_ref(&scenario),
            &servers,
            Profile::Quick,
            1,
            7,
        );
        let trial = &plan.trials[0];
        let mut address = Address {
            data: "http://127.0.0.1:1".into(),
            control: Some("http://127.0.0.1:2".into()),
        };
        let arguments = load_arguments(trial, &address, &[1, 3]).unwrap();
        let json = serde_json::to_string(&scenario).unwrap();
        let seed = trial.seed.to_string();
        let expected = [
            "trial",
            "--barriers",
            "--scenario-json",
            &json,
            "--profile",
            "quick",
            "--transport",
            "sse",
            "--url",
            "http://127.0.0.1:1",
            "--control",
            "http://127.0.0.1:2",
            "--publisher",
            "load",
            "--seed",
            &seed,
            "--cores",
            "1,3",
        ];
        assert_eq!(arguments, expected);
        address.control = None;
        let arguments = load_arguments(trial, &address, &[1]).unwrap();
        assert!(!arguments.contains(&"--control".into()));
    }

    #[test]
    fn environments_are_as_long_as_the_seed_says() {
        let stop = AtomicBool::new(false);
        let runner = ProcessRunner {
            pushbench: "/pushbench".into(),
            cores: CoreSplit {
                server: vec![0],
                load: vec![0],
            },
            deadlines: Deadlines::default(),
            counters: false,
            links: None,
            stop: &stop,
        };
        let servers = "[[server]]\nstack = \"x\"\ntransports = [\"sse\", \"tcp\"]\ncommand = [\"x\"]\n\
                       publishes = \"schedule\"\nabout = \"\"\n";
        let servers = Server::parse(servers, Path::new("servers.toml")).unwrap();
        let scenario = crate::verify::tests::scenario();
        let plan = Plan::new(&[scenario], &servers, Profile::Quick, 3, 7);
        let address = Address {
            data: "http://127.0.0.1:1".into(),
            control: None,
        };
        let padding = |command: &Command| {
            let found = command
                .get_envs()
                .find(|(name, _)| *name == padding::VARIABLE);
            found.and_then(|(_, value)| value).unwrap().len()
        };
        let lengths: Vec<_> = plan
            .trials
            .iter()
            .map(|trial| {
                let load = runner.load_command(trial, &address).unwrap();
                (
                    trial.repetition,
                    padding(&runner.server_command(trial)),
                    padding(&load),
                )
            })
            .collect();
        let distinct: std::collections::BTreeSet<_> = lengths.iter().collect();
        assert_eq!((lengths.len(), distinct.len()), (6, 3), "{lengths:?}");
    }

    #[test]
    fn steal_is_a_share() {
        let second = Duration::from_secs(1);
        assert!((pressure_share(250_000, second) - 0.25).abs() < 1e-9);
        assert!((pressure_share(1_100_000, second) - 1.0).abs() < 1e-9);
        let times = CpuTimes {
            user: 60,
            idle: 30,
            steal: 10,
            ..CpuTimes::default()
        };
        assert_eq!(steal_share(&times), Some(0.1));
        assert_eq!(steal_share(&CpuTimes::default()), None);
        assert_eq!(others_share(&times, 45), Some(0.15));
        assert_eq!(others_share(&times, 70), Some(0.0), "ticks are coarse");
    }
}
