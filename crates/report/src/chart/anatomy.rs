//! What a delivery costs, rung on rung: a stacked bar per stack that stands on top of its transport's rungs.

use pushbench_model::anatomy::{Rung, Stage};

use super::common::bar_entry;
use super::palette::Role;
use super::rows::{Lane, Mark, Rows, ServerRow};
use super::scale::zero_range;
use super::{Figure, LegendEntry, Palette, Room};
use crate::anatomy::{Figure as Measure, Ladder, Step, ladders, sorted};
use crate::number::{Scale, Unit, capitalised, significant};
use crate::table::{Cell, Column, Table};

/// Parts of a bar that are narrower than this share of the axis stand without a gap.
const GAP: f64 = 0.02;
/// Rungs that stand on a ladder, from below.
const RUNGS: [Rung; 4] = [Rung::Floor, Rung::Framing, Rung::Library, Rung::Defaults];

/// The charts of `stage`: processor time, and instructions of program and kernel and of the program alone where they were counted.
pub(crate) fn figures(stage: &Stage, palette: &Palette) -> Vec<Figure> {
    let of = |measure| figure(stage, measure, palette);
    // Who counts for himself needs nobody who stands in for him.
    let both = of(Measure::Instructions).or_else(|| of(Measure::Emulated));
    let figures = [of(Measure::Cpu), both, of(Measure::UserInstructions)];
    figures.into_iter().flatten().collect()
}

fn figure(stage: &Stage, measure: Measure, palette: &Palette) -> Option<Figure> {
    let ladders = ladders(stage, measure);
    if ladders.is_empty() {
        return None;
    }
    let totals = || ladders.iter().map(|ladder| ladder.top().total);
    let (unit, what) = match measure {
        Measure::Cpu => (Unit::Time, "processor time"),
        Measure::Instructions | Measure::Emulated => {
            (Unit::Count, "instructions of program and kernel")
        }
        Measure::UserInstructions => (Unit::Count, "user instructions"),
    };
    let scale = unit.scale(totals());
    let range = zero_range(totals());
    let rows = ladders
        .iter()
        .map(|ladder| row(ladder, &scale, range.1, palette));
    let chart = Rows {
        rows: rows.collect(),
        range,
        log: false,
        unit,
        reference: None,
    };
    let title = format!(
        "{} per delivery, {} side",
        capitalised(what),
        stage.side.label()
    );
    let caption = match measure {
        Measure::Cpu => {
            "Each bar ends at what the stack beside it costs, user and kernel time together; its parts are what each \
             rung adds to the one below. Compare bars of this chart only: the machine may be slower under another."
        }
        Measure::Instructions => {
            "Each bar ends at what the stack beside it needs in program and kernel together; its parts are what each rung adds to \
             the one below. Instructions are not time."
        }
        Measure::Emulated => {
            "Each bar ends at what the stack beside it needs in program and kernel together, as an emulated machine executed it; its \
             parts are what each rung adds to the one below. Instructions are not time."
        }
        Measure::UserInstructions => {
            "Each bar ends at what the stack beside it needs in the program alone; the kernel's share, most of a \
             delivery, is not in it."
        }
    };
    Some(Figure {
        meta: vec![
            match measure {
                Measure::Cpu | Measure::Emulated => "median of the slices".into(),
                Measure::Instructions | Measure::UserInstructions => "counted".into(),
            },
            "lower is better".into(),
        ],
        caption: caption.into(),
        findings: [
            not_dearer(&ladders, &scale),
            not_counted(stage, measure, what),
        ]
        .into_iter()
        .flatten()
        .map(|text| (None, text))
        .collect(),
        room: Room::Half,
        panels: vec![chart.panel(&title)],
        legend: legend(&ladders),
        legend_on_phones_only: false,
        data: data(&ladders, &scale),
        title,
    })
}

/// The floor is grey, and a transport's colour pales from rung to rung.
fn look(rung: Rung, role: Role) -> (Role, f64) {
    match rung {
        Rung::Floor => (Role::Neutral, 1.0),
        Rung::Framing => (role, 1.0),
        Rung::Library => (role, 0.6),
        Rung::Defaults | Rung::Variant => (role, 0.3),
    }
}

fn row(ladder: &Ladder<'_>, scale: &Scale, reach: f64, palette: &Palette) -> ServerRow {
    let top = ladder.top();
    let transport = palette.transport(&top.row.transport);
    let drawn = || ladder.steps.iter().filter(|step| step.to > step.from);
    let mut marks: Vec<Mark> = drawn()
        .map(|step| {
            let (role, opacity) = look(step.row.rung, transport);
            Mark::Bar {
                from: step.from,
                to: step.to,
                role,
                opacity,
            }
        })
        .collect();
    // A gap between parts, where both are wide enough to spare it.
    let steps: Vec<_> = drawn().collect();
    let wide = |step: &Step<'_>| step.to - step.from > GAP * reach;
    let gaps = steps
        .windows(2)
        .filter(|pair| wide(pair[0]) && wide(pair[1]));
    marks.extend(gaps.map(|pair| Mark::Stroke {
        at: pair[1].from,
        role: Role::Paper,
    }));
    ServerRow {
        label: top.row.name.clone(),
        lanes: vec![Lane {
            marks,
            value: scale.with_unit(top.total),
        }],
    }
}

fn legend(ladders: &[Ladder<'_>]) -> Vec<LegendEntry> {
    let there = |rung: &Rung| {
        let mut steps = ladders.iter().flat_map(|ladder| &ladder.steps);
        steps.any(|step| step.row.rung == *rung)
    };
    let entry = |rung: Rung| {
        let (role, opacity) = look(rung, Role::Text);
        let label = match rung {
            Rung::Floor => "floor (grey)",
            Rung::Framing => "+ framing (full colour)",
            Rung::Library => "+ library (paler)",
            Rung::Defaults | Rung::Variant => "+ defaults or framework (palest)",
        };
        bar_entry(label, role, opacity)
    };
    RUNGS.into_iter().filter(there).map(entry).collect()
}

/// Rungs that add nothing, so that nobody looks for them in the bars.
fn not_dearer(ladders: &[Ladder<'_>], scale: &Scale) -> Option<String> {
    let mut said: Vec<String> = Vec::new();
    for (below, step) in ladders.iter().flat_map(Ladder::not_dearer) {
        let one = format!(
            "{} ({}; {}: {})",
            step.row.name,
            scale.with_unit(step.total),
            below.row.name,
            scale.with_unit(below.total)
        );
        if !said.contains(&one) {
            said.push(one);
        }
    }
    (!said.is_empty()).then(|| {
        format!(
            "Not dearer than the rung below, so without a part of its own: {}.",
            said.join(", ")
        )
    })
}

/// Stacks that were measured, and whose `what` was not counted: their part is missing.
fn not_counted(stage: &Stage, measure: Measure, what: &str) -> Option<String> {
    let missing: Vec<&str> = sorted(stage)
        .into_iter()
        .filter(|row| row.rung != Rung::Variant && measure.of(row).is_none())
        .map(|row| row.name.as_str())
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "{} of {} were not counted here.",
            capitalised(what),
            missing.join(", ")
        )
    })
}

fn data(ladders: &[Ladder<'_>], scale: &Scale) -> Table {
    let mut columns: Vec<Column> = RUNGS
        .iter()
        .map(|rung| match rung {
            Rung::Floor => Column::numbers(rung.label(), scale.symbol),
            _ => Column::numbers(format!("+ {}", rung.label()), scale.symbol),
        })
        .collect();
    columns.push(Column::numbers("total", scale.symbol));
    columns.push(Column::numbers("over the floor", "×"));
    let mut table = Table::new("stack", columns);
    for ladder in ladders {
        let mut cells = Vec::new();
        let mut below = 0.0;
        for rung in RUNGS {
            let step = ladder.steps.iter().find(|step| step.row.rung == rung);
            cells.push(step.map_or_else(
                || Cell::plain("–"),
                |step| {
                    let added = step.total - below;
                    below = step.total;
                    Cell::plain(scale.number(added))
                },
            ));
        }
        let top = ladder.top();
        let floor = ladder.steps.first().filter(|s| s.row.rung == Rung::Floor);
        cells.push(Cell::plain(scale.number(top.total)));
        cells.push(floor.filter(|f| f.total > 0.0).map_or_else(
            || Cell::plain("–"),
            |floor| Cell::plain(significant(top.total / floor.total, 3)),
        ));
        table.row(&top.row.name, cells);
    }
    table.notes.push(
        "Differences of medians; a negative one means that the rung is not dearer than the one below it. The quotient \
         is of medians too; the table of the stage has the median of quotients, which is steadier."
            .into(),
    );
    table
}
