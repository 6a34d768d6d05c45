//! Connections that were cut on purpose: what was lost, doubled or out of order over all of them.

use pushbench_model::record::RecordedTrial;
use pushbench_model::scenario::{Cuts, Scenario, Workload};
use pushbench_model::theory::pushing::missed_while_away;

use crate::goal::Verdict;
use crate::number::{THIN, short, significant, whole};
use crate::results::{Arm, Group, Results};
use crate::table::{Cell, Column, Table};

/// Heading of the section.
pub(crate) const TITLE: &str = "Cuts, and what came of them";

/// What the section is, for a reader who comes upon it.
pub(crate) const INTRODUCTION: &str = "Connections that were cut in the middle of whatever was on the way, and the messages that their \
    subscribers never had, had twice, or had out of order: over all trials that measured, those too whose figures are not used because \
    something was lost. Where subscribers say where they were, and over polls, which always do, the goal is none of any over a thousand \
    cuts; fewer without a fault leave it undecided. Elsewhere what is lost is what was published meanwhile: rate times time away.";

/// Cuts without a fault that meet the goal.
const ENOUGH: u64 = 1000;

/// What the trials of one server came to.
#[derive(Default)]
struct Count {
    cuts: u64,
    away_s: f64,
    lost: u64,
    duplicated: u64,
    reordered: u64,
}

impl Count {
    fn of(arm: &Arm<'_>) -> Self {
        let mut sum = Self::default();
        for RecordedTrial { trial, .. } in arm.valid.iter().chain(&arm.unused) {
            let Some(measured) = &trial.measurement else {
                continue;
            };
            let Some(count) = measured.cuts else { continue };
            sum.cuts += count.cuts;
            sum.away_s += count.away_s;
            sum.lost += measured.sequence.lost;
            sum.duplicated += measured.sequence.duplicated;
            sum.reordered += measured.sequence.reordered;
        }
        sum
    }

    /// How it stands to the goal that nothing is lost where `resumed`, and nothing doubled or out of order anywhere.
    fn verdict(&self, resumed: bool) -> Verdict {
        let lost = if resumed { self.lost } else { 0 };
        match lost + self.duplicated + self.reordered {
            0 if self.cuts >= ENOUGH => Verdict::Met,
            0 => Verdict::Undecided,
            _ => Verdict::Missed,
        }
    }
}

/// A table for each scenario with cuts, under its name.
pub(crate) fn tables<'a>(results: &'a Results<'a>) -> Vec<(&'a str, Table)> {
    let questions = results.questions().filter_map(|question| {
        let scenario = question.first()?.scenario;
        let (cuts, rate) = cuts_of(scenario)?;
        Some((scenario.name.as_str(), table(question, cuts, rate)?))
    });
    questions.collect()
}

fn cuts_of(scenario: &Scenario) -> Option<(Cuts, f64)> {
    match &scenario.workload {
        Workload::FanOut(fan_out) => Some((fan_out.cuts?, fan_out.rate)),
        _ => None,
    }
}

fn table(question: &[Group<'_>], cuts: Cuts, rate: f64) -> Option<Table> {
    let columns = vec![
        Column::words("where it was"),
        Column::words("none lost, doubled or out of order"),
        Column::numbers("cuts", ""),
        Column::numbers("lost", ""),
        Column::numbers("by rate × time away", ""),
        Column::numbers("doubled", ""),
        Column::numbers("out of order", ""),
    ];
    let mut table = Table::new("server", columns);
    let mut known = Vec::new();
    for arm in question.iter().flat_map(|group| &group.arms) {
        let count = Count::of(arm);
        // One without a choice of tuning stands beside both.
        if count.cuts == 0 || known.contains(&arm.server) {
            continue;
        }
        known.push(arm.server);
        let polls = ["long-poll", "short-poll"].contains(&arm.server.transport.as_str());
        let resumed = cuts.resume || polls;
        let verdict = count.verdict(resumed);
        let verdict = match verdict {
            _ if resumed => verdict.cell(),
            Verdict::Missed => verdict.cell(),
            Verdict::Met | Verdict::Undecided => Cell::plain("lost, as expected"),
        };
        let number = |count: u64, must_be_none: bool| {
            let cell = Cell::plain(whole(count));
            if must_be_none && count > 0 {
                cell.bad()
            } else {
                cell
            }
        };
        let away = missed_while_away(rate, count.away_s);
        let by_rate = if resumed {
            Cell::plain("none")
        } else {
            let apart = (count.lost as f64 / away - 1.0) * 100.0;
            let sign = if apart < 0.0 { "−" } else { "+" };
            let apart = format!("{sign}{}{THIN}%", short(apart.abs()));
            Cell::plain(significant(away, 4)).under(format!("lost: {apart}"))
        };
        let cells = vec![
            Cell::plain(match (polls, resumed) {
                (true, _) => "said with every poll",
                (false, true) => "said",
                (false, false) => "not said",
            }),
            verdict,
            Cell::plain(whole(count.cuts)),
            number(count.lost, resumed),
            by_rate,
            number(count.duplicated, true),
            number(count.reordered, true),
        ];
        table.row(arm.server.to_string(), cells);
    }
    (!table.rows.is_empty()).then_some(table)
}
