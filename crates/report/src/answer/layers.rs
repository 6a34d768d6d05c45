//! Protocol and library, side by side: what transports cost on the stack that is only framing, and what software adds to
//! each. Every comparison is one of the families that were declared before the run; none is added here.

use super::Verdicts;
use super::transports::{self, figures};
use super::words::{outcome, tier};
use crate::metric::Metric;
use crate::number::capitalised;
use crate::results::{Arm, Group};

/// The stack whose servers do what the protocol asks for and nothing else.
const BARE: &str = "bare";

/// Stacks that stand on the same protocols, and what they add to them.
const ABOVE: [(&str, &str); 2] = [
    ("reference", "What the libraries add"),
    ("axum", "What the framework adds"),
];

/// A sentence for the protocols by themselves and one for each stack above them. Where the bare stack was not measured, the
/// transports of another stack against each other, a sentence for each figure.
pub(super) fn sentences(group: &Group<'_>, verdicts: &Verdicts) -> Vec<String> {
    // What is posted goes through hyper on every stack of ours: no stack stands for a protocol alone there.
    if group.scenario.is_two_way() {
        return Vec::new();
    }
    let bare = |arm: &&Arm<'_>| arm.server.stack == BARE && !arm.valid.is_empty();
    if !group.arms.iter().any(|arm| bare(&arm)) {
        let said = figures(group).into_iter();
        return said
            .filter_map(|metric| transports::on_the_same_stack(group, verdicts, metric))
            .collect();
    }
    let protocols = said(group, |metric| {
        transports::of_stack(group, verdicts, BARE, metric)
    });
    let above = ABOVE.iter().map(|(stack, adds)| {
        let said = said(group, |metric| over_bare(group, verdicts, stack, metric));
        said.map(|said| format!("{adds} ({stack} over {BARE}): {said}"))
    });
    protocols
        .map(|said| format!("What the protocols cost by themselves ({BARE}): {said}"))
        .into_iter()
        .chain(above.flatten())
        .collect()
}

/// What `of` has to say of each figure, one behind the other.
fn said(group: &Group<'_>, of: impl Fn(Metric) -> Vec<String>) -> Option<String> {
    let parts = figures(group).into_iter().filter_map(|metric| {
        let said = of(metric);
        let figure = metric.label(group.work());
        (!said.is_empty())
            .then(|| format!("{figure} {}: {}.", tier(group, metric), said.join("; ")))
    });
    let parts: Vec<String> = parts.collect();
    let (first, rest) = parts.split_first()?;
    let rest = rest.iter().map(|part| format!(" {}", capitalised(part)));
    Some(first.clone() + &rest.collect::<String>())
}

/// Each transport of `stack` against the bare server of that transport.
fn over_bare(group: &Group<'_>, verdicts: &Verdicts, stack: &str, metric: Metric) -> Vec<String> {
    let arms = || group.arms.iter().enumerate();
    let pairs = arms().filter(|(_, bare)| bare.server.stack == BARE);
    let pairs = pairs.filter_map(|(base_at, base)| {
        let (at, arm) = arms().find(|(_, arm)| {
            arm.server.stack == stack && arm.server.transport == base.server.transport
        })?;
        let compared = verdicts.find(at, base_at, metric)?;
        Some(outcome(&arm.label(), &base.label(), &compared, ""))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Results;
    use crate::sample;
    use pushbench_model::tuning::Tuning;
    use pushbench_stats::Verdict;

    fn said_in(tuning: Tuning, record: &pushbench_model::record::Record) -> Vec<String> {
        let results = Results::new(record);
        let group = results.groups.iter().find(|g| g.tuning == tuning).unwrap();
        sentences(group, &Verdicts::of(group))
    }

    #[test]
    fn protocol_library_and_framework_follow_each_other() {
        let record = sample::with_layers();
        let said = said_in(Tuning::Defaults, &record);
        assert_eq!(said.len(), 3, "{said:#?}");
        let starts = [
            "What the protocols cost by themselves (bare): response p50 (T0, indicative): ",
            "What the libraries add (reference over bare): response p50 (T0, indicative): ",
            "What the framework adds (axum over bare): response p50 (T0, indicative): ",
        ];
        for (sentence, start) in said.iter().zip(starts) {
            assert!(sentence.starts_with(start), "{sentence}");
            assert!(
                sentence.contains(". Server CPU per delivery (T0, indicative): "),
                "{sentence}"
            );
        }
        assert!(said[0].contains("long-poll needs more than sse: factor "));
        for transport in ["sse", "websocket", "long-poll"] {
            let pair = format!("{transport}/reference needs more than {transport}/bare: factor ");
            assert!(said[1].contains(&pair), "{}", said[1]);
        }
        assert!(said[2].contains("websocket/axum needs more than websocket/bare: factor "));
        assert!(!said[2].contains("long-poll"));
        // The framework comes in one tuning.
        assert_eq!(said_in(Tuning::Equalised, &record).len(), 2);
    }

    /// What is said is what a family has judged.
    #[test]
    fn nothing_is_compared_for_the_answer_alone() {
        let record = sample::with_layers();
        let results = Results::new(&record);
        let group = &results.groups[0];
        let verdicts = Verdicts::of(group);
        let at = |stack: &str, transport: &str| {
            let is = |arm: &Arm<'_>| arm.server.stack == stack && arm.server.transport == transport;
            group.arms.iter().position(is).unwrap()
        };
        for transport in ["sse", "websocket", "long-poll"] {
            for metric in figures(group) {
                let (reference, bare) = (at("reference", transport), at(BARE, transport));
                let compared = verdicts.find(reference, bare, metric).unwrap();
                assert_eq!(compared.verdict, Some(Verdict::More), "{transport}");
            }
        }
    }

    #[test]
    fn without_the_bare_stack_the_largest_speaks() {
        let said = said_in(Tuning::Equalised, &sample::record());
        assert_eq!(said.len(), 2, "{said:#?}");
        assert!(said[0].starts_with("Response p50 (T0, indicative), same software (reference): "));
    }
}
