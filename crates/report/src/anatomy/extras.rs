//! Tables of what an anatomy holds besides its stages: what the instrument adds, and what a connection costs.

use pushbench_model::anatomy::{Anatomy, Compared, Rung, SetUp, Side};

use super::tables::{counted_figure, executed, quartiles, times};
use super::{order, words};
use crate::number::{Unit, significant, whole};
use crate::table::{Cell, Column, Table};

/// What the comparison of response times is about.
pub(crate) const INSTRUMENT: &str = "Response times are measured by a program, and what that program needs is part of \
    them. Here our subscriber and a raw epoll receiver, which finds the bodies in the same bytes and does nothing that it \
    need not, receive by turns from the same sending loop. A ratio of 1 means that the instrument adds nothing; below 1, \
    that it reads faster than the raw loop.";

/// What the table of connections is about.
pub(crate) const SETUP: &str = "What opening and closing one connection costs: connecting, the handshake of the transport, \
    and the end.";

/// Response times of our subscriber and of raw receivers; nothing where they were not compared.
pub(crate) fn instrument(anatomy: &Anatomy) -> Option<Table> {
    if anatomy.instrument.is_empty() {
        return None;
    }
    let medians = |of: fn(&Compared) -> f64| {
        let both = anatomy
            .instrument
            .iter()
            .flat_map(|one| [&one.p50, &one.p99]);
        both.map(of).collect::<Vec<_>>()
    };
    let ours = medians(|one| one.ours_ns.median);
    let scale = Unit::Time.scale(ours.into_iter().chain(medians(|one| one.raw_ns.median)));
    let time = |name: &str| Column::numbers(name, scale.symbol);
    let mut table = Table::new(
        "transport",
        vec![
            Column::numbers("subscribers", ""),
            time("p50 ours"),
            time("p50 raw"),
            Column::numbers("p50 ratio", "×"),
            time("p99 ours"),
            time("p99 raw"),
            Column::numbers("p99 ratio", "×"),
        ],
    );
    let mut rows: Vec<_> = anatomy.instrument.iter().collect();
    rows.sort_by_key(|one| (one.subscribers, order(&one.transport)));
    for one in rows {
        let mut cells = vec![Cell::plain(whole(u64::from(one.subscribers)))];
        for compared in [&one.p50, &one.p99] {
            let ratio = &compared.ratio;
            cells.extend([
                Cell::plain(scale.number(compared.ours_ns.median)),
                Cell::plain(scale.number(compared.raw_ns.median)),
                Cell::plain(significant(ratio.median, 3)).under(words::range(ratio)),
            ]);
        }
        table.row(&one.transport, cells);
    }
    let deliveries: Vec<String> = {
        let mut seen: Vec<(u32, u64)> = Vec::new();
        for one in &anatomy.instrument {
            if !seen.contains(&(one.subscribers, one.deliveries)) {
                seen.push((one.subscribers, one.deliveries));
            }
        }
        let said = |(n, deliveries): (u32, u64)| {
            format!("{} with {}", whole(deliveries), words::subscribers(n))
        };
        seen.into_iter().map(said).collect()
    };
    table.notes = vec![
        format!(
            "Each of {} slices has percentiles of its own, and a ratio divides those of one turn; shown are medians over \
             the slices, small: the middle half. Deliveries of a slice: {}.",
            whole(u64::from(anatomy.turns)),
            deliveries.join(", ")
        ),
        "One message is sent when the last has arrived everywhere. With one subscriber this is the way of a single \
         message, waking up included; with more, half of them wait for the writes of the sender's loop before theirs."
            .into(),
    ];
    Some(table)
}

/// What a connection costs on `side`; nothing where it was not counted.
pub(crate) fn setup(anatomy: &Anatomy, side: Side) -> Option<Table> {
    let mut rows: Vec<&SetUp> = anatomy
        .setups
        .iter()
        .filter(|one| one.side == side)
        .collect();
    rows.sort_by_key(|one| {
        let rung = Rung::ALL.iter().position(|rung| *rung == one.rung);
        let transport = match one.rung {
            Rung::Floor => 0,
            _ => 1 + order(&one.transport),
        };
        (transport, rung)
    });
    let time = Unit::Time.scale(rows.iter().filter_map(|one| Some(one.cpu_ns?.median)));
    let mut columns = Vec::new();
    let mut cells: Vec<Vec<Cell>> = rows.iter().map(|_| Vec::new()).collect();
    let mut column = |column: Column, cell: &dyn Fn(&SetUp) -> Option<Cell>| {
        let figures: Vec<Option<Cell>> = rows.iter().map(|row| cell(row)).collect();
        if figures.iter().any(Option::is_some) {
            columns.push(column);
            for (row, figure) in cells.iter_mut().zip(figures) {
                row.push(figure.unwrap_or_else(|| Cell::plain("–")));
            }
        }
    };
    column(Column::numbers("CPU", time.symbol), &|one| {
        one.cpu_ns.map(|q| quartiles(&q, &time))
    });
    // Of the floor by itself, 1 says nothing.
    let held = rows.iter().any(|one| one.times_floor.is_some());
    column(Column::numbers("times the floor", "×"), &|one| {
        let floor = (held && one.rung == Rung::Floor).then(|| Cell::plain("1"));
        one.times_floor.as_ref().map(times).or(floor)
    });
    let count = |of: fn(&SetUp) -> Option<f64>| {
        move |one: &SetUp| of(one).map(|value| Cell::plain(counted_figure(value)))
    };
    column(
        Column::numbers("user instructions", ""),
        &count(|one| one.user_instructions),
    );
    column(
        Column::numbers("instructions, program and kernel", ""),
        &|one| {
            one.instructions
                .map(|count| executed(count, one.instructions_times_floor.as_ref()))
        },
    );
    column(Column::numbers("system calls", ""), &count(|one| one.calls));
    column(
        Column::numbers("allocations", ""),
        &count(|one| one.allocations),
    );
    let mut table = Table::new("per connection", columns);
    for (row, cells) in rows.iter().zip(cells) {
        table.row(&row.name, cells);
    }
    let timed = if rows.iter().any(|one| one.cpu_ns.is_some()) {
        "Processor time is the program's and the kernel's, one connection after the other, in slices that took turns; \
         small: their middle half. "
    } else {
        ""
    };
    table.notes.push(format!(
        "{timed}Counts are of the program alone{}, in runs of their own that differ in nothing but the number of connections.",
        if rows.iter().any(|one| one.instructions.is_some()) {
            " where nothing else is said"
        } else {
            ""
        }
    ));
    if rows.iter().any(|one| one.instructions.is_some()) {
        let notes = anatomy.emulation.as_ref().map(words::emulation);
        table.notes.extend(notes);
    }
    (!table.rows.is_empty()).then_some(table)
}
