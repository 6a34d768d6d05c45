//! Records against each other: the first is the baseline, every other one a candidate.
//!
//! Figures are compared scenario by scenario and server by server, paired by the number of the repetition, and judged
//! with the margins that stand in the scenario. A family of comparisons, over which the chance of any false verdict is
//! held at 5 % (Holm), is one figure over all scenarios, servers and candidates: all p99 together, all bytes together.
//! Everything in one family would drown what changed in what cannot be told; a family per scenario would cry wolf in
//! every second run of twenty scenarios.
//!
//! Runs of different times were not interleaved: a drift of the machine between them is in every difference, and no
//! interval knows of it. Every format says so, and shows how much the floor moved, which nobody changed.
//!
//! # Layout
//!
//! - `kind`: the figures that are compared
//! - `refusal`: records that cannot be compared
//! - `facts`: what differs between the machines and builds, and how far times may be trusted
//! - `pairing`: one server in one scenario in two records
//! - `threshold`, `gate`: `p99 > +10%`, and what becomes of it
//! - `words`, `tables`: what all formats share
//! - `text`, `markdown`, `html`, `json`, `trackers`: one per format

mod facts;
mod gate;
mod html;
mod json;
mod kind;
mod markdown;
mod pairing;
mod refusal;
mod tables;
mod text;
pub(crate) mod threshold;
mod trackers;
mod words;

use pushbench_model::record::{Outcome, Record};

use crate::metric::Space;
use crate::tier::Tier;

pub use facts::Fact;
pub use gate::{Change, Check, Ending, Gate, Outcome as CheckOutcome};
pub use html::html;
pub use json::{JSON_FORMAT, JSON_VERSION, json};
pub use kind::Kind;
pub use markdown::markdown;
pub use pairing::{Figure, FloorMove, Pairing, Tally};
pub use refusal::Refusal;
pub use text::{Section, Text, text};
pub use threshold::{Asked, Limit, Side, Threshold, ThresholdError};
pub use trackers::{Direction, bencher, github};

/// A record with the name it goes by.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Name of the baseline or of the record's directory; no two are the same.
    pub name: &'a str,
    /// The record.
    pub record: &'a Record,
}

/// What is to be compared; empty lists mean everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Names of scenarios.
    pub scenarios: Vec<String>,
    /// Transports, stacks, or names of servers.
    pub servers: Vec<String>,
}

/// Records, compared.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The records; the first is the baseline.
    pub subjects: Vec<Subject<'a>>,
    /// One per candidate, scenario and server, in this order.
    pub pairings: Vec<Pairing>,
    /// How much the floor moved, which was the same in both.
    pub floor: Vec<FloorMove>,
    /// Facts of machine and build that are not the same in all records.
    pub facts: Vec<Fact>,
    /// How far times of the weakest record may be trusted.
    pub trust: Tier,
    /// Why verdicts on times are indicative only; none where they stand.
    pub indicative: Vec<String>,
    /// What is in one record and not in the baseline, or the other way round, each a sentence.
    pub only_in: Vec<String>,
    /// The thresholds, held against what was compared.
    pub gates: Vec<Gate>,
}

/// Compares `subjects` and holds `thresholds` against the result.
///
/// # Errors
///
/// When the records do not measure the same, or have nothing in common.
pub fn compare<'a>(
    subjects: &[Subject<'a>],
    choice: &Choice,
    thresholds: &[Threshold],
) -> Result<Compared<'a>, Refusal> {
    let Some((baseline, candidates)) = subjects.split_first().filter(|(_, c)| !c.is_empty()) else {
        return Err(Refusal::TooFew {
            given: subjects.len(),
        });
    };
    for candidate in candidates {
        refusal::check(*baseline, *candidate)?;
    }
    refusal::check_choice(subjects, choice)?;
    // Instructions with and without the kernel's do not compare: what one record lacks is left out of all.
    let mut spaces = subjects.iter().map(|subject| Space::of(subject.record));
    let space = if spaces.any(|space| space == Space::User) {
        Space::User
    } else {
        Space::All
    };
    let mut pairings = Vec::new();
    let mut floor = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let paired = pairing::pair(*baseline, *candidate, index + 1, space)?;
        floor.extend(paired.floor);
        pairings.extend(paired.pairings);
    }
    pairings.retain(|pairing| choice.takes(pairing));
    if pairings.is_empty() {
        return Err(refusal::nothing_common(subjects, choice));
    }
    pairing::judge(&mut pairings);
    let facts = facts::differences(subjects);
    let (trust, indicative) = facts::trust(subjects, &facts);
    let gates = thresholds
        .iter()
        .map(|threshold| gate::hold(threshold, &pairings))
        .collect();
    Ok(Compared {
        subjects: subjects.to_vec(),
        pairings,
        floor,
        facts,
        trust,
        indicative,
        only_in: pairing::only_in(subjects),
        gates,
    })
}

impl Choice {
    fn takes(&self, pairing: &Pairing) -> bool {
        let any = |list: &[String], wanted: &dyn Fn(&String) -> bool| {
            list.is_empty() || list.iter().any(wanted)
        };
        any(&self.scenarios, &|name| *name == pairing.scenario)
            && any(&self.servers, &|name| {
                refusal::is_named(&pairing.server, name)
            })
    }
}

impl Compared<'_> {
    /// The record that the others are held against.
    #[must_use]
    pub fn baseline(&self) -> Subject<'_> {
        self.subjects[0]
    }

    /// The others.
    #[must_use]
    pub fn candidates(&self) -> &[Subject<'_>] {
        &self.subjects[1..]
    }

    /// What the comparison comes to: a regression outweighs figures that are missing or unusable, and these outweigh
    /// what is undecided, because they may be the reason for it.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let unusable = self.pairings.iter().any(|pairing| {
            let sides = [pairing.baseline, pairing.candidate];
            sides.iter().any(|tally| !tally.is_whole())
        });
        let checks = || self.gates.iter().map(Gate::ending);
        let trials = if unusable {
            Ending::Unusable
        } else {
            Ending::Pass
        };
        checks().fold(trials, Ending::max)
    }
}

/// Trials of a record that are valid, invalid and failed, and planned ones that were not made.
pub(crate) fn tally(record: &Record) -> Tally {
    let mut tally = Tally::default();
    for recorded in &record.trials {
        match recorded.trial.outcome {
            Outcome::Valid => tally.valid += 1,
            Outcome::Invalid { .. } => tally.invalid += 1,
            Outcome::Failed { .. } => tally.failed += 1,
        }
    }
    // Trials in slices are planned together with the others.
    let made = record.trials.len() + record.slices.len();
    tally.missing = (record.run.planned as usize).saturating_sub(made);
    tally
}
