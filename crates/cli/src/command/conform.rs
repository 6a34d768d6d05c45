//! `pushbench conform`: decoders, state machines and servers, held against the specifications.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pushbench_conform::autobahn::{AutobahnError, Plan, State, Suite, Tested};
use pushbench_conform::findings;
use pushbench_conform::group::{Checked, GROUPS, Group, Outcome, by_name};
use pushbench_model::survey::{AbsentSystem, Part};
use pushbench_transport::stack::Stack;
use serde_json::{Value, json};

use crate::exit::{Exit, wrong};
use crate::output;
use crate::survey::{self, About, Found, OptionalDestination, Paper};

/// The group that needs what others wrote.
const AUTOBAHN: &str = "autobahn";

const ABOUT: About = About {
    name: "conformance",
    title: "Conformance",
    place: 90,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Groups to run: event-stream, event-source, http, subscriptions, websocket-client, websocket-server, autobahn
    /// [default: all; autobahn only if it is installed]
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,
    /// Autobahn: cases to run, such as 1.* or 7.1.3
    #[arg(long, value_name = "CASE", num_args = 1.., default_values = ["*"])]
    cases: Vec<String>,
    /// Autobahn: what to test: stacks of our servers (bare, reference, axum) and client [default: all]
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Autobahn: directory for the pages that it writes
    #[arg(long, value_name = "DIR", default_value = "benches/conformance/out")]
    pages: PathBuf,
    /// Print everything as JSON, not as tables
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    destination: OptionalDestination,
}

/// What was found.
#[derive(Default)]
struct All {
    groups: Vec<(&'static Group, Vec<Checked>)>,
    suite: Option<(String, Vec<Tested>)>,
    absent: Option<AbsentSystem>,
    interrupted: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let groups = chosen(&options.groups)?;
    let plan = plan(options)?;
    let asked = options.groups.iter().any(|name| name == AUTOBAHN);
    let stop = super::run::stop_on_signals()?;
    let destination = options.destination.chosen();
    let paper = destination
        .as_ref()
        .map(|destination| Paper::new(&ABOUT, destination))
        .transpose()?;

    let mut all = All::default();
    for group in groups {
        all.groups.push((group, group.run()?));
    }
    if asked || options.groups.is_empty() {
        autobahn(&plan, &stop, &mut all)?;
    }
    let exit = conclude(options, paper, &all, &plan)?;
    let missing = asked && all.absent.is_some();
    Ok(match exit {
        Exit::Done if all.interrupted => Exit::Interrupted,
        Exit::Done if all.failed() > 0 => Exit::SelfTestFailed,
        Exit::Done if missing => Exit::Unusable,
        exit => exit,
    })
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Group>> {
    if names.is_empty() {
        return Ok(GROUPS.iter().collect());
    }
    let mut groups = Vec::new();
    for name in names.iter().filter(|name| *name != AUTOBAHN) {
        let Some(group) = by_name(name) else {
            let known: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
            wrong!(
                "there is no group {name:?}; there are {} and {AUTOBAHN}",
                known.join(", ")
            );
        };
        groups.push(group);
    }
    Ok(groups)
}

fn plan(options: &Options) -> anyhow::Result<Plan> {
    let only = &options.only;
    let mut stacks = Vec::new();
    for name in only.iter().filter(|name| *name != "client") {
        match name.parse() {
            Ok(stack) => stacks.push(stack),
            Err(_) => wrong!("--only {name}: there are bare, reference, axum and client"),
        }
    }
    if only.is_empty() {
        stacks = Stack::ALL.to_vec();
    }
    Ok(Plan {
        cases: options.cases.clone(),
        out: options.pages.clone(),
        stacks,
        client: only.is_empty() || only.iter().any(|name| name == "client"),
    })
}

fn autobahn(plan: &Plan, stop: &AtomicBool, all: &mut All) -> anyhow::Result<()> {
    let suite = match Suite::find() {
        Ok(suite) => suite,
        Err(absent) => {
            all.absent = Some(absent);
            return Ok(());
        }
    };
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(500));
    let found = suite.run(plan, stop, &mut |what| bar.set_message(what.to_owned()));
    bar.finish_and_clear();
    match found {
        Ok(tested) => all.suite = Some((suite.version, tested)),
        Err(AutobahnError::Interrupted) => all.interrupted = true,
        Err(error) => return Err(error.into()),
    }
    all.interrupted |= stop.load(Ordering::Relaxed);
    Ok(())
}

impl All {
    fn failed(&self) -> usize {
        let cases = self.groups.iter().flat_map(|(_, checked)| checked);
        let suite = self.suite.iter().flat_map(|(_, tested)| tested);
        cases
            .filter(|case| matches!(case.outcome, Outcome::Failed(_)))
            .count()
            + suite
                .flat_map(|tested| &tested.cases)
                .filter(|case| case.state == State::Failed)
                .count()
    }

    fn parts(&self, plan: &Plan) -> Vec<Part> {
        let mut parts = Vec::new();
        if !self.groups.is_empty() {
            parts.push(findings::corpus(&self.groups));
        }
        if let Some((version, tested)) = &self.suite {
            parts.push(findings::autobahn(tested, version, &plan.out));
        }
        parts
    }

    fn found(&self, plan: &Plan) -> Found {
        let versions = self
            .suite
            .iter()
            .map(|(version, _)| ("autobahntestsuite".to_owned(), version.clone()));
        Found {
            parts: self.parts(plan),
            versions: versions.collect(),
            absent: self.absent.iter().cloned().collect(),
            interrupted: self.interrupted,
            unusable: false,
        }
    }

    fn json(&self) -> Value {
        let groups = self.groups.iter().map(|(group, checked)| {
            json!({ "name": group.name, "about": group.about, "cases": checked })
        });
        let suite = self.suite.as_ref().map(|(version, tested)| {
            json!({ "version": version, "agents": tested.iter().map(agent).collect::<Vec<_>>() })
        });
        json!({
            "groups": groups.collect::<Vec<_>>(),
            "autobahn": suite,
            "absent": self.absent,
            "failed": self.failed(),
            "interrupted": self.interrupted,
        })
    }
}

fn agent(tested: &Tested) -> Value {
    let case = |case: &pushbench_conform::autobahn::CaseResult| {
        json!({
            "case": case.case,
            "state": case.state.label(),
            "behavior": case.behavior,
            "closing": case.closing,
            "page": case.page,
        })
    };
    json!({
        "agent": tested.agent,
        "page": tested.page,
        "cases": tested.cases.iter().map(case).collect::<Vec<_>>(),
    })
}

fn conclude(
    options: &Options,
    paper: Option<Paper>,
    all: &All,
    plan: &Plan,
) -> anyhow::Result<Exit> {
    let found = all.found(plan);
    let exit = match paper {
        Some(mut paper) if options.json => {
            paper.keep(&found)?;
            Exit::Done
        }
        Some(paper) => return paper.conclude(&found),
        None => Exit::Done,
    };
    if options.json {
        output::print(&(serde_json::to_string_pretty(&all.json())? + "\n"))?;
    } else {
        survey::print(&survey::loose(&ABOUT, &found))?;
    }
    Ok(exit)
}
