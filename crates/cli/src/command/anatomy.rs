//! `pushbench anatomy`: what a delivery is made of, on this machine.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pushbench_anatomy::emulator::{self, Emulator};
use pushbench_anatomy::ladder::{self, Found, Observer, Plan, Step};
use pushbench_anatomy::wire::PAYLOAD;
use pushbench_harness::RecordWriter;
use pushbench_harness::environment::{self, Build};
use pushbench_model::anatomy::{Anatomy, LeftOut};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Record, SCHEMA};
use pushbench_sys::process::raise_nofile;

use super::run::{Chosen, run_config};
use crate::exit::{Exit, wrong};
use crate::inputs::ChosenServers;
use crate::{output, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A minute: 100 subscribers only, short slices, and no tools, so that without the processor's own counters
    /// (`pushbench doctor` tells) instructions, allocations and system calls are left out. Otherwise 1 to 10,000
    /// subscribers with everything that can be counted: half an hour or more
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
    /// Linux kernel (x86-64) for an emulated machine, which counts the instructions of program and kernel together; qemu-system-x86_64
    /// runs it, for some minutes [default: benches/emulator/vmlinuz, if it is there; with --quick none]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// Show no progress: no bar in a terminal, no line per stage elsewhere
    #[arg(long)]
    no_progress: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let plan = plan(options)?;
    // Before minutes are spent: the outcome will find its place.
    let writer = writer(options)?;
    // A limit too low shows as contenders that are left out.
    let _ = raise_nofile();
    let stop = super::run::stop_on_signals()?;
    let mut keeper = Keeper::new(&plan, &writer, !options.no_progress);
    let found = ladder::measure(&plan, &mut keeper, &stop).with_context(|| {
        let directory = writer.directory().display();
        format!("cannot go on; what was measured until then is in {directory}")
    })?;
    keeper.bar.finish_and_clear();
    let anatomy = keeper.anatomy(&found);
    writer.put_anatomy(&anatomy)?;
    conclude(&anatomy, writer.directory())
}

/// Keeps what is measured, as it is measured, and tells how far it is.
struct Keeper<'a> {
    plan: &'a Plan,
    writer: &'a RecordWriter,
    build: Build,
    machine: String,
    started: String,
    begin: Instant,
    step_begin: Instant,
    bar: ProgressBar,
    steps: usize,
    number: usize,
    shown: bool,
}

impl<'a> Keeper<'a> {
    fn new(plan: &'a Plan, writer: &'a RecordWriter, shown: bool) -> Self {
        let steps = plan.steps().len();
        let build = super::run::build();
        let keeper = Self {
            plan,
            writer,
            machine: environment::capture(&build, BTreeMap::new()).machine,
            build,
            started: ladder::now(),
            begin: Instant::now(),
            step_begin: Instant::now(),
            bar: bar(steps, shown),
            steps,
            number: 0,
            shown,
        };
        keeper.say(&format!("recording to {}", writer.directory().display()));
        keeper
    }

    fn anatomy(&self, found: &Found) -> Anatomy {
        let found = found.clone();
        Anatomy {
            schema: SCHEMA,
            started: self.started.clone(),
            wall_s: self.begin.elapsed().as_secs_f64(),
            command: super::run::command_line(),
            pushbench_version: self.build.version.clone(),
            commit: self.build.commit.clone(),
            build: self.build.profile.clone(),
            machine: self.machine.clone(),
            payload_bytes: PAYLOAD as u64,
            turns: self.plan.turns,
            counting: found.counting,
            calls_counted: found.calls_counted,
            emulation: found.emulation,
            interrupted: found.interrupted,
            stages: found.stages,
            batching: found.batching,
            instrument: found.instrument,
            setups: found.setups,
            left_out: found.left_out,
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| output::say(line));
    }
}

impl Observer for Keeper<'_> {
    fn starts(&mut self, step: &Step) {
        self.number += 1;
        self.step_begin = Instant::now();
        self.bar.set_message(step.to_string());
    }

    fn comes_to(&mut self, step: &Step, part: &str) {
        self.bar.set_message(format!("{step}: {part}"));
    }

    fn measured(&mut self, found: &Found) -> io::Result<()> {
        let kept = self.writer.put_anatomy(&self.anatomy(found));
        kept.map_err(io::Error::other)
    }

    fn ended(&mut self, step: &Step, left_out: &[LeftOut]) {
        self.bar.inc(1);
        for one in left_out {
            let side = one.side.label();
            self.say(&format!(
                "left out: {}, {side} side, {}",
                one.name, one.reason
            ));
        }
        if self.shown && self.bar.is_hidden() {
            let (number, steps) = (self.number, self.steps);
            let seconds = self.step_begin.elapsed().as_secs_f64();
            self.say(&format!(
                "stage {number} of {steps} ({step}) took {seconds:.1} s"
            ));
        }
    }
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
    plan.emulator = emulator(options)?;
    if !options.subscribers.is_empty() {
        plan.subscribers.clone_from(&options.subscribers);
    }
    Ok(plan)
}

/// What counts instructions of the kernel: what was asked for, or what is there.
fn emulator(options: &Options) -> anyhow::Result<Option<Emulator>> {
    let usual = || Some(PathBuf::from(emulator::KERNEL)).filter(|_| !options.quick);
    let Some(kernel) = options.kernel.clone().or_else(usual) else {
        return Ok(None);
    };
    match Emulator::new(&kernel) {
        Ok(emulator) => Ok(Some(emulator)),
        Err(error) if options.kernel.is_some() => wrong!("--kernel: {error}"),
        Err(error) => {
            output::say(&format!(
                "not counted, instructions of program and kernel together: {error}"
            ));
            Ok(None)
        }
    }
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
    for line in summary
        .findings
        .iter()
        .chain(&summary.goals)
        .chain(&summary.notices)
    {
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
fn bar(steps: usize, shown: bool) -> ProgressBar {
    let bar = ProgressBar::new(steps as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("━╸─"));
    if !shown {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
