//! Transports against each other on the same stack: the comparison in which nothing but the transport differs.

use super::statement::{BEYOND, ratio_digits, spans_one, within_margin};
use super::table::headline;
use crate::metric::{Metric, P99, Side};
use crate::number::significant;
use crate::results::{Arm, Group};
use crate::table::{Cell, Column, Table};
use pushbench_stats::FEWEST_PAIRS;

/// A row per pair of transports that one stack speaks, a column per figure; `None` where no stack speaks two.
pub(crate) fn same_stack(group: &Group<'_>) -> Option<Table> {
    let metrics = [
        headline(group),
        Metric::Percentile(group.main_series(), P99),
        Metric::Cpu(Side::Server),
        Metric::Cpu(Side::Load),
        group.instructions(Side::Server),
        Metric::Bytes,
    ];
    let metrics: Vec<Metric> = metrics.into_iter().filter(|&m| group.has(m)).collect();
    let columns = metrics
        .iter()
        .map(|m| Column::numbers(m.label(group.work()), "ratio"));
    let mut table = Table::new("stack and transports", columns.collect());
    for (index, base) in group.arms.iter().enumerate() {
        let others = group.arms[index + 1..].iter();
        for other in others.filter(|other| other.server.stack == base.server.stack) {
            let name = format!(
                "{}: {} to {}",
                base.server.stack, other.server.transport, base.server.transport
            );
            table.row(
                name,
                metrics.iter().map(|&m| cell(other, base, m)).collect(),
            );
        }
    }
    let any = table
        .rows
        .iter()
        .flat_map(|row| &row.cells)
        .any(|cell| cell.text != "n/a");
    any.then_some(table)
}

fn cell(arm: &Arm<'_>, base: &Arm<'_>, metric: Metric) -> Cell {
    let Some(ratio) = arm.ratio_to(base, metric) else {
        return Cell::absent("");
    };
    if ratio.n < FEWEST_PAIRS {
        return Cell::absent(format!("only {} pairs", ratio.n));
    }
    let digits = ratio_digits(&ratio, metric.is_exact());
    let number = |value| significant(value, digits);
    let mut cell = Cell::plain(number(ratio.value));
    let ends = ratio.interval.map(|i| [number(i.low), number(i.high)]);
    if let Some([low, high]) = ends.filter(|[low, high]| low != high) {
        cell = cell.under(format!("{low}–{high}"));
    }
    if spans_one(&ratio) {
        cell = cell.under("no difference shown");
    } else if within_margin(&ratio, metric) {
        cell = cell.under(format!("no difference {BEYOND}"));
    }
    cell
}
