//! What subscribers that do not read do to those that do, and to the server's memory.

use pushbench_model::control::Keeps;
use pushbench_model::record::RecordedTrial;
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_stats::paired_ratio;

use super::{Pair, Subject};
use crate::goal::{self, Verdict};
use crate::metric::{Metric, P50, P99, Series, Side};
use crate::number::{Unit, significant};
use crate::results::Group;
use crate::table::Cell;

pub(super) const SUBJECT: Subject = Subject {
    title: "Slow subscribers, and those beside them",
    id: "slow",
    introduction: "Scenarios in which some subscribers do not read beside the same scenarios in which all do, on the same servers. \
    All figures are those of subscribers that read. Under a figure stands its ratio to the scenario without slow ones, over trials of \
    the same repetition; these are not neighbours in time, so that ratios of times are less certain than their intervals say. Two goals \
    were set before the run: neighbours notice little, and a server's memory stays within what it says it keeps.",
    column: "subscribers",
    without: "all read",
    with: |scenario| match &scenario.workload {
        Workload::FanOut(fan_out) => Some(fan_out.slow?.words(fan_out.subscribers)),
        _ => None,
    },
    taken_away,
    figures,
    goals,
    notes,
    about: None,
};

/// Times the 99th percentile without slow subscribers that it may be with them.
const NOTICED: f64 = 2.0;
const P99_GOAL: &str = "p99 of subscribers that read, times that without slow ones";
/// Part of what a server says it keeps that it may take besides, for bookkeeping and what its allocator holds back.
const BOOKKEEPING: f64 = 0.125;
const MEMORY_GOAL: &str = "memory beyond that of all connections, within what the server keeps";

fn taken_away(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    if let Workload::FanOut(fan_out) = &mut scenario.workload {
        fan_out.slow = None;
    }
    scenario
}

fn figures(without: &Group<'_>) -> Vec<Metric> {
    vec![
        Metric::Percentile(Series::Response, P50),
        Metric::Percentile(Series::Response, P99),
        Metric::Cpu(Side::Server),
        without.instructions(Side::Server),
        Metric::Bytes,
        Metric::Rate,
    ]
}

fn goals(pair: &Pair<'_>) -> Vec<goal::Row> {
    neighbours(pair).into_iter().chain(memory(pair)).collect()
}

/// What those notice that read.
fn neighbours(pair: &Pair<'_>) -> Option<goal::Row> {
    let metric = Metric::Percentile(Series::Response, P99);
    let ratio = paired_ratio(&pair.with.pairs(pair.without, metric))?;
    let interval = ratio.interval.map(|interval| (interval.low, interval.high));
    Some(goal::Row {
        name: pair.with.label(),
        goal: P99_GOAL,
        // One repetition has no interval, and decides nothing.
        verdict: interval.map_or(Verdict::Undecided, |interval| {
            Verdict::within(interval, NOTICED)
        }),
        measured: goal::times(ratio.value, interval),
        limit: Cell::plain(format!("{NOTICED:.2}×")),
        unit: format!("trials of the same repetition: {}", ratio.n),
    })
}

/// Of one trial: by how much the server has grown, and by how much it may have.
struct Grown {
    bytes: f64,
    at_most: f64,
    /// Bytes of messages that were published: without a bound as much would be kept, or more.
    published: f64,
    seconds: f64,
}

impl Grown {
    fn of(recorded: &RecordedTrial) -> Option<Self> {
        let measured = recorded.trial.measurement.as_ref()?;
        let server = measured.server.as_ref()?;
        let keeps: Keeps = server.keeps?;
        measured.slow?;
        // Any of them may have been behind for a moment, and libraries do not give back what they collected then.
        let declared = keeps.at_most(measured.concurrency, measured.body_bytes) as f64;
        let memory = recorded.trial.server_usage.as_ref()?.memory?;
        Some(Self {
            bytes: memory.grown_at_most()? as f64,
            at_most: declared * (1.0 + BOOKKEEPING),
            published: server.published as f64 * measured.body_bytes as f64,
            seconds: measured.elapsed_ns as f64 / 1e9,
        })
    }

    /// Whether a server without a bound would have gone beyond it.
    fn is_a_test(&self) -> bool {
        self.published > self.at_most
    }
}

/// The greatest growth of any trial, within the bound that the server tells of itself.
fn memory(pair: &Pair<'_>) -> Option<goal::Row> {
    let trials: Vec<Grown> = pair
        .with
        .valid
        .iter()
        .filter_map(|trial| Grown::of(trial))
        .collect();
    let most = trials
        .iter()
        .max_by(|a, b| (a.bytes / a.at_most).total_cmp(&(b.bytes / b.at_most)))?;
    let scale = Unit::Memory.scale([most.bytes, most.at_most]);
    let tested = trials.iter().any(Grown::is_a_test);
    let verdict = match Verdict::within((most.bytes, most.bytes), most.at_most) {
        Verdict::Met if !tested => Verdict::Undecided,
        decided => decided,
    };
    let seconds = significant(most.seconds, 3);
    let unit = if tested {
        format!("peak of what is no file's, {seconds} s")
    } else {
        format!(
            "peak of what is no file's, {seconds} s, in which {} were published",
            scale.with_unit(most.published)
        )
    };
    Some(goal::Row {
        name: pair.with.label(),
        goal: MEMORY_GOAL,
        verdict,
        measured: Cell::plain(scale.with_unit(most.bytes)),
        limit: Cell::plain(scale.with_unit(most.at_most)),
        unit,
    })
}

fn notes(pairs: &[Pair<'_>]) -> Vec<String> {
    let mut notes = vec![
        "Undecided: the interval crosses the goal, or there is but one repetition; or, of memory, less was published than the server \
         may keep, so that one without a bound would have met the goal, too: measure longer (--measure 600)."
            .to_owned(),
        format!(
            "What a server keeps it says itself (GET /healthz): messages that all share, and what it has for each subscriber, \
             any of which may be behind. {} % more are allowed for bookkeeping and the allocator. Buffers of the kernel are not in a server's \
             memory.",
            BOOKKEEPING * 100.0
        ),
    ];
    let mut unbounded: Vec<String> = Vec::new();
    for pair in pairs {
        let mut trials = pair.with.valid.iter();
        let tells = trials.any(|trial| {
            let measured = trial.trial.measurement.as_ref();
            measured.is_some_and(|m| m.server.as_ref().is_some_and(|s| s.keeps.is_some()))
        });
        if tells {
            continue;
        }
        let grown = pair.with.valid.iter().filter_map(|trial| {
            let memory = trial.trial.server_usage.as_ref()?.memory?;
            Some(memory.grown_at_most()? as f64)
        });
        let most = grown.fold(None, |most: Option<f64>, one| {
            Some(most.map_or(one, |most| most.max(one)))
        });
        let grown = most.map_or_else(String::new, |most| {
            let scale = Unit::Memory.scale([most]);
            format!(" (grown by {} at most)", scale.with_unit(most))
        });
        unbounded.push(format!("{}{grown}", pair.with.label()));
    }
    if !unbounded.is_empty() {
        notes.push(format!(
            "Held against no bound, because they tell none: {}.",
            unbounded.join(", ")
        ));
    }
    let group = pairs.first().map(|pair| pair.group);
    notes.extend(
        group
            .filter(|g| g.is_indicative(Metric::Percentile(Series::Response, P99)))
            .map(|_| "On this machine verdicts on times are indicative.".to_owned()),
    );
    notes
}
