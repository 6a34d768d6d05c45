//! How long things took: a row per histogram.

use pushbench_model::drive::histogram;
use pushbench_stats::percentile;

use super::{Driven, SHOWN};
use crate::number::{Unit, whole};
use crate::table::{Cell, Column, Table};

const RANKS: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// What the histogram called `name` holds, in words.
#[must_use]
pub fn name(name: &str) -> &str {
    match name {
        histogram::RESPONSE => "response time",
        histogram::SERVICE => "service time",
        histogram::GAP => "gap between messages",
        histogram::FIRST_BYTE => "request to first byte",
        histogram::FIRST_MESSAGE => "start to first message",
        histogram::CONNECT => "connecting",
        histogram::LATENESS => "publisher's lateness",
        other => other,
    }
}

/// Percentiles of everything that was timed; each figure has its own unit, since their sizes differ by thousands.
pub(crate) fn table(driven: &Driven<'_>) -> Table {
    let mut columns: Vec<Column> = RANKS
        .iter()
        .map(|(label, _)| Column::numbers(*label, ""))
        .collect();
    columns.extend([Column::numbers("max", ""), Column::numbers("n", "")]);
    let mut table = Table::new("time", columns);
    for shown in SHOWN {
        let Some(samples) = driven.samples(shown) else {
            continue;
        };
        let lost = driven.lost_beside(shown);
        let mut cells: Vec<Cell> = RANKS
            .iter()
            .map(|&(_, q)| {
                let rank = percentile(samples, lost, q);
                let scale = Unit::Time.scale(rank.value());
                let mut cell = Cell::percentile(rank, &scale);
                if rank.value().is_some() {
                    cell.text += &format!("\u{202f}{}", scale.symbol);
                } else {
                    // The count has a column of its own.
                    cell.small.clear();
                }
                cell
            })
            .collect();
        let max = samples.max() as f64;
        cells.push(if lost > 0 {
            Cell::plain("lost").bad()
        } else {
            Cell::plain(Unit::Time.scale([max]).with_unit(max))
        });
        cells.push(Cell::plain(whole(samples.len() + lost)));
        table.row(name(shown), cells);
    }
    let none = |cell: &Cell| cell.text == "n/a";
    if table.rows.iter().flat_map(|row| &row.cells).any(none) {
        table.notes.push(
            "n/a: fewer than ten samples would lie beyond it, so it would be an accident.".into(),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::sample;

    fn rows(report: &pushbench_model::drive::DriveReport) -> Vec<String> {
        let table = table(&Driven::new(report).unwrap());
        let row = |row: &crate::table::Row| {
            let cells: Vec<&str> = row.cells.iter().map(|c| c.text.as_str()).collect();
            format!("{}: {}", row.name, cells.join(" | ")).replace('\u{202f}', " ")
        };
        table.rows.iter().map(row).collect()
    }

    #[test]
    fn what_too_few_samples_carry_is_absent() {
        let rows = rows(&sample::with_latency());
        assert_eq!(
            rows[0],
            "response time: 1.10 ms | 1.82 ms | 1.98 ms | 2.00 ms | 2.00 ms | 40 000"
        );
        assert_eq!(
            rows[3],
            "request to first byte: 594 µs | n/a | n/a | n/a | 900 µs | 50"
        );
    }

    #[test]
    fn what_never_came_is_later_than_all() {
        let mut report = sample::with_latency();
        report.published.as_mut().unwrap().missing = 400;
        let rows = rows(&report);
        assert!(rows[0].ends_with("lost | lost | 40 400"), "{}", rows[0]);
        assert!(!rows[2].contains("lost"), "{}", rows[2]);
    }
}
