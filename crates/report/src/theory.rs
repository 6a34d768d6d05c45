//! Measured figures held against what formulas say of them.
//!
//! A formula is written before the run, in `pushbench_model::theory`, and with it how far a figure may be from it. Where the two are
//! further apart, one of them is wrong, and the report says so.
//!
//! # Layout
//!
//! - [`Held`]: one figure beside its formula
//! - `bytes`: bytes on the wire
//! - `path`: round trips and half round trips, over a link of known round trip
//! - `polls`: requests, answers and ages of transports that poll
//! - `heartbeats`: signs of life on idle streams
//! - `windows`: what a flush window adds to the age of a message
//! - `dead`: when peers are missed whose network has gone
//! - `cuts`: what is missed by subscribers that were cut off and cannot say where they were

mod bytes;
mod cuts;
mod dead;
mod heartbeats;
mod held;
mod path;
mod polls;
mod windows;

use pushbench_model::link::Link;

use crate::chart::{Dot, Overhead, Trip};
use crate::number::counted;
use crate::results::{Arm, Group, Results};
use crate::table::{Cell, Column, Table, Tone};

pub(crate) use held::Held;

/// Heading of the section.
pub(crate) const TITLE: &str = "Held against theory";

/// What the section is, for a reader who comes upon it.
pub(crate) const INTRODUCTION: &str = "Formulas that were written before the run, beside what was measured over all valid \
    trials of a server together. The tolerance belongs to the formula; where a figure rests on random arrivals, it is three \
    standard errors of what the formula says, if that is more. What is further off is red: either the formula is wrong, or \
    the measurement, or the server does something else than it says.";

/// The formulas, each for one server in one scenario.
const FORMULAS: [fn(&Case<'_>) -> Vec<Held>; 7] = [
    bytes::held,
    path::held,
    polls::held,
    cuts::held,
    dead::held,
    heartbeats::held,
    windows::held,
];

/// The valid trials of one server in one scenario.
struct Case<'a> {
    group: &'a Group<'a>,
    arm: &'a Arm<'a>,
    /// Whether the kernel spaces segments out.
    paced: bool,
}

/// One scenario held against theory.
pub(crate) struct Question<'a> {
    /// Name of the scenario.
    pub(crate) scenario: &'a str,
    /// Its figures; those that disagree first.
    pub(crate) held: Vec<Held>,
}

/// Every scenario of which a formula says something.
pub(crate) fn questions<'a>(results: &'a Results<'a>) -> Vec<Question<'a>> {
    let questions = results.questions().filter_map(|question| {
        let scenario = &question.first()?.scenario.name;
        let cases = cases(results, question);
        let all = cases
            .iter()
            .flat_map(|case| FORMULAS.iter().flat_map(|formula| formula(case)));
        let mut held: Vec<Held> = all.collect();
        held.sort_by_key(Held::agrees);
        (!held.is_empty()).then_some(Question { scenario, held })
    });
    questions.collect()
}

/// Servers that poll: what their answers bring.
pub(crate) fn dots(results: &Results<'_>) -> Vec<Dot> {
    let cases = results
        .questions()
        .flat_map(|question| cases(results, question));
    cases.filter_map(|case| polls::dot(&case)).collect()
}

/// Servers that connect over a link: what it took them.
pub(crate) fn trips(results: &Results<'_>) -> Vec<Trip> {
    let cases = results
        .questions()
        .flat_map(|question| cases(results, question));
    cases.flat_map(|case| path::trips(&case)).collect()
}

/// Servers of fan-outs: what they add to payloads of each size.
pub(crate) fn overheads(results: &Results<'_>) -> Vec<Overhead> {
    let cases = results
        .questions()
        .flat_map(|question| cases(results, question));
    bytes::overheads(cases)
}

/// Round trips to the first message of connections over a link, by formula, and what they take, nanoseconds.
pub(crate) fn least_round_trips(group: &Group<'_>) -> Option<(f64, f64)> {
    path::least(group.scenario)
}

/// The servers of a scenario, each once: one without a choice of tuning stands beside both.
fn cases<'a>(results: &Results<'_>, question: &'a [Group<'a>]) -> Vec<Case<'a>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for group in question {
        for arm in &group.arms {
            let known = cases.iter().any(|case| case.arm.server == arm.server);
            if !known && !arm.valid.is_empty() {
                let paced = results.is_paced(group.scenario);
                cases.push(Case { group, arm, paced });
            }
        }
    }
    cases
}

impl Case<'_> {
    fn link(&self) -> Option<Link> {
        self.group.scenario.link
    }
}

impl Question<'_> {
    /// What came of it, and whether that is as it should be.
    pub(crate) fn finding(&self) -> (bool, String) {
        let all = counted(self.held.len(), "figure");
        let wrong: Vec<String> = self.wrong().map(Held::name).collect();
        if wrong.is_empty() {
            return (true, format!("All of {all} agree with their formulas."));
        }
        let said = format!(
            "{} of {all} disagree with theory: {}.",
            wrong.len(),
            wrong.join("; ")
        );
        (false, said)
    }

    fn wrong(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().filter(|held| !held.agrees())
    }

    /// A row per figure.
    pub(crate) fn table(&self) -> Table {
        let words = ["quantity", "formula"].map(Column::words);
        let numbers = ["predicted", "measured", "difference", "tolerance"];
        let numbers = numbers.map(|name| Column::numbers(name, ""));
        let columns = words.into_iter().chain(numbers);
        let columns = columns.chain([Column::words("verdict")]);
        let mut table = Table::new("server", columns.collect());
        for held in &self.held {
            let (predicted, measured, difference) = held.in_words();
            let (verdict, tone) = if held.agrees() {
                ("agrees", Tone::Good)
            } else {
                ("disagrees", Tone::Bad)
            };
            let mut cells = vec![
                Cell::plain(held.quantity),
                Cell::plain(&held.formula).under(held.source),
                Cell::plain(predicted),
                Cell::plain(measured),
                Cell::plain(difference),
                Cell::plain(&held.tolerance.said),
                Cell::plain(verdict),
            ];
            cells[6].tone = tone;
            if tone == Tone::Bad {
                cells[4].tone = tone;
            }
            table.row(held.server.clone(), cells);
        }
        table
    }
}

/// A sentence for the top of a report if anything disagrees.
pub(crate) fn notice(results: &Results<'_>) -> Option<String> {
    let wrong: Vec<String> = questions(results)
        .iter()
        .filter(|question| question.wrong().next().is_some())
        .map(|question| {
            let names: Vec<String> = question.wrong().map(Held::name).collect();
            format!("{} in {}", names.join(", "), question.scenario)
        })
        .collect();
    (!wrong.is_empty()).then(|| {
        format!(
            "Measurement and theory disagree by more than the tolerance: {}.",
            wrong.join("; ")
        )
    })
}

#[cfg(test)]
mod tests;
