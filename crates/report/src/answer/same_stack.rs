//! Transports against each other on the same stack: the comparison in which nothing but the transport differs.

use super::Verdicts;
use super::family::transport_figures;
use super::words::in_short;
use crate::metric::Metric;
use crate::results::Group;
use crate::table::{Cell, Column, Table};

/// A row per pair of transports that one stack speaks, a column per figure; `None` where no stack speaks two.
pub(crate) fn same_stack(group: &Group<'_>, verdicts: &Verdicts) -> Option<Table> {
    let figures = transport_figures(group).into_iter();
    let figures: Vec<Metric> = figures.filter(|&metric| group.has(metric)).collect();
    let columns = figures.iter().map(|&metric| {
        let indicative = if group.is_indicative(metric) {
            ", indicative"
        } else {
            ""
        };
        let unit = format!("ratio ({}{indicative})", group.tier.code());
        Column::numbers(metric.label(group.work()), unit)
    });
    let mut table = Table::new("stack and transports", columns.collect());
    for (second, base) in group.arms.iter().enumerate() {
        for (first, other) in group.arms.iter().enumerate().skip(second + 1) {
            if other.server.stack != base.server.stack {
                continue;
            }
            let cell = |&metric: &Metric| {
                let compared = verdicts.find(first, second, metric);
                compared.map_or_else(|| Cell::absent(""), |compared| in_short(&compared))
            };
            table.row(
                format!(
                    "{}: {} to {}",
                    base.server.stack, other.server.transport, base.server.transport
                ),
                figures.iter().map(cell).collect(),
            );
        }
    }
    let mut cells = table.rows.iter().flat_map(|row| &row.cells);
    cells.any(|cell| cell.text != "n/a").then_some(table)
}
