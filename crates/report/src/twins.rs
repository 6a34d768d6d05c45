//! A scenario beside the same one but for one thing, server by server: what that thing alone does.
//!
//! # Layout
//!
//! - [`Subject`]: one thing that a scenario may have or not
//! - [`Comparison`]: a scenario without it, and what was measured of it with it
//! - `tls`: connections that are secured
//! - `compression`: messages that are compressed
//! - `slow`: subscribers that do not read
//! - `large`: large messages among the others
//! - `shared`: subscribers that share a connection

mod compression;
mod large;
mod shared;
mod slow;
mod tls;

use pushbench_model::scenario::Scenario;
use pushbench_model::tuning::Tuning;
use pushbench_stats::paired_ratio;

use crate::answer::ratio_in_short;
use crate::goal;
use crate::metric::Metric;
use crate::number::Scale;
use crate::results::{Arm, Group, Results};
use crate::table::{Cell, Column, Table};

/// One thing that a scenario may have or not, and a section of the report about it.
pub(crate) struct Subject {
    /// Heading of the section.
    pub(crate) title: &'static str,
    /// Its name in links.
    pub(crate) id: &'static str,
    /// What the section is, for a reader who comes upon it.
    pub(crate) introduction: &'static str,
    /// What the column is called that says whether a row is with it.
    column: &'static str,
    /// What stands there in a row without it.
    without: &'static str,
    /// What it is in a scenario, in words; `None` in one without it.
    with: fn(&Scenario) -> Option<String>,
    /// The scenario as it would be without it.
    taken_away: fn(&Scenario) -> Scenario,
    /// What is compared, for a scenario without it.
    figures: fn(&Group<'_>) -> Vec<Metric>,
    /// What a server with it is held against.
    goals: fn(&Pair<'_>) -> Vec<goal::Row>,
    /// Remarks under those, for the servers of a comparison.
    notes: fn(&[Pair<'_>]) -> Vec<String>,
    /// What is to be known of a comparison before its figures.
    about: Option<fn(&Comparison<'_>) -> String>,
}

/// Heading of the table of goals.
pub(crate) const GOALS: &str = "Held against the goals";

/// All of them, in the order of the sections.
const SUBJECTS: [Subject; 5] = [
    tls::SUBJECT,
    compression::SUBJECT,
    slow::SUBJECT,
    large::SUBJECT,
    shared::SUBJECT,
];

/// A server without and with the thing that is different.
struct Pair<'a> {
    without: &'a Arm<'a>,
    with: &'a Arm<'a>,
    group: &'a Group<'a>,
}

/// A scenario without the thing, and what was measured of it with it.
pub(crate) struct Comparison<'a> {
    subject: &'static Subject,
    without: &'a Group<'a>,
    with: Vec<(String, &'a Group<'a>)>,
}

/// Every section that there is something for.
pub(crate) fn sections<'a>(
    results: &'a Results<'a>,
) -> Vec<(&'static Subject, Vec<Comparison<'a>>)> {
    let sections = SUBJECTS
        .iter()
        .map(|subject| (subject, subject.comparisons(results)));
    sections
        .filter(|(_, comparisons)| !comparisons.is_empty())
        .collect()
}

impl Subject {
    /// Every scenario that was measured both ways, in each tuning.
    fn comparisons<'a>(&'static self, results: &'a Results<'a>) -> Vec<Comparison<'a>> {
        let groups: Vec<&Group<'_>> = results.questions().flatten().collect();
        let without = groups
            .iter()
            .filter(|group| (self.with)(group.scenario).is_none());
        let comparisons = without.filter_map(|without| {
            let mut with: Vec<(String, &Group<'_>)> = Vec::new();
            for group in &groups {
                let same = self.is_same(without.scenario, group.scenario)
                    && (without.tuning, without.loop_model) == (group.tuning, group.loop_model);
                let words = (self.with)(group.scenario).filter(|_| same);
                if let Some(words) = words
                    && !with.iter().any(|(known, _)| *known == words)
                {
                    with.push((words, group));
                }
            }
            with.sort_by(|(a, _), (b, _)| a.cmp(b));
            let comparison = Comparison {
                subject: self,
                without,
                with,
            };
            comparison.servers().next()?;
            Some(comparison)
        });
        comparisons.collect()
    }

    /// Whether two scenarios ask for the same in all that is measured, but for the subject.
    fn is_same(&self, without: &Scenario, with: &Scenario) -> bool {
        let with = (self.taken_away)(with);
        without.workload == with.workload
            && without.payload == with.payload
            && without.server == with.server
            && without.link == with.link
    }
}

impl<'a> Comparison<'a> {
    /// What it is about, in a line.
    pub(crate) fn title(&self) -> String {
        let with = self
            .with
            .iter()
            .map(|(_, group)| group.scenario.name.as_str());
        let with: Vec<_> = with.collect();
        let tuning = match self.without.tuning {
            Tuning::Fixed => String::new(),
            tuning => format!(", {tuning}"),
        };
        let without = &self.without.scenario.name;
        format!("{without} and {}{tuning}", with.join(", "))
    }

    /// What is to be known before the figures.
    pub(crate) fn about(&self) -> Option<String> {
        Some(self.subject.about?(self))
    }

    /// Servers with valid trials both ways.
    fn servers(&self) -> impl Iterator<Item = (&'a Arm<'a>, Vec<(String, Pair<'a>)>)> + '_ {
        self.without.arms.iter().filter_map(|without| {
            let twin = |(words, group): &(String, &'a Group<'a>)| {
                let mut arms = group.arms.iter();
                let with = arms.find(|arm| arm.server == without.server)?;
                let pair = Pair {
                    without,
                    with,
                    group,
                };
                (!with.valid.is_empty()).then(|| (words.clone(), pair))
            };
            let twins: Vec<_> = self.with.iter().filter_map(twin).collect();
            (!without.valid.is_empty() && !twins.is_empty()).then_some((without, twins))
        })
    }

    /// A row without, and one for every way with it, of each server.
    pub(crate) fn table(&self) -> Table {
        let servers: Vec<_> = self.servers().collect();
        let mut figures = (self.subject.figures)(self.without);
        let with = || self.with.iter().map(|(_, group)| *group);
        figures.retain(|&metric| {
            let mut all = [self.without].into_iter().chain(with());
            all.any(|group| group.has(metric))
        });
        let figures: Vec<(Metric, Scale)> = figures
            .into_iter()
            .map(|metric| {
                let arms = servers.iter().flat_map(|(without, twins)| {
                    [*without]
                        .into_iter()
                        .chain(twins.iter().map(|(_, pair)| pair.with))
                });
                let values = arms.filter_map(|arm| Some(arm.figure(metric)?.value));
                (metric, metric.unit().scale(values))
            })
            .collect();
        let work = self.without.work();
        let columns = figures
            .iter()
            .map(|(metric, scale)| Column::numbers(metric.label(work), scale.symbol));
        let columns = [Column::words(self.subject.column)]
            .into_iter()
            .chain(columns);
        let mut table = Table::new("server", columns.collect());
        for (without, twins) in servers {
            let plain = figures
                .iter()
                .map(|(metric, scale)| Cell::estimate(without.figure(*metric), scale));
            let cells = [Cell::plain(self.subject.without)].into_iter().chain(plain);
            table.row(without.label(), cells.collect());
            for (words, pair) in twins {
                let with = figures
                    .iter()
                    .map(|(metric, scale)| pair.cell(*metric, scale));
                let cells = [Cell::plain(words)].into_iter().chain(with);
                table.row(pair.with.label(), cells.collect());
            }
        }
        table
    }

    /// Every figure that has a goal, and how they stand; `None` where nothing has.
    pub(crate) fn goals(&self) -> Option<Table> {
        let pairs: Vec<Pair<'_>> = self
            .servers()
            .flat_map(|(_, twins)| twins.into_iter().map(|(_, pair)| pair))
            .collect();
        let rows: Vec<_> = pairs.iter().flat_map(self.subject.goals).collect();
        if rows.is_empty() {
            return None;
        }
        let mut table = goal::table("server", rows);
        table.notes = (self.subject.notes)(&pairs);
        Some(table)
    }

    /// How the figures stand to their goals, all together.
    pub(crate) fn tally(&self) -> Option<String> {
        let pairs = self
            .servers()
            .flat_map(|(_, twins)| twins.into_iter().map(|(_, pair)| pair));
        let rows: Vec<_> = pairs.flat_map(|pair| (self.subject.goals)(&pair)).collect();
        let held = rows.iter();
        goal::tally(held.map(|row| (row.name.as_str(), row.goal, row.verdict)))
    }
}

impl Pair<'_> {
    /// The figure with it, and its ratio to that without.
    fn cell(&self, metric: Metric, scale: &Scale) -> Cell {
        let cell = Cell::estimate(self.with.figure(metric), scale);
        let pairs = self.with.pairs(self.without, metric);
        // A ratio over those trials alone in which something was late would be too small.
        let none = |&(with, without): &(f64, f64)| with <= 0.0 || without <= 0.0;
        if matches!(metric, Metric::Late(_)) && pairs.iter().any(none) {
            return cell;
        }
        let Some(ratio) = paired_ratio(&pairs) else {
            return cell;
        };
        let ratio = ratio_in_short(&ratio, metric.is_exact());
        let mut words = format!("× {}", ratio.text);
        if let Some(interval) = ratio.small.first() {
            words += &format!(" ({interval})");
        }
        cell.under(words)
    }
}
