//! One server in one scenario, in the baseline and in a candidate.

use std::collections::BTreeMap;

use pushbench_model::measurement::{LoopModel, Publisher};
use pushbench_model::record::{Outcome, Record, ServerLabel};
use pushbench_model::scenario::{Scenario, Workload};
use pushbench_stats::{Comparison, Estimate, Judgement, Verdict};

use super::{Kind, Refusal, Subject, refusal};
use crate::metric::{Metric, Space};
use crate::results::{Arm, Results};

/// One server in one scenario, in two records.
#[derive(Clone, Debug)]
pub struct Pairing {
    /// Place of the candidate among the records, from 1.
    pub candidate_at: usize,
    /// Name of the scenario.
    pub scenario: String,
    /// The unit of work: `delivery` or `connection`.
    pub work: &'static str,
    /// The server.
    pub server: ServerLabel,
    /// Trials of the baseline.
    pub baseline: Tally,
    /// Trials of the candidate.
    pub candidate: Tally,
    /// Messages lost per trial that measured, the invalid ones too, in baseline and candidate; absent where none did.
    pub lost: [Option<f64>; 2],
    /// The figures that either has.
    pub figures: Vec<Figure>,
}

/// A figure in both.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Which.
    pub kind: Kind,
    /// How it is read from a trial.
    pub metric: Metric,
    /// In the baseline.
    pub baseline: Option<Estimate>,
    /// In the candidate.
    pub candidate: Option<Estimate>,
    /// `(candidate, baseline)`, one pair per repetition in which both have it.
    pub pairs: Vec<(f64, f64)>,
    /// Candidate over baseline, with its verdict.
    pub judgement: Judgement,
    /// How large a difference must be to matter.
    pub margin: f64,
}

/// How trials ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Their figures are used.
    pub valid: usize,
    /// They ran, and their figures are not used.
    pub invalid: usize,
    /// They gave no measurement.
    pub failed: usize,
    /// They were planned and not made.
    pub missing: usize,
}

impl Tally {
    /// Whether all that was planned is valid.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        (self.invalid, self.failed, self.missing) == (0, 0, 0)
    }
}

/// How much the floor moved between two records. It is the same program on the same machine: what it moved by, the
/// machine or the build moved by.
#[derive(Clone, Debug)]
pub struct FloorMove {
    /// Place of the candidate among the records, from 1.
    pub candidate_at: usize,
    /// Name of the scenario.
    pub scenario: String,
    /// The figure: median or processor time.
    pub kind: Kind,
    /// Candidate over baseline.
    pub ratio: Estimate,
    /// How large a difference must be to matter.
    pub margin: f64,
}

pub(super) struct Paired {
    pub(super) pairings: Vec<Pairing>,
    pub(super) floor: Vec<FloorMove>,
}

/// Every scenario and server that both records have.
pub(super) fn pair(
    baseline: Subject<'_>,
    candidate: Subject<'_>,
    candidate_at: usize,
    space: Space,
) -> Result<Paired, Refusal> {
    let (first, second) = (
        Results::new(baseline.record),
        Results::new(candidate.record),
    );
    let mut paired = Paired {
        pairings: Vec::new(),
        floor: Vec::new(),
    };
    for scenario in &baseline.record.run.scenarios {
        let name = &scenario.name;
        if !has_scenario(candidate.record, name) {
            continue;
        }
        for server in servers(baseline.record) {
            if !servers(candidate.record).contains(&server) {
                continue;
            }
            let sides = [
                Arms::of(&first, name, server),
                Arms::of(&second, name, server),
            ];
            refusal::check_arms(
                [baseline, candidate],
                name,
                server,
                [sides[0].loop_model(), sides[1].loop_model()],
                [sides[0].publisher(), sides[1].publisher()],
            )?;
            let pairing = one(&sides, scenario, server, candidate_at, space);
            if sides[0].arm.is_some_and(Arm::is_floor) {
                paired.floor.extend(moves(&pairing));
            }
            paired.pairings.push(pairing);
        }
    }
    Ok(paired)
}

/// One server in one scenario of one record.
struct Arms<'a> {
    record: &'a Record,
    /// With trials, if there are any.
    arm: Option<&'a Arm<'a>>,
    model: Option<LoopModel>,
}

impl<'a> Arms<'a> {
    fn of(results: &'a Results<'a>, scenario: &str, server: &ServerLabel) -> Self {
        let groups = results
            .groups
            .iter()
            .filter(|g| g.scenario.name == scenario);
        let mut arms = groups.flat_map(|group| {
            let arms = group.arms.iter().filter(|arm| arm.server == server);
            arms.map(move |arm| (group.loop_model, arm))
        });
        let found = arms.find(|(_, arm)| !arm.valid.is_empty() || !arm.unused.is_empty());
        Self {
            record: results.record,
            arm: found.map(|(_, arm)| arm),
            model: found.map(|(model, _)| model),
        }
    }

    /// Only a trial that measured knows it.
    fn loop_model(&self) -> Option<LoopModel> {
        self.publisher().and(self.model)
    }

    fn publisher(&self) -> Option<Publisher> {
        self.arm.and_then(Arm::publisher)
    }

    fn tally(&self) -> Tally {
        let (invalid, failed) = self.arm.map_or((0, 0), Arm::left_out);
        let valid = self.arm.map_or(0, |arm| arm.valid.len());
        let planned = self.record.run.repetitions as usize;
        Tally {
            valid,
            invalid,
            failed,
            missing: planned.saturating_sub(valid + invalid + failed),
        }
    }

    fn lost(&self) -> Option<f64> {
        let arm = self.arm?;
        let trials = arm.valid.iter().chain(&arm.unused);
        let measured = trials.filter(|t| t.trial.measurement.is_some()).count();
        (measured > 0).then(|| arm.lost() as f64 / measured as f64)
    }
}

fn one(
    sides: &[Arms<'_>; 2],
    scenario: &Scenario,
    server: &ServerLabel,
    candidate_at: usize,
    space: Space,
) -> Pairing {
    let figures = Kind::ALL.into_iter().filter_map(|kind| {
        let metric = kind.metric(scenario, space);
        let values = |side: &Arms<'_>| -> BTreeMap<u32, f64> {
            let values = side.arm.map(|arm| arm.by_repetition(metric));
            values.unwrap_or_default().into_iter().collect()
        };
        let (first, second) = (values(&sides[0]), values(&sides[1]));
        // A percentile that only all samples together support belongs to no trial, and nothing can be said of it.
        if first.is_empty() && second.is_empty() {
            return None;
        }
        let figure = |side: &Arms<'_>| side.arm.and_then(|arm| arm.figure(metric));
        let pairs: Vec<(f64, f64)> = second
            .iter()
            .filter_map(|(repetition, &theirs)| Some((theirs, *first.get(repetition)?)))
            .collect();
        let margin = kind.margin(&scenario.margins);
        Some(Figure {
            kind,
            metric,
            baseline: figure(&sides[0]),
            candidate: figure(&sides[1]),
            judgement: Judgement {
                comparison: Comparison::of(&pairs, margin),
                verdict: Verdict::TooFew { pairs: pairs.len() },
            },
            pairs,
            margin,
        })
    });
    Pairing {
        candidate_at,
        scenario: scenario.name.clone(),
        work: match scenario.workload {
            Workload::FanOut(_) => "delivery",
            Workload::Connect(_) => "connection",
            Workload::Tokens(_) => "token",
        },
        server: server.clone(),
        baseline: sides[0].tally(),
        candidate: sides[1].tally(),
        lost: [sides[0].lost(), sides[1].lost()],
        figures: figures.collect(),
    }
}

fn moves(pairing: &Pairing) -> impl Iterator<Item = FloorMove> + '_ {
    let shown = [Kind::P50, Kind::Cpu];
    let figures = pairing.figures.iter();
    let figures = figures.filter(move |figure| shown.contains(&figure.kind));
    figures.filter_map(|figure| {
        Some(FloorMove {
            candidate_at: pairing.candidate_at,
            scenario: pairing.scenario.clone(),
            kind: figure.kind,
            ratio: figure.judgement.comparison?.ratio,
            margin: figure.margin,
        })
    })
}

/// Gives every figure its verdict; a family is one kind of figure over all pairings.
pub(super) fn judge(pairings: &mut [Pairing]) {
    for kind in Kind::ALL {
        let mut members: Vec<&mut Figure> = pairings
            .iter_mut()
            .flat_map(|pairing| &mut pairing.figures)
            .filter(|figure| figure.kind == kind)
            .collect();
        let family: Vec<Option<Comparison>> =
            members.iter().map(|f| f.judgement.comparison).collect();
        for (member, judgement) in members.iter_mut().zip(pushbench_stats::judge(&family)) {
            member.judgement = judgement;
        }
    }
}

fn has_scenario(record: &Record, name: &str) -> bool {
    record.run.scenarios.iter().any(|s| s.name == name)
}

/// Servers that took part, by plan or by trial.
fn servers(record: &Record) -> Vec<&ServerLabel> {
    let mut servers: Vec<&ServerLabel> = record.run.servers.iter().collect();
    for recorded in &record.trials {
        let measured = !matches!(recorded.trial.outcome, Outcome::Failed { .. });
        if measured && !servers.contains(&&recorded.trial.server) {
            servers.push(&recorded.trial.server);
        }
    }
    servers
}

/// What is in one record and not in the other, each a sentence.
pub(super) fn only_in(subjects: &[Subject<'_>]) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |what: &str, name: &str, here: &str, there: &str| {
        said.push(format!("{what} {name} is in {here} and not in {there}."));
    };
    let baseline = subjects[0];
    for candidate in &subjects[1..] {
        for (here, there) in [(baseline, *candidate), (*candidate, baseline)] {
            for scenario in &here.record.run.scenarios {
                if !has_scenario(there.record, &scenario.name) {
                    say("Scenario", &scenario.name, here.name, there.name);
                }
            }
            for server in servers(here.record) {
                if !servers(there.record).contains(&server) {
                    say("Server", &server.to_string(), here.name, there.name);
                }
            }
        }
    }
    said
}
