//! `pushbench anatomy`: what a delivery is made of, on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use pushbench_anatomy::ladder::{self, Plan};
use pushbench_anatomy::wire::PAYLOAD;
use pushbench_harness::{RecordWriter, environment};
use pushbench_model::anatomy::{Anatomy, Side};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Record, SCHEMA};
use pushbench_sys::process::raise_nofile;

use super::run::{Chosen, run_config};
use crate::exit::{Exit, wrong};
use crate::inputs::ChosenServers;
use crate::{output, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// 100 subscribers, processor time and bytes only: about a minute. Otherwise 1 to 10,000 subscribers, with
    /// instructions and system calls where they can be counted: tens of minutes
    #[arg(long)]
    quick: bool,
    /// Numbers of subscribers, separated by commas [default: 1,100,1000,10000; with --quick 100]
    #[arg(long, value_name = "N", value_delimiter = ',',
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    subscribers: Vec<u32>,
    /// Transport to measure beside the floor; repeatable [default: all]
    #[arg(long = "transport", value_name = "NAME")]
    transports: Vec<String>,
    /// Directory in which a directory for the outcome is created
    #[arg(
        long,
        value_name = "DIR",
        default_value = "reports",
        conflicts_with = "into"
    )]
    out: PathBuf,
    /// Record that the outcome is added to
    #[arg(long, value_name = "RECORD")]
    into: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let plan = plan(options)?;
    // Before minutes are spent: the outcome will find its place.
    let writer = writer(options)?;
    let started = ladder::now();
    // A limit too low shows as contenders that are left out.
    let _ = raise_nofile();
    let stop = super::run::stop_on_signals()?;
    let begin = Instant::now();
    let bar = bar(plan.stages().len());
    let mut first = true;
    let mut starts = |side: Side, subscribers, batch| {
        if !std::mem::take(&mut first) {
            bar.inc(1);
        }
        let side = side.label();
        bar.set_message(format!(
            "{side} · {subscribers} subscribers · {batch} per wake"
        ));
    };
    let found = ladder::measure(&plan, &mut starts, &stop).context("cannot measure")?;
    bar.finish_and_clear();
    let build = super::run::build();
    let anatomy = Anatomy {
        schema: SCHEMA,
        started,
        wall_s: begin.elapsed().as_secs_f64(),
        command: super::run::command_line(),
        pushbench_version: build.version.clone(),
        commit: build.commit.clone(),
        build: build.profile.clone(),
        machine: environment::capture(&build, BTreeMap::new()).machine,
        payload_bytes: PAYLOAD as u64,
        turns: plan.turns,
        counting: found.counting,
        calls_counted: found.calls_counted,
        interrupted: found.interrupted,
        stages: found.stages,
        left_out: found.left_out,
    };
    writer.put_anatomy(&anatomy)?;
    conclude(&anatomy, writer.directory())
}

fn plan(options: &Options) -> anyhow::Result<Plan> {
    for name in &options.transports {
        if let Err(error) = pushbench_transport::transport::by_name(name) {
            wrong!("--transport: {error}");
        }
    }
    let mut plan = if options.quick {
        Plan::quick()
    } else {
        Plan::full()
    };
    plan.transports.clone_from(&options.transports);
    if !options.subscribers.is_empty() {
        plan.subscribers.clone_from(&options.subscribers);
    }
    Ok(plan)
}

/// The record that takes the outcome: a new one that holds nothing else, or that of a run.
fn writer(options: &Options) -> anyhow::Result<RecordWriter> {
    if let Some(record) = &options.into {
        return Ok(RecordWriter::beside(record)?);
    }
    let config = run_config(Chosen {
        profile: if options.quick {
            Profile::Quick
        } else {
            Profile::Standard
        },
        repetitions: 1,
        seed: None,
        out: &options.out,
        scenarios: Vec::new(),
        servers: ChosenServers {
            servers: Vec::new(),
            left_out: Vec::new(),
        },
        slices: false,
    });
    Ok(config.empty_record()?)
}

fn conclude(anatomy: &Anatomy, directory: &Path) -> anyhow::Result<Exit> {
    let summary = pushbench_report::anatomy_summary(anatomy);
    for stage in &summary.stages {
        let table = table::draw(&stage.table, output::width());
        output::print(&format!("{}\n{table}\n", stage.name))?;
    }
    for line in summary.findings.iter().chain(&summary.notices) {
        output::print(&output::hanging("", line))?;
    }
    let page = super::report::write(&Record::read(directory)?, directory)?;
    output::print(&format!(
        "record: {}\nreport: {}\n",
        directory.display(),
        page.display()
    ))?;
    Ok(if anatomy.interrupted {
        Exit::Interrupted
    } else if anatomy.left_out.is_empty() {
        Exit::Done
    } else {
        Exit::Unusable
    })
}

/// On standard error, and only in a terminal.
fn bar(stages: usize) -> ProgressBar {
    let bar = ProgressBar::new(stages as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
