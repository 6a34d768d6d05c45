//! The tables of an anatomy.

use pushbench_model::anatomy::{Anatomy, Calls, Counting, Quartiles, Row, Rung, Side, Stage};

use super::{sorted, stages, words};
use crate::number::{Scale, THIN, Unit, ratio, significant, whole};
use crate::table::{Cell, Column, Table};

/// Everything that was measured of a stage; columns in which no row has a figure are left out.
pub(crate) fn stage_table(anatomy: &Anatomy, stage: &Stage) -> Table {
    let rows = sorted(stage);
    let time = Unit::Time.scale(rows.iter().map(|row| row.cpu_ns.median));
    let mut columns = vec![Column::words("rung"), Column::numbers("CPU", time.symbol)];
    let mut cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| vec![Cell::plain(row.rung.label()), quartiles(&row.cpu_ns, &time)])
        .collect();
    let mut column = |column: Column, cell: &dyn Fn(&Row) -> Option<Cell>| {
        let figures: Vec<Option<Cell>> = rows.iter().map(|row| cell(row)).collect();
        if figures.iter().any(Option::is_some) {
            columns.push(column);
            for (row, figure) in cells.iter_mut().zip(figures) {
                row.push(figure.unwrap_or_else(|| Cell::plain("–")));
            }
        }
    };
    column(Column::numbers("times the floor", "×"), &|row| {
        let floor = (row.rung == Rung::Floor).then(|| Cell::plain("1"));
        row.times_floor.as_ref().map(times).or(floor)
    });
    let instructions = |of: fn(&Row) -> Option<f64>| {
        move |row: &Row| of(row).map(|value| Cell::plain(counted_figure(value)))
    };
    column(
        Column::numbers("user instructions", ""),
        &instructions(|row| row.user_instructions),
    );
    column(
        Column::numbers("kernel instructions", ""),
        &instructions(|row| row.kernel_instructions),
    );
    column(
        Column::numbers("instructions, program and kernel", ""),
        &|row| {
            row.instructions
                .map(|count| executed(count, row.instructions_times_floor.as_ref()))
        },
    );
    column(
        Column::numbers("cycles", ""),
        &instructions(|row| row.cycles),
    );
    let bytes = |of: fn(&Row) -> Option<f64>| {
        move |row: &Row| of(row).map(|value| Cell::plain(bytes_figure(value)))
    };
    column(
        Column::numbers("bytes down", ""),
        &bytes(|row| row.bytes_down),
    );
    column(Column::numbers("bytes up", ""), &bytes(|row| row.bytes_up));
    column(Column::numbers("system calls", ""), &|row| {
        row.calls.as_ref().map(calls)
    });
    let p50 = Unit::Time.scale(rows.iter().filter_map(|row| row.p50_ns).map(|ns| ns as f64));
    column(Column::numbers("response p50", p50.symbol), &|row| {
        row.p50_ns.map(|ns| Cell::plain(p50.number(ns as f64)))
    });

    let mut table = Table::new("per delivery", columns);
    for (row, cells) in rows.iter().zip(cells) {
        table.row(&row.name, cells);
    }
    table.notes = notes(anatomy, stage);
    table
}

/// With more subscribers tools count floor and framing at most.
const ALL_UNDER_TOOLS: u32 = 100;

fn notes(anatomy: &Anatomy, stage: &Stage) -> Vec<String> {
    let mut notes = vec![format!(
        "Small figures: the middle half of {} slices. Bytes are TCP payload, down from the server, up to it.",
        whole(u64::from(stage.turns.unwrap_or(anatomy.turns)))
    )];
    let any = |has: fn(&Row) -> bool| stage.rows.iter().any(has);
    let by_callgrind = matches!(anatomy.counting, Counting::Callgrind { .. });
    let is_counted = |row: &Row| row.user_instructions.is_some();
    if any(is_counted) {
        notes.push(words::counting(&anatomy.counting));
    }
    let all = |has: fn(&Row) -> bool| stage.rows.iter().all(has);
    let is_traced = |row: &Row| row.calls.is_some();
    let left_out = by_callgrind && !all(is_counted) || any(is_traced) && !all(is_traced);
    if left_out && stage.subscribers > ALL_UNDER_TOOLS {
        notes.push(words::NOT_COUNTED.into());
    } else if !by_callgrind && !any(is_counted) && !any(|row| row.instructions.is_some()) {
        notes.push(words::counting(&anatomy.counting));
    }
    if any(|row| row.instructions.is_some()) {
        notes.extend(anatomy.emulation.as_ref().map(words::emulation));
        let is_part = |row: &Row| {
            row.user_instructions
                .zip(row.instructions)
                .is_none_or(|(part, whole)| part <= whole)
        };
        if by_callgrind && !stage.rows.iter().all(is_part) {
            notes.push(words::REPEATED.into());
        }
    }
    if any(is_traced) {
        notes.push(
            "System calls that failed (mostly a read that found nothing) are among those above them."
                .into(),
        );
    }
    if stage.subscribers == 1 {
        notes.push(words::ONE_SUBSCRIBER.into());
    }
    notes
}

/// Median, with the middle half of the slices under it.
pub(super) fn quartiles(q: &Quartiles, scale: &Scale) -> Cell {
    Cell::plain(scale.number(q.median)).under(format!(
        "{}–{}",
        scale.number(q.low),
        scale.number(q.high)
    ))
}

/// The multiple of the floor, likewise.
pub(super) fn times(q: &Quartiles) -> Cell {
    Cell::plain(ratio(q.median, (q.low, q.high))).under(words::range(q))
}

/// A count per delivery: whole where it is large.
pub(super) fn counted_figure(value: f64) -> String {
    if value >= 1000.0 {
        whole(value.round() as u64)
    } else {
        significant(value, 3)
    }
}

/// Instructions of program and kernel, and under them how many times the floor's they are, as [`times`] has it.
pub(super) fn executed(count: f64, times_floor: Option<&Quartiles>) -> Cell {
    let cell = Cell::plain(counted_figure(count));
    match times_floor {
        Some(q) => cell
            .under(format!("{}×", ratio(q.median, (q.low, q.high))))
            .under(words::range(q)),
        None => cell,
    }
}

/// Bytes per delivery: mostly whole, since a message is as long as any other.
fn bytes_figure(value: f64) -> String {
    let tenths = format!("{value:.1}");
    match tenths.strip_suffix(".0").and_then(|n| n.parse().ok()) {
        Some(n) => whole(n),
        None => tenths,
    }
}

/// All calls, and under them of which kind they are.
fn calls(calls: &Calls) -> Cell {
    let kinds = [
        ("write", calls.writes),
        ("read", calls.reads),
        ("wait", calls.waits),
        ("other", calls.others),
    ];
    let total: f64 = kinds.iter().map(|(_, n)| n).sum();
    let seen = |n: f64| n >= 0.0005;
    let said: Vec<String> = kinds
        .into_iter()
        .filter(|(_, n)| seen(*n))
        .map(|(kind, n)| format!("{kind}{THIN}{}", figure(n)))
        .collect();
    let mut cell = Cell::plain(figure(total));
    if !said.is_empty() {
        cell = cell.under(said.join(", "));
    }
    if seen(calls.failed) {
        cell = cell.under(format!("failed{THIN}{}", figure(calls.failed)));
    }
    cell
}

/// A number of calls per delivery: they are about one, and three decimals say more than three digits.
fn figure(calls: f64) -> String {
    if calls >= 10.0 {
        significant(calls, 3)
    } else {
        format!("{calls:.2}")
    }
}

/// Who took part.
pub(crate) fn contenders(anatomy: &Anatomy) -> Table {
    let mut table = Table::new(
        "contender",
        ["side", "rung", "what it is"].map(Column::words).into(),
    );
    for side in Side::ALL {
        let mut rows: Vec<&Row> = Vec::new();
        for row in stages(anatomy, side).iter().flat_map(|stage| &stage.rows) {
            if !rows.iter().any(|known| known.name == row.name) {
                rows.push(row);
            }
        }
        rows.sort_by_key(|row| super::place(row));
        for row in rows {
            let facts = [side.label(), row.rung.label(), &row.about];
            table.row(&row.name, facts.map(Cell::plain).into());
        }
    }
    table
}

/// Who did not, and why.
pub(crate) fn left_out(anatomy: &Anatomy) -> Option<Table> {
    let mut table = Table::new(
        "left out",
        ["side", "stages", "why"].map(Column::words).into(),
    );
    for one in &anatomy.left_out {
        let at = one
            .subscribers
            .map_or_else(|| "all".into(), words::subscribers);
        let cells = [one.side.label().to_owned(), at, one.reason.clone()];
        table.row(&one.name, cells.map(Cell::plain).into());
    }
    (!table.rows.is_empty()).then_some(table)
}
