//! The figures of an anatomy that have a goal, held against it.

mod list;

use pushbench_model::anatomy::{Anatomy, Quartiles, Row, Rung, Side, Stage};

use super::ladder::Figure as Count;
use super::{MAIN_SUBSCRIBERS, stages, tables, words};
use crate::goal::{self, Verdict};
use crate::table::{Cell, Table};
use list::{GOALS, Goal, Measure};

/// A figure, and what it is counted in.
struct Figure {
    value: f64,
    /// The middle half of the slices; a figure of a single run, or of two stages, has none.
    interval: Option<(f64, f64)>,
    unit: String,
}

impl Figure {
    fn counted(value: f64, unit: &str) -> Self {
        Self {
            value,
            interval: None,
            unit: unit.to_owned(),
        }
    }

    fn in_turns(quartiles: &Quartiles, unit: String) -> Self {
        Self {
            value: quartiles.median,
            interval: Some((quartiles.low, quartiles.high)),
            unit,
        }
    }

    fn verdict(&self, limit: f64) -> Verdict {
        Verdict::within(self.interval.unwrap_or((self.value, self.value)), limit)
    }
}

const TOTAL: &str = "instructions of program and kernel";
const EMULATED: &str = "instructions of program and kernel, emulated";
const USER: &str = "user instructions";
const TURNS: &str = "processor time in turns";

/// A figure held against its goal.
pub(crate) struct Held {
    goal: &'static Goal,
    name: &'static str,
    figure: Figure,
    pub(crate) verdict: Verdict,
}

/// All that can be held against a goal, in the order of the goals.
pub(crate) fn held(anatomy: &Anatomy) -> Vec<Held> {
    let mut held = Vec::new();
    for goal in &GOALS {
        for &name in goal.names {
            for figure in figures(anatomy, goal, name) {
                held.push(Held {
                    goal,
                    name,
                    verdict: figure.verdict(goal.limit),
                    figure,
                });
            }
        }
    }
    held
}

fn figures(anatomy: &Anatomy, goal: &Goal, name: &str) -> Vec<Figure> {
    match goal.measure {
        Measure::UserInstructions if is_polled(name) => {
            user_instructions_by_crowd(anatomy, goal.side, name)
        }
        Measure::UserInstructions => user_instructions(anatomy, goal.side, name)
            .into_iter()
            .collect(),
        Measure::TimesFloor => times_floor(anatomy, goal.side, name).into_iter().collect(),
        Measure::Together(batch) => together(anatomy, goal.side, name, batch)
            .into_iter()
            .collect(),
        Measure::P50 => p50(anatomy, name),
        Measure::SetUp => set_up(anatomy, goal.side, name),
    }
}

fn user_instructions(anatomy: &Anatomy, side: Side, name: &str) -> Option<Figure> {
    let counted = |stage: &Stage| stage.row(name)?.user_instructions;
    // The first that was counted.
    let value = stages(anatomy, side).into_iter().find_map(counted)?;
    Some(Figure::counted(value, USER))
}

/// Whether every delivery is an answer, with a head of its own.
fn is_polled(name: &str) -> bool {
    name.starts_with("long-poll/")
}

/// The same at each number of subscribers that is a crowd, or at the first there is: what they share of an answer decides.
fn user_instructions_by_crowd(anatomy: &Anatomy, side: Side, name: &str) -> Vec<Figure> {
    let counted = |stage: &&Stage| {
        let value = stage.row(name)?.user_instructions?;
        let subscribers = words::subscribers(stage.subscribers);
        Some(Figure::counted(value, &format!("{USER}, {subscribers}")))
    };
    let stages = stages(anatomy, side);
    let is_crowd = |stage: &&&Stage| stage.batch == 1 && stage.subscribers >= MAIN_SUBSCRIBERS;
    let crowds: Vec<Figure> = stages.iter().filter(is_crowd).filter_map(counted).collect();
    if crowds.is_empty() {
        return stages.iter().find_map(counted).into_iter().collect();
    }
    crowds
}

/// How many times as many instructions of program and kernel `own` has as `other`, by the same `count`.
fn multiple(own: &Row, other: &Row, count: Count, unit: &str) -> Option<Figure> {
    let other = count.of(other).filter(|other| *other > 0.0)?;
    Some(Figure::counted(count.of(own)? / other, unit))
}

fn times_floor(anatomy: &Anatomy, side: Side, name: &str) -> Option<Figure> {
    let stage = *stages(anatomy, side).first()?;
    let row = stage.row(name)?;
    let floor = stage.rows.iter().find(|row| row.rung == Rung::Floor);
    let in_turns = |times: &Option<Quartiles>, unit: &str| {
        let times = times.as_ref()?;
        Some(Figure::in_turns(times, unit.to_owned()))
    };
    floor
        .and_then(|floor| multiple(row, floor, Count::Instructions, TOTAL))
        .or_else(|| in_turns(&row.instructions_times_floor, EMULATED))
        .or_else(|| in_turns(&row.times_floor, TURNS))
}

fn together(anatomy: &Anatomy, side: Side, name: &str, batch: u32) -> Option<Figure> {
    let alone = *stages(anatomy, side).first()?;
    let several = anatomy.stage(side, alone.subscribers, batch);
    let counted = several.filter(|_| alone.batch == 1).and_then(|several| {
        let (together, alone) = (several.row(name)?, alone.row(name)?);
        multiple(together, alone, Count::Instructions, TOTAL)
            .or_else(|| multiple(together, alone, Count::Emulated, EMULATED))
    });
    if counted.is_some() {
        return counted;
    }
    let pair = anatomy
        .batching
        .iter()
        .find(|one| one.name == name && one.batch == batch)?;
    Some(Figure::in_turns(&pair.ratio, TURNS.into()))
}

fn p50(anatomy: &Anatomy, name: &str) -> Vec<Figure> {
    let transport = name.split('/').next().unwrap_or(name);
    let of = anatomy
        .instrument
        .iter()
        .filter(|one| one.transport == transport);
    of.map(|one| {
        let subscribers = words::subscribers(one.subscribers);
        Figure::in_turns(
            &one.p50.ratio,
            format!("response times in turns, {subscribers}"),
        )
    })
    .collect()
}

/// Instructions and time both, where both were measured: a processor may have instructions for a part of it, the emulated one has not.
fn set_up(anatomy: &Anatomy, side: Side, name: &str) -> Vec<Figure> {
    let setups = || anatomy.setups.iter().filter(move |one| one.side == side);
    let Some(own) = setups().find(|one| one.name == name) else {
        return Vec::new();
    };
    let figures = [
        (own.instructions_times_floor.as_ref(), EMULATED),
        (own.times_floor.as_ref(), TURNS),
    ];
    let in_turns =
        |(times, unit): (Option<&Quartiles>, &str)| Some(Figure::in_turns(times?, unit.into()));
    figures.into_iter().filter_map(in_turns).collect()
}

/// Every figure with its goal and how they stand; nothing where none was measured.
pub(crate) fn goals(anatomy: &Anatomy) -> Option<Table> {
    let rows = held(anatomy).into_iter().map(|one| {
        let absolute = one.goal.measure == Measure::UserInstructions;
        let (value, limit) = (one.figure.value, one.goal.limit);
        goal::Row {
            name: one.name.into(),
            goal: one.goal.what,
            verdict: one.verdict,
            measured: if absolute {
                Cell::plain(tables::counted_figure(value))
            } else {
                goal::times(value, one.figure.interval)
            },
            limit: Cell::plain(if absolute {
                tables::counted_figure(limit)
            } else {
                format!("{limit:.2}×")
            }),
            unit: one.figure.unit,
        }
    });
    let mut table = goal::table("contender", rows.collect());
    if table.rows.is_empty() {
        return None;
    }
    table.notes = notes(anatomy);
    Some(table)
}

fn notes(anatomy: &Anatomy) -> Vec<String> {
    let mut notes = vec![
        "Undecided: the interval, which is the middle half of the slices, crosses the goal. More slices make it no narrower; \
         times are steadier on a quieter machine. A figure without an interval is a count of one run, or a quotient of two stages."
            .to_owned(),
    ];
    let side = |side| {
        stages(anatomy, side)
            .first()
            .map(|stage| words::stage_name(stage))
    };
    let named: Vec<String> = Side::ALL.into_iter().filter_map(side).collect();
    if !named.is_empty() {
        notes.push(format!(
            "Where no number of subscribers is given, the figures are those of the stage shown first: {}.",
            named.join("; ")
        ));
    }
    if held(anatomy)
        .iter()
        .any(|one| one.goal.measure == Measure::UserInstructions && is_polled(one.name))
    {
        notes.push(
            "long-poll: an answer has a head of its own, and a poll is read for it. A head is made once for all who ask from the \
             same place, so that the figure falls with their number. The goal was stated for a thousand subscribers."
                .into(),
        );
    }
    let known = stages(anatomy, Side::Server)
        .iter()
        .flat_map(|stage| &stage.rows)
        .any(|row| {
            Count::Instructions
                .of(row)
                .or(Count::Emulated.of(row))
                .is_some()
        });
    if !known {
        notes.push(
            "Goals that are multiples are meant for instructions of program and kernel together. This machine does not \
             count the kernel's, so processor time stands in for them: slices that took turns, each divided by the slice \
             of the same turn. An emulated machine counts them (scripts/install-extras emulator)."
                .into(),
        );
    }
    if held(anatomy).iter().any(|one| one.figure.unit == EMULATED) {
        notes.push(
            "Emulated: multiples are of instructions that an emulated machine has executed. It computes the hash of a \
             WebSocket's key step by step; most processors have instructions for that, and their time shows it."
                .into(),
        );
    }
    notes
}

/// Goals that some figure was held against, each with what it is for.
pub(crate) fn reasons(anatomy: &Anatomy) -> Vec<(&'static str, &'static str)> {
    let held = held(anatomy);
    let used = |goal: &&Goal| held.iter().any(|one| std::ptr::eq(one.goal, *goal));
    let goals = GOALS.iter().filter(used);
    goals.map(|goal| (goal.what, goal.why)).collect()
}

/// `17 met, 2 missed, 1 undecided`, and which were missed.
pub(crate) fn tally(anatomy: &Anatomy) -> Option<String> {
    let held = held(anatomy);
    let held = held.iter();
    goal::tally(held.map(|one| (one.name, one.goal.what, one.verdict)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_that_crosses_the_goal_decides_nothing() {
        let with = |low, high| {
            let quartiles = Quartiles {
                low,
                median: (low + high) / 2.0,
                high,
            };
            Figure::in_turns(&quartiles, String::new()).verdict(1.05)
        };
        assert_eq!(with(1.00, 1.05), Verdict::Met);
        assert_eq!(with(1.00, 1.051), Verdict::Undecided);
        assert_eq!(with(1.05, 1.2), Verdict::Undecided);
        assert_eq!(with(1.051, 1.2), Verdict::Missed);
        assert_eq!(Figure::counted(150.0, USER).verdict(150.0), Verdict::Met);
        assert_eq!(Figure::counted(150.1, USER).verdict(150.0), Verdict::Missed);
    }

    #[test]
    fn goals_are_told_apart() {
        for (at, goal) in GOALS.iter().enumerate() {
            assert!(GOALS[..at].iter().all(|other| other.what != goal.what));
            assert!(goal.why.ends_with('.') && goal.limit > 0.0 && !goal.names.is_empty());
        }
    }
}
