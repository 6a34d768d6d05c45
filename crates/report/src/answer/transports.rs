//! The question a person comes with: what does the choice of the transport cost, everything else being the same?

use super::statement::{factor, spans_one, within_margin};
use crate::metric::Metric;
use crate::number::capitalised;
use crate::results::{Arm, Group};
use crate::statistics::FEWEST_PAIRS;

/// A sentence that holds the transports of one stack against the one of them that was named first in the run, which
/// was settled before anything was measured. The stack is the one that speaks most transports; `None` where none
/// speaks two.
pub(crate) fn on_the_same_stack(group: &Group<'_>, metric: Metric) -> Option<String> {
    let of_stack = |stack: &str| {
        group
            .arms
            .iter()
            .filter(|arm| arm.server.stack == stack)
            .collect::<Vec<_>>()
    };
    let arms = group
        .arms
        .iter()
        .map(|arm| of_stack(&arm.server.stack))
        // The first of the largest: `max_by_key` would take the last.
        .reduce(|best, other| {
            if other.len() > best.len() {
                other
            } else {
                best
            }
        })?;
    let (base, others) = arms.split_first()?;
    if others.is_empty() {
        return None;
    }
    let said: Vec<String> = others
        .iter()
        .map(|other| against(other, base, metric))
        .collect();
    let indicative = if group.indicative && metric.is_time() {
        " (indicative)"
    } else {
        ""
    };
    Some(format!(
        "{}{indicative}, same software ({}), against {}: {}.",
        capitalised(&metric.label(group.work())),
        base.server.stack,
        base.server.transport,
        said.join("; ")
    ))
}

fn against(other: &Arm<'_>, base: &Arm<'_>, metric: Metric) -> String {
    let name = &other.server.transport;
    match other.ratio_to(base, metric) {
        Some(ratio) if ratio.n < FEWEST_PAIRS => {
            format!(
                "{name} has too few repetitions for a statement ({}, and {FEWEST_PAIRS} are needed)",
                ratio.n
            )
        }
        Some(ratio) if spans_one(&ratio) || within_margin(&ratio) => {
            format!("{name} shows no difference, factor {}", factor(&ratio))
        }
        Some(ratio) => format!("{name} costs a factor {}", factor(&ratio)),
        None => format!("{name} has no such figure"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::headline;
    use crate::metric::Side;
    use crate::results::Results;
    use crate::sample;

    #[test]
    fn the_stack_with_most_transports_is_held_against_its_first() {
        let record = sample::record();
        let results = Results::new(&record);
        let group = &results.groups[0];
        for metric in [headline(group), Metric::Cpu(Side::Server)] {
            let sentence = on_the_same_stack(group, metric).unwrap();
            assert!(
                sentence.contains("same software (reference), against sse: websocket "),
                "{sentence}"
            );
            assert!(
                sentence.contains("; long-poll costs a factor "),
                "{sentence}"
            );
        }
    }

    #[test]
    fn one_transport_is_no_comparison() {
        let mut record = sample::record();
        record.run.servers.truncate(1);
        record
            .trials
            .retain(|recorded| recorded.trial.server == record.run.servers[0]);
        let results = Results::new(&record);
        assert_eq!(on_the_same_stack(&results.groups[0], Metric::Bytes), None);
    }
}
