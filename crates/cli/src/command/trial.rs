//! `pushbench trial`

use std::io::{BufReader, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use pushbench_harness::verify::verify;
use pushbench_load::barrier::{Free, Lines};
use pushbench_load::target::Target;
use pushbench_load::{Config, Patience, run as measure, run_slices};
use pushbench_model::histogram::{Quantile, quantile};
use pushbench_model::measurement::{Measurement, Publisher};
use pushbench_model::profile::Profile;
use pushbench_model::record::Outcome;
use pushbench_model::scenario::Scenario;
use pushbench_model::stages::Stages;
use pushbench_transport::transport;

use crate::exit::{Exit, Wrong};
use crate::{inputs, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Transport that the server speaks: sse, websocket, long-poll, tcp, ndjson or short-poll
    #[arg(long)]
    transport: String,
    /// Where subscribers connect, such as http://127.0.0.1:8080
    #[arg(long)]
    url: String,
    /// Where the control endpoint is; a path in it is where messages are posted instead of /publish [default: the
    /// address of --url]
    #[arg(long, value_name = "URL")]
    control: Option<String>,
    /// Who publishes: the server by the schedule it is given, or this process through POST /publish
    #[arg(long, value_name = "WHO", value_enum, default_value_t = Role::Load)]
    publisher: Role,
    /// Scenario: a name (see `pushbench list`) or the path of a .toml file
    #[arg(long, value_name = "NAME|FILE", default_value = "fan-out")]
    scenario: String,
    /// Scenario as JSON, as `pushbench run` hands it over
    #[arg(long, hide = true, conflicts_with = "scenario")]
    scenario_json: Option<String>,
    /// Directory of scenario files
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// How long to measure: quick, standard or thorough
    #[arg(long, default_value_t = Profile::Quick)]
    profile: Profile,
    /// Seed of schedule and payload
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Cores to use, one worker each, such as 0,1 [default: one worker, not pinned]
    #[arg(long, default_value = "", hide_default_value = true)]
    cores: super::Cores,
    /// Microseconds before each due time that the publisher spins instead of sleeping
    #[arg(long, value_name = "US", default_value_t = 100)]
    spin: u64,
    /// Print the measurement as JSON
    #[arg(long)]
    json: bool,
    /// Announce phases on standard output and wait for a line on standard input at each
    #[arg(long, hide = true)]
    barriers: bool,
    /// How long to wait for late deliveries after the last message is due, such as 300ms; a self-test that has lost some
    /// knows that nothing will come
    #[arg(long, hide = true, value_name = "TIME", value_parser = pushbench_model::injection::duration)]
    drain: Option<std::time::Duration>,
    /// Messages of a slice: run in slices, each when the phase `slice` is answered, until the answer is `enough`
    #[arg(long, hide = true, requires = "barriers", value_name = "N")]
    slice_messages: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Role {
    Server,
    Load,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    if options.barriers {
        // The harness that reads our phases is our parent; without it nobody would end us.
        pushbench_sys::process::die_with_parent().context("cannot follow the harness")?;
    }
    let config = config(options)?;
    if options.barriers {
        let mut barrier = Lines {
            input: BufReader::new(std::io::stdin()),
            output: std::io::stdout(),
        };
        let measurement = match options.slice_messages {
            Some(messages) => run_slices(config, messages, &mut barrier)?,
            None => measure(config, &mut barrier)?,
        };
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "RESULT {}", serde_json::to_string(&measurement)?)?;
        return Ok(Exit::Done);
    }
    let (scenario, profile) = (config.scenario.clone(), config.profile);
    let measurement = measure(config, &mut Free)?;
    let outcome = verify(&measurement, &scenario, profile);
    output::print(&if options.json {
        serde_json::to_string_pretty(&measurement)? + "\n"
    } else {
        describe(&measurement, &outcome)?
    })?;
    Ok(if outcome.is_valid() {
        Exit::Done
    } else {
        Exit::Unusable
    })
}

fn config(options: &Options) -> anyhow::Result<Config> {
    let scenario: Scenario = match &options.scenario_json {
        Some(json) => serde_json::from_str(json).context("--scenario-json is not a scenario")?,
        None => inputs::scenario_by_name(&options.scenario, options.scenarios.as_deref())?,
    };
    let transport =
        transport::by_name(&options.transport).map_err(|error| Wrong(error.to_string()))?;
    let target = Target::parse(&options.url)?;
    let control = match &options.control {
        Some(url) => Target::parse(url)?,
        None if target.scheme == "tcp" => {
            bail!(
                "a tcp server has its control endpoint elsewhere: name it with --control http://..."
            )
        }
        None => target.as_control(),
    };
    let usual = Patience::default();
    Ok(Config {
        scenario,
        profile: options.profile,
        transport,
        target,
        control,
        publisher: match options.publisher {
            Role::Server => Publisher::Server,
            Role::Load => Publisher::Load,
        },
        seed: options.seed,
        cores: options.cores.0.clone(),
        spin_ns: options.spin * 1000,
        patience: Patience {
            drain: options.drain.unwrap_or(usual.drain),
            ..usual
        },
    })
}

/// A measurement in a few lines.
fn describe(measurement: &Measurement, outcome: &Outcome) -> anyhow::Result<String> {
    use std::fmt::Write as _;
    let mut text = String::new();
    let seconds = measurement.elapsed_ns as f64 / 1e9;
    let rate = measurement.operations as f64 / seconds;
    let rate = if rate.is_finite() {
        format!("{rate:.0}")
    } else {
        "n/a".into()
    };
    writeln!(
        text,
        "{} over {}: {} operations in {seconds:.3} s, {rate} per second, {} at a time",
        measurement.workload,
        measurement.transport,
        measurement.operations,
        measurement.concurrency,
    )?;
    for (name, histogram) in &measurement.histograms {
        let histogram = histogram.decode()?;
        let lost = measurement.lost_beside(name);
        let n = histogram.len() + lost;
        let us = |q| match quantile(&histogram, lost, q) {
            Quantile::Value(ns) => format!("{:.1}", ns as f64 / 1e3),
            Quantile::TooFew => format!("n/a (n={n})"),
            Quantile::BeyondEnd => "beyond the end of the run".to_owned(),
        };
        writeln!(
            text,
            "  {name:14} us  p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
            us(0.5),
            us(0.9),
            us(0.99),
            us(0.999),
            if lost > 0 {
                "never delivered".to_owned()
            } else {
                format!("{:.1}", histogram.max() as f64 / 1e3)
            }
        )?;
    }
    if let Some(stages) = Stages::of(&measurement.histograms) {
        writeln!(
            text,
            "  means          us  lateness {:.1}  publish {:.1}  transit {:.1}  response {:.1}",
            stages.lateness / 1e3,
            stages.publish / 1e3,
            stages.transit / 1e3,
            stages.response / 1e3
        )?;
    }
    let wire = &measurement.wire;
    let per = |bytes: u64| bytes as f64 / measurement.operations.max(1) as f64;
    writeln!(
        text,
        "  wire           {:.1} bytes down and {:.1} up per operation ({})",
        per(wire.bytes_down),
        per(wire.bytes_up),
        match wire.agrees() {
            Some(true) => "as the formulas say",
            Some(false) => "NOT what the formulas say",
            None => "no formula applies",
        }
    )?;
    if let Some(said) = measurement.upstream {
        let per = |bytes: u64| bytes as f64 / said.messages.max(1) as f64;
        writeln!(
            text,
            "  said           {} messages, {:.1} bytes up each, and {:.1} bytes of answers",
            said.messages,
            per(said.bytes),
            per(said.answer_bytes)
        )?;
    }
    let s = &measurement.sequence;
    writeln!(
        text,
        "  messages       {} delivered, {} lost, {} duplicated, {} reordered, {} corrupted",
        s.delivered, s.lost, s.duplicated, s.reordered, s.corrupted
    )?;
    let c = &measurement.connections;
    writeln!(
        text,
        "  connections    {} opened, {} failed, {} ended early by the server",
        c.opened, c.failed, c.ended_early
    )?;
    if let Some(arrivals) = measurement.arrivals {
        writeln!(
            text,
            "  arrivals       {} due by the schedule, {} open at the same time at most",
            arrivals.due, arrivals.most_open
        )?;
    }
    for error in &measurement.errors {
        writeln!(text, "  error          {error}")?;
    }
    if let Outcome::Invalid { reasons } = outcome {
        for reason in reasons {
            writeln!(text, "  INVALID        {reason}")?;
        }
    }
    Ok(text)
}
