//! `pushbench run`: the main job, from nothing to a report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use pushbench_harness::environment::{self, Build};
use pushbench_harness::{
    CoreSplit, Deadlines, ProcessRunner, RunConfig, RunOutcome, run as run_trials, servers,
};
use pushbench_model::link::{Link, LinkBy};
use pushbench_model::profile::Profile;
use pushbench_model::record::{LeftOut, Record};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_model::tuning::Tuning;
use pushbench_model::wish::Wish;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::exit::{Exit, Wrong, wrong};
use crate::inputs::ChosenServers;
use crate::link::NetworkPath;
use crate::progress::Bar;
use crate::{inputs, output, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How much to measure: quick (3 to 4 minutes), standard (20 to 25 minutes) or thorough
    #[arg(long, default_value_t = Profile::Quick)]
    profile: Profile,
    /// Scenario to run, by name or path of a .toml file; repeatable [default: all of the profile]
    #[arg(long = "scenario", value_name = "NAME|FILE")]
    chosen_scenarios: Vec<String>,
    /// Server to measure: transport, stack or transport/stack, in both tunings or with @defaults or @equalised in one;
    /// repeatable [default: all present]
    #[arg(long = "server", value_name = "NAME")]
    chosen_servers: Vec<String>,
    /// Measure servers in this tuning only: equalised or defaults [default: both]
    #[arg(long)]
    tuning: Option<Tuning>,
    /// Trials of every scenario and server [default: 6, 7 or 8 by profile]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,
    /// Measure fan-outs for so long in each trial, 600 being ten minutes [default: as the scenario has it for the profile]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    measure: Option<u32>,
    /// Seed of the order of trials, the schedules and the payloads [default: from the clock]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Directory in which the record's directory is created
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
    /// Directory of scenario files [default: benches/scenarios, or those built in]
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// File that lists servers [default: benches/servers.toml, or the one built in]
    #[arg(long, value_name = "FILE")]
    servers: Option<PathBuf>,
    /// Leave out the trials in slices, in which servers of Pushbench's own take turns of a few milliseconds
    #[arg(long)]
    no_slices: bool,
    /// Network path between server and load process: lan, fibre, 4g, 3g, satellite, or what it does, such as
    /// rtt=80ms,loss=1%,rate=10mbit,jitter=5ms; without slices; repeatable, for every scenario over each of several
    /// [default: the scenario's own, or loopback]
    #[arg(long = "link", value_name = "LINK")]
    links: Vec<Link>,
    /// Who emulates the links: userspace, a thread of this program, or netem, the kernel's, where it has it
    /// [default: userspace]
    #[arg(long, value_name = "WHO")]
    link_by: Option<LinkBy>,
    /// Your own workload in a line, such as "2000 clients, 5 msg/s, 300 bytes, rtt 40ms, p99 100ms": the report opens with
    /// who keeps its 99th percentile [default: 100ms] and what it takes of a machine
    #[arg(
        long = "for",
        value_name = "WORKLOAD",
        conflicts_with = "chosen_scenarios"
    )]
    wish: Option<Wish>,
    /// Show no progress: no bar in a terminal, no line per trial elsewhere
    #[arg(long)]
    no_progress: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profile: Profile::Quick,
            chosen_scenarios: Vec::new(),
            chosen_servers: Vec::new(),
            tuning: None,
            repetitions: None,
            measure: None,
            seed: None,
            out: "reports".into(),
            scenarios: None,
            servers: None,
            no_slices: false,
            links: Vec::new(),
            link_by: None,
            wish: None,
            no_progress: false,
        }
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let stop = stop_on_signals()?;
    let pushbench = std::env::current_exe().context("cannot find the path of this program")?;
    let seed = options.seed.unwrap_or_else(pushbench_sys::clock::now);
    // First of all: looking for servers starts threads, and what is looked at is the machine as trials will see it.
    let scenarios = scenarios(options)?;
    let path = crate::link::enter(&scenarios, options.link_by, seed)?;
    let config = config(options, seed, scenarios)?;
    let counters = config.environment.no_counters.is_none();
    tell_absent(&config);
    // Who names a scenario has not asked for what a profile holds.
    if options.chosen_scenarios.is_empty() && options.wish.is_none() {
        for sentence in missing(&config) {
            output::say(&sentence);
        }
    }
    let cores = config.cores.clone();
    let mut runner = ProcessRunner {
        pushbench,
        cores,
        deadlines: Deadlines::default(),
        counters,
        links: path.as_ref().map(NetworkPath::junction),
        stop: &stop,
    };
    let mut bar = Bar::new(config.plan().len(), !options.no_progress);
    let result = run_trials(&config, &mut runner, &mut bar, &stop);
    bar.finish();
    conclude(&result?)
}

/// A flag that Ctrl-C sets. A second one ends at once, for whoever cannot wait.
pub(crate) fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .context("cannot handle signals")?;
    }
    Ok(stop)
}

/// Says which servers cannot take part, and which are left out.
pub(crate) fn tell_absent(config: &RunConfig) {
    for absent in &config.absent {
        let line = format!(
            "absent: {}: {}; to install it: {}",
            absent.server, absent.reason, absent.install
        );
        output::say(&line);
    }
    for line in left_out_of_scenarios(&config.all_left_out()) {
        output::say(&line);
    }
}

/// Who is left out of single scenarios, a line per scenario and reason. Those that the profile leaves out are in what it
/// says of itself.
fn left_out_of_scenarios(left_out: &[LeftOut]) -> Vec<String> {
    let mut lines: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for one in left_out {
        let Some(scenario) = &one.scenario else {
            continue;
        };
        let line = lines
            .iter_mut()
            .find(|(of, reason, _)| *of == scenario && *reason == one.reason);
        match line {
            Some((_, _, servers)) => servers.push(one.server.to_string()),
            None => lines.push((scenario, &one.reason, vec![one.server.to_string()])),
        }
    }
    let said = lines.into_iter().map(|(scenario, reason, servers)| {
        format!("left out of {scenario}: {}: {reason}", servers.join(", "))
    });
    said.collect()
}

/// The profile with what it leaves out, a line each.
pub(super) fn missing(config: &RunConfig) -> Vec<String> {
    let mut lines = config.missing();
    if let Some(first) = lines.first_mut() {
        *first = format!("profile {}, {first}", config.profile);
    }
    lines
}

impl Options {
    /// The links that were asked for, by themselves or as a part of a wish.
    fn links(&self) -> anyhow::Result<Vec<Link>> {
        let wished = self.wish.as_ref().and_then(|wish| wish.link.as_deref());
        match wished {
            None => Ok(self.links.clone()),
            Some(wished) if !self.links.is_empty() => {
                Err(Wrong(format!("--link, and {wished} in --for: say it once")).into())
            }
            Some(wished) => {
                let link = wished.parse();
                Ok(vec![
                    link.map_err(|error| Wrong(format!("--for: {error}")))?,
                ])
            }
        }
    }
}

/// What a run with `options` would do; nothing is started.
pub(super) fn planned(options: &Options) -> anyhow::Result<RunConfig> {
    let seed = options.seed.unwrap_or_else(pushbench_sys::clock::now);
    config(options, seed, scenarios(options)?)
}

/// The scenarios that were asked for, each over its link or links.
fn scenarios(options: &Options) -> anyhow::Result<Vec<Scenario>> {
    let links = options.links()?;
    let scenarios = match &options.wish {
        Some(wish) => vec![wish.scenario()],
        None => inputs::choose_scenarios(
            &options.chosen_scenarios,
            options.scenarios.as_deref(),
            options.profile,
        )?,
    };
    let scenarios = match options.measure {
        Some(seconds) => measured_for(scenarios, seconds)?,
        None => scenarios,
    };
    crate::link::over(scenarios, &links)
}

/// The scenarios, with fan-outs measured for `seconds`; there must be one.
fn measured_for(mut scenarios: Vec<Scenario>, seconds: u32) -> anyhow::Result<Vec<Scenario>> {
    let mut any = false;
    for scenario in &mut scenarios {
        let Workload::FanOut(fan_out) = &mut scenario.workload else {
            continue;
        };
        any = true;
        *fan_out = fan_out
            .measured_for(seconds.into())
            .map_err(|reason| Wrong(format!("--measure: {}: {reason}", scenario.name)))?;
    }
    if !any {
        wrong!(
            "--measure is for fan-outs, and there is none among the scenarios: what others measure is counted in connections or \
             turns"
        );
    }
    Ok(scenarios)
}

fn config(options: &Options, seed: u64, scenarios: Vec<Scenario>) -> anyhow::Result<RunConfig> {
    let profile = options.profile;
    let link_by = crate::link::emulated_by(&scenarios, options.link_by)?;
    let mut config = run_config(Chosen {
        profile,
        repetitions: options.repetitions.unwrap_or(profile.repetitions()),
        seed: Some(seed),
        out: &options.out,
        scenarios,
        servers: inputs::choose_servers(
            &options.chosen_servers,
            options.tuning,
            options.servers.as_deref(),
            profile,
        )?,
        slices: !options.no_slices,
    });
    config.environment.link_by = link_by;
    if options.wish.is_none() && options.chosen_scenarios.is_empty() {
        config.left_out_scenarios =
            inputs::longer_scenarios(options.scenarios.as_deref(), profile)?;
    }
    Ok(config)
}

/// What a person has chosen for a record of trials.
pub(crate) struct Chosen<'a> {
    pub(crate) profile: Profile,
    pub(crate) repetitions: u32,
    pub(crate) seed: Option<u64>,
    pub(crate) out: &'a Path,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) servers: ChosenServers,
    /// Whether trials in slices are part of it.
    pub(crate) slices: bool,
}

/// The same with this machine and this build.
pub(crate) fn run_config(chosen: Chosen<'_>) -> RunConfig {
    let checked = servers::check(chosen.servers.servers);
    RunConfig {
        parent: chosen.out.into(),
        command: command_line(),
        seed: chosen.seed.unwrap_or_else(pushbench_sys::clock::now),
        profile: chosen.profile,
        repetitions: chosen.repetitions,
        scenarios: chosen.scenarios,
        servers: checked.available,
        absent: checked.absent,
        left_out: chosen.servers.left_out,
        left_out_scenarios: Vec::new(),
        slices: chosen.slices,
        cores: CoreSplit::of_this_machine(),
        environment: environment::capture(&build(), checked.runtimes),
        selftest: inputs::last_selftest(chosen.out),
    }
}

/// What this program was built from.
pub(crate) fn build() -> Build {
    let commit = env!("PUSHBENCH_COMMIT");
    Build {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: (!commit.is_empty()).then(|| commit.into()),
        rustc: env!("PUSHBENCH_RUSTC").into(),
        profile: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        }
        .into(),
    }
}

/// The command as it was given, without the directory of the program, which is nobody's business.
pub(crate) fn command_line() -> Vec<String> {
    let rest = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once("pushbench".to_owned())
        .chain(rest)
        .collect()
}

fn conclude(outcome: &RunOutcome) -> anyhow::Result<Exit> {
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
    } else if outcome.invalid + outcome.failed > 0 {
        Exit::Unusable
    } else {
        Exit::Done
    })
}

/// The answer and the table of every scenario, one tuning under the other.
pub(crate) fn print_summary(record: &Record) -> anyhow::Result<()> {
    let summary = pushbench_report::summary(record);
    let mut text = String::new();
    let mut notes: Vec<&String> = Vec::new();
    for scenario in &summary.scenarios {
        text += &match scenario.tuning {
            Tuning::Fixed => format!("\n{}\n", scenario.name),
            tuning => format!("\n{}, {tuning}: {}\n", scenario.name, tuning.about()),
        };
        for sentence in std::iter::once(&scenario.answer).chain(&scenario.further) {
            text += &output::hanging("", sentence);
        }
        if let Some(objective) = &scenario.objective {
            text += &table::draw(objective, output::width());
            text += "\n";
        }
        text += &table::draw(&scenario.table, output::width());
        text += "\n";
        if let Some(cost) = &scenario.defaults_cost {
            text += &format!("\n{}, what the libraries' defaults cost\n", scenario.name);
            text += &table::draw(cost, output::width());
            text += "\n";
        }
        // What is said under several tables is said once.
        let said = scenario.table.notes.iter().chain([&scenario.rests_on]);
        for note in said {
            if !note.is_empty() && !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    text += "\n";
    for note in notes.into_iter().chain(&summary.notices) {
        text += &output::hanging("note: ", note);
    }
    output::print(&(text + "\n"))
}
