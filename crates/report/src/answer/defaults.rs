//! What a newcomer pays for not setting anything: a server's defaults over the same server equalised.

use pushbench_model::tuning::Tuning;

use super::table::headline;
use super::words::ratio_in_short;
use crate::metric::{Metric, P99, Side};
use crate::results::{Basis, Group};
use crate::table::{Cell, Column, Table};

/// A row per server that was measured in both tunings; ratios without verdicts, because verdicts never mix tunings.
pub(crate) fn defaults_cost(question: &[Group<'_>]) -> Option<Table> {
    let of = |tuning| question.iter().find(|group| group.tuning == tuning);
    let (equalised, defaults) = (of(Tuning::Equalised)?, of(Tuning::Defaults)?);
    let figures = [
        headline(defaults),
        Metric::Percentile(defaults.main_series(), P99),
        Metric::Cpu(Side::Server),
        Metric::Cpu(Side::Load),
        defaults.instructions(Side::Server),
        defaults.memory(Side::Server),
        Metric::Bytes,
        Metric::Segments,
    ];
    let figures: Vec<Metric> = figures.into_iter().filter(|&m| defaults.has(m)).collect();
    let work = defaults.work();
    let columns = figures
        .iter()
        .map(|metric| Column::numbers(metric.label(work), "ratio"));
    let mut table = Table::new("server", columns.collect());
    for arm in &defaults.arms {
        let twin = equalised
            .arms
            .iter()
            .find(|twin| twin.label() == arm.label() && twin.server.tuning != arm.server.tuning);
        let Some(twin) = twin.filter(|twin| !twin.valid.is_empty() && !arm.valid.is_empty()) else {
            continue;
        };
        let cell = |&metric: &Metric| {
            let Some(ratio) = defaults.ratio(arm, twin, metric) else {
                return Cell::absent("");
            };
            let cell = ratio_in_short(&ratio.estimate, metric.is_exact());
            match ratio.basis {
                Basis::Slices => cell.under("by slices"),
                Basis::Repetitions => cell,
            }
        };
        table.row(arm.label(), figures.iter().map(cell).collect());
    }
    (!table.rows.is_empty()).then_some(table)
}
