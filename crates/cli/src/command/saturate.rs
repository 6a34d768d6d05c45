//! `pushbench saturate`: the highest rate a server sustains.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pushbench_harness::saturate::{SaturateConfig, SaturateOutcome, Watcher, run as search};
use pushbench_harness::{Deadlines, ProcessRunner};
use pushbench_model::link::{Link, LinkBy};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Record, Trial};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::search::{LONG_ENOUGH_S, Objective, Probe, SearchRange};
use pushbench_model::tuning::Tuning;

use super::run::{Chosen, print_summary, run_config, stop_on_signals, tell_absent};
use crate::exit::{Exit, wrong};
use crate::link::NetworkPath;
use crate::{inputs, output};

/// No schedule is denser.
const HIGHEST_RATE: f64 = 1_000_000.0;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Fan-out scenario whose rate is varied, by name or path of a .toml file [default: the first of the profile]
    #[arg(long, value_name = "NAME|FILE")]
    scenario: Option<String>,
    /// Server to search: transport, stack or transport/stack; repeatable [default: all present]
    #[arg(long = "server", value_name = "NAME")]
    chosen_servers: Vec<String>,
    /// What must hold: a percentile, `<=` and a time in us, ms or s, such as 'p99<=10ms'
    #[arg(long, value_name = "OBJECTIVE")]
    slo: Objective,
    /// First rate tried, messages per second [default: the scenario's]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    from: Option<f64>,
    /// Highest rate tried, messages per second [default: 1000000]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    to: Option<f64>,
    /// How far apart what held and what failed may lie in the end: 1% to 50%
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    resolution: f64,
    /// Length of probes: quick (3 s each), standard (10 s) or thorough (30 s)
    #[arg(long, default_value_t = Profile::Quick)]
    profile: Profile,
    /// Seconds that a probe measures at least [default: 3, 10 or 30 by profile]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    probe_seconds: Option<f64>,
    /// Seed of the order of probes, the schedules and the payloads [default: from the clock]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Directory in which the record's directory is created
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    /// Directory of scenario files [default: benches/scenarios, or those built in]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Tuning of the servers: equalised or defaults
    #[arg(long, value_name = "TUNING", default_value_t = Tuning::Equalised)]
    tuning: Tuning,
    /// File that lists servers [default: benches/servers.toml, or the one built in]
    #[arg(long, value_name = "FILE")]
    servers: Option<PathBuf>,
    /// Network path between server and load process: lan, fibre, 4g, 3g, satellite, or what it does, such as
    /// rtt=80ms,loss=1%,rate=10mbit,jitter=5ms [default: the scenario's own, or loopback]
    #[arg(long, value_name = "LINK")]
    link: Option<Link>,
    /// Who emulates the link: userspace, a thread of this program, or netem, the kernel's, where it has it
    /// [default: userspace]
    #[arg(long, value_name = "WHO")]
    link_by: Option<LinkBy>,
    /// Show no progress: no line per probe
    #[arg(long)]
    no_progress: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1.0, HIGHEST_RATE, "messages per second")
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 0.1, 3600.0, "seconds")
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text
        .strip_suffix('%')
        .ok_or_else(|| format!("{text:?} has no percent sign: 1% to 50% are allowed, such as 5%"));
    Ok(self::number(number?, 1.0, 50.0, "percent")? / 100.0)
}

fn number(text: &str, low: f64, high: f64, unit: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n| (low..=high).contains(n));
    number.ok_or_else(|| format!("{text:?} is not allowed: {low} to {high} {unit} are"))
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let stop = stop_on_signals()?;
    let pushbench = std::env::current_exe().context("cannot find the path of this program")?;
    let seed = options.seed.unwrap_or_else(pushbench_sys::clock::now);
    let scenario = scenario(options)?;
    let path = crate::link::enter(std::slice::from_ref(&scenario), options.link_by, seed)?;
    let mut config = config(options, seed, scenario)?;
    config.run.environment.link_by =
        crate::link::emulated_by(&config.run.scenarios, options.link_by)?;
    tell_absent(&config.run);
    let mut runner = ProcessRunner {
        pushbench,
        cores: config.run.cores.clone(),
        deadlines: Deadlines::default(),
        counters: config.run.environment.no_counters.is_none(),
        links: path.as_ref().map(NetworkPath::junction),
        stop: &stop,
    };
    let mut lines = Lines {
        shown: !options.no_progress,
    };
    let outcome = search(&config, &mut runner, &mut lines, &stop)?;
    conclude(&outcome)
}

fn config(options: &Options, seed: u64, scenario: Scenario) -> anyhow::Result<SaturateConfig> {
    let profile = options.profile;
    let Workload::FanOut(fan_out) = &scenario.workload else {
        wrong!(
            "scenario {:?} is a {} workload, which has no rate: saturate takes a fan-out scenario",
            scenario.name,
            scenario.workload.label()
        );
    };
    let to = options.to.unwrap_or(HIGHEST_RATE);
    let from = options.from.unwrap_or(fan_out.rate.max(1.0).min(to));
    if from > to {
        wrong!("--from {from} is more than --to {to}: the search goes upwards");
    }
    Ok(SaturateConfig {
        objective: options.slo,
        range: SearchRange {
            from,
            to,
            resolution: options.resolution,
        },
        probe_s: options.probe_seconds.unwrap_or(match profile {
            Profile::Quick => 3.0,
            Profile::Standard => 10.0,
            Profile::Thorough => LONG_ENOUGH_S,
        }),
        run: run_config(Chosen {
            profile,
            repetitions: 1,
            seed: Some(seed),
            out: &options.out,
            scenarios: vec![scenario],
            servers: inputs::choose_servers(
                &options.chosen_servers,
                Some(options.tuning),
                options.servers.as_deref(),
                profile,
            )?,
            slices: false,
        }),
    })
}

/// The scenario that was asked for, over its link.
fn scenario(options: &Options) -> anyhow::Result<Scenario> {
    let mut scenario = chosen(options)?;
    scenario.link = scenario.link.or(options.link);
    Ok(scenario)
}

fn chosen(options: &Options) -> anyhow::Result<Scenario> {
    let directory = options.scenarios.as_deref();
    if let Some(name) = &options.scenario {
        return inputs::scenario_by_name(name, directory);
    }
    let all = inputs::choose_scenarios(&[], directory, options.profile)?;
    let is_fan_out = |scenario: &Scenario| matches!(scenario.workload, Workload::FanOut(_));
    all.into_iter().find(is_fan_out).with_context(|| {
        format!(
            "no fan-out scenario is part of the {} profile; name one with --scenario",
            options.profile
        )
    })
}

fn conclude(outcome: &SaturateOutcome) -> anyhow::Result<Exit> {
    let directory = &outcome.directory;
    let record = Record::read(directory)?;
    let page = super::report::write(&record, directory).with_context(|| {
        let directory = directory.display();
        format!("the record is complete; `pushbench report {directory} --out DIR` writes its report elsewhere")
    })?;
    print_summary(&record)?;
    output::print(&format!(
        "record: {}\nreport: {}\n",
        directory.display(),
        page.display()
    ))?;
    Ok(if outcome.interrupted {
        Exit::Interrupted
    } else if outcome.is_conclusive() {
        Exit::Done
    } else {
        Exit::Unusable
    })
}

/// A line per probe on standard error; how many there will be, nobody knows.
struct Lines {
    shown: bool,
}

impl Watcher for Lines {
    fn recording(&mut self, directory: &Path) {
        output::say(&format!("recording to {}", directory.display()));
    }

    fn finished(&mut self, trial: &Trial, probe: &Probe) {
        if !self.shown {
            return;
        }
        let judgement = &probe.judgement;
        let what = match judgement.at_quantile_ns {
            _ if !judgement.reasons.is_empty() => judgement.reasons.join("; "),
            Some(ns) => format!("{:.3} ms", ns as f64 / 1e6),
            None => String::new(),
        };
        output::say(&format!(
            "probe {} ({}, {} messages/s, {}) {}: {what}",
            trial.trial,
            trial.server,
            probe.rate,
            probe.purpose.label(),
            judgement.verdict.label(),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_bounds() {
        assert_eq!((rate("1"), percent("5%")), (Ok(1.0), Ok(0.05)));
        for (wrong, wanted) in [
            (rate("0.5"), "1 to 1000000 messages per second"),
            (rate("nan"), "1 to 1000000"),
            (percent("5"), "no percent sign"),
            (percent("0.5%"), "1 to 50 percent"),
            (seconds("x"), "0.1 to 3600 seconds"),
        ] {
            let error = wrong.unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
