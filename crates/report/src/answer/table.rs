//! One row per server, the figures that matter most.

mod answers;
mod arrivals;
pub(super) mod crowd;
mod dead;
mod late;
mod troubles;
mod upstream;

use pushbench_model::measurement::Publisher;

use crate::metric::{Better, Metric, P50, P99, Side};
use crate::number::{Scale, THIN, Unit, capitalised, significant, whole};
use crate::results::{Arm, Basis, Group};
use crate::table::{Cell, Column, Table};
use crate::wire::{Agreement, PerOperation};
use pushbench_stats::Percentile;

/// What a reader must know where some servers publish by themselves and others do not.
const RELAYED: &str = "Published by “relay”: the load process sends every message to the server over HTTP. Such a \
     server also pays in its CPU for receiving and parsing those requests, and its response time has one hop more. \
     Compare relayed servers with each other, and with those that publish by themselves only with that in mind.";

/// The figure that leads the answer of `group`.
pub(crate) fn headline(group: &Group<'_>) -> Metric {
    Metric::Percentile(group.main_series(), P50)
}

/// The table of `group`.
pub(crate) fn answer_table(group: &Group<'_>, no_counters: Option<&str>) -> Table {
    let series = group.main_series();
    // One unit for all latencies of the table, so that a reader can compare along a row.
    let latencies = group
        .arms
        .iter()
        .flat_map(|arm| [P50, P99].map(|r| arm.percentile(series, r)));
    let mut builder = Builder {
        group,
        time: Unit::Time.scale(latencies.filter_map(Percentile::value)),
        columns: Vec::new(),
        rows: vec![Vec::new(); group.arms.len()],
    };
    builder.percentile(P50);
    builder.percentile(P99);
    builder.max();
    builder.cost(Metric::Cpu(Side::Server));
    builder.cost(Metric::Cpu(Side::Load));
    let counters = group.instructions(Side::Server);
    if group.has(counters) {
        builder.cost(counters);
    }
    builder.memory();
    builder.bytes();
    builder.goodput();
    builder.missing();
    builder.open_at_most();
    builder.cuts();
    builder.slow();
    builder.dead();
    builder.late();
    builder.heartbeats();
    builder.switches();
    builder.upstream();
    builder.answers();
    builder.left_out();
    builder.published();

    let mut table = Table::new("server", builder.columns);
    for (arm, cells) in group.arms.iter().zip(builder.rows) {
        table.row(arm.label(), cells);
    }
    if !group.has(counters) && group.valid() > 0 {
        let why = no_counters.unwrap_or("the trials hold none");
        table.notes.push(format!(
            "No counters on this machine: {why}. Instructions are left out."
        ));
    }
    table.notes.extend(upstream::note(group));
    table.notes.extend(arrivals::note(group));
    if group.is_published_differently() {
        table.notes.push(RELAYED.into());
    }
    for rank in [P50, P99] {
        let metric = Metric::Percentile(series, rank);
        let bare = |arm: &Arm<'_>| arm.figure(metric).is_some_and(|f| f.n == 0);
        if group.arms.iter().any(bare) {
            table.notes.push(format!(
                "{} has no interval: only all repetitions together have enough samples for it.",
                capitalised(&metric.label(group.work()))
            ));
        }
    }
    if group.arms.iter().any(|arm| is_uneven(arm, group)) {
        table.notes.push(
            "† Over all repetitions together this percentile lies outside the interval of the single repetitions: \
             a few of them carry the tail."
                .into(),
        );
    }
    table
}

struct Builder<'g, 'a> {
    group: &'g Group<'a>,
    time: Scale,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Builder<'_, '_> {
    fn percentile(&mut self, rank: crate::metric::Rank) {
        let series = self.group.main_series();
        let metric = Metric::Percentile(series, rank);
        let scale = self.time;
        self.columns.push(Column::numbers(
            metric.label(self.group.work()),
            scale.symbol,
        ));
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            let mut cell = match arm.percentile(series, rank) {
                _ if arm.valid.is_empty() => Cell::absent("no valid trial"),
                Percentile::Value(_) => Cell::estimate(arm.figure(metric), &scale),
                other => Cell::percentile(other, &scale),
            };
            if outside_interval(arm, metric) {
                cell.text.push('†');
            }
            row.push(cell);
        }
    }

    fn max(&mut self) {
        let series = self.group.main_series();
        let name = format!("{} max", series.label());
        self.columns.push(Column::numbers(name, self.time.symbol));
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            let largest = arm
                .merged(series)
                .filter(|h| !h.is_empty())
                .map(|h| h.max() as f64);
            row.push(largest.map_or_else(
                || Cell::absent(""),
                |value| Cell::plain(self.time.number(value)),
            ));
        }
    }

    /// A mean with its interval and its multiple of the floor.
    fn cost(&mut self, metric: Metric) {
        debug_assert_eq!(metric.better(), Better::Lower);
        let group = self.group;
        let figures: Vec<_> = group.arms.iter().map(|arm| arm.figure(metric)).collect();
        let scale = metric
            .unit()
            .scale(figures.iter().flatten().map(|e| e.value));
        self.columns
            .push(Column::numbers(metric.label(group.work()), scale.symbol));
        for ((arm, figure), row) in group.arms.iter().zip(figures).zip(&mut self.rows) {
            let mut cell = Cell::estimate(figure, &scale);
            let floor = group
                .floor()
                .filter(|_| !arm.is_floor() && figure.is_some());
            if let Some(ratio) = floor.and_then(|floor| group.ratio(arm, floor, metric)) {
                cell = cell.under(times_floor(&ratio.estimate));
                if ratio.basis == Basis::Slices {
                    cell = cell.under("by slices");
                }
            }
            row.push(cell);
        }
    }

    fn bytes(&mut self) {
        let group = self.group;
        let figures: Vec<_> = group
            .arms
            .iter()
            .map(|arm| arm.figure(Metric::Bytes))
            .collect();
        let scale = Unit::Bytes.scale(figures.iter().flatten().map(|e| e.value));
        self.columns.push(Column::numbers(
            Metric::Bytes.label(group.work()),
            scale.symbol,
        ));
        for ((arm, figure), row) in group.arms.iter().zip(figures).zip(&mut self.rows) {
            let mut cell = figure.map_or_else(
                || Cell::absent(""),
                |figure| Cell::plain(scale.number(figure.value)),
            );
            if let Some(figure) = figure {
                let varies = figure.interval.filter(|i| i.high / i.low > 1.001);
                cell.small
                    .extend(varies.map(|interval| scale.interval(interval)));
                let payload = group.scenario.payload.bytes as f64;
                if group.work() == "delivery" {
                    // What is compressed may be shorter than what it says.
                    let over = figure.value - payload;
                    let word = if over < 0.0 { "under" } else { "over" };
                    let over = scale.number(over.abs());
                    cell = cell.under(format!("{over} {word} payload"));
                }
                let batched = PerOperation::of(&arm.valid).and_then(|p| p.per_batch);
                if let Some(messages) = batched.filter(|_| group.work() == "delivery") {
                    let messages = significant(messages, 3);
                    cell = cell.under(format!("{messages} messages per answer"));
                }
                if let Agreement::Mismatch = Agreement::of(&arm.valid) {
                    cell = cell.under("not as by formula").bad();
                }
            }
            row.push(cell);
        }
    }

    /// What did not arrive, the invalid trials included.
    fn missing(&mut self) {
        let fan_out = self.group.work() != "connection";
        let name = if fan_out {
            "lost"
        } else {
            "connections failed"
        };
        self.columns.push(Column::numbers(name, ""));
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            let missing = if fan_out { arm.lost() } else { arm.refused() };
            let cell = Cell::plain(whole(missing));
            row.push(if missing > 0 { cell.bad() } else { cell });
        }
    }

    /// Trials whose figures are not used: a server whose bad trials fell out must not look as good as one that had none.
    fn left_out(&mut self) {
        let arms = &self.group.arms;
        if arms.iter().all(|arm| arm.unused.is_empty()) {
            return;
        }
        self.columns.push(Column::words("trials left out"));
        for (arm, row) in arms.iter().zip(&mut self.rows) {
            let (invalid, failed) = arm.left_out();
            let parts = [(invalid, "invalid"), (failed, "failed")];
            let said: Vec<String> = parts
                .into_iter()
                .filter(|(n, _)| *n > 0)
                .map(|(n, how)| format!("{n} {how}"))
                .collect();
            row.push(if said.is_empty() {
                Cell::plain("none")
            } else {
                Cell::plain(said.join(", ")).bad()
            });
        }
    }

    fn published(&mut self) {
        if self.group.work() != "delivery" {
            return;
        }
        self.columns.push(Column::words("published by"));
        let load = if self.group.scenario.is_two_way() {
            "subscribers"
        } else {
            "relay"
        };
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            row.push(match arm.publisher() {
                Some(Publisher::Server) => Cell::plain("itself"),
                Some(Publisher::Load) => Cell::plain(load),
                None => Cell::absent(""),
            });
        }
    }
}

/// `2.14× floor` and its interval.
pub(crate) fn times_floor(ratio: &pushbench_stats::Estimate) -> String {
    let number = |value| significant(value, 3);
    let interval = ratio.interval.map_or_else(String::new, |interval| {
        format!(" ({}–{})", number(interval.low), number(interval.high))
    });
    format!("{}×{THIN}floor{interval}", number(ratio.value))
}

/// Whether the merged percentile lies outside the interval of the repetitions' own percentiles, by more than the
/// resolution of a histogram.
fn outside_interval(arm: &Arm<'_>, metric: Metric) -> bool {
    const RESOLUTION: f64 = 1.001;
    let Some(figure) = arm.figure(metric) else {
        return false;
    };
    figure.interval.is_some_and(|interval| {
        figure.value * RESOLUTION < interval.low || figure.value > interval.high * RESOLUTION
    })
}

fn is_uneven(arm: &Arm<'_>, group: &Group<'_>) -> bool {
    [P50, P99]
        .iter()
        .any(|&rank| outside_interval(arm, Metric::Percentile(group.main_series(), rank)))
}
