//! The question a person comes with: what does the choice of the transport cost, everything else being the same?

use super::Verdicts;
use super::words::{outcome, tier};
use crate::metric::Metric;
use crate::number::capitalised;
use crate::results::{Arm, Group};

/// A sentence that holds the transports of one stack against the one of them that was named first in the run, which
/// was settled before anything was measured. The stack is the one that speaks most transports; `None` where none
/// speaks two.
pub(crate) fn on_the_same_stack(
    group: &Group<'_>,
    verdicts: &Verdicts,
    metric: Metric,
) -> Option<String> {
    let of_stack = |stack: &str| {
        group
            .arms
            .iter()
            .enumerate()
            .filter(|(_, arm)| arm.server.stack == stack)
            .collect::<Vec<(usize, &Arm<'_>)>>()
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
    let ((base_at, base), others) = arms.split_first()?;
    let said: Vec<String> = others
        .iter()
        .filter_map(|(at, other)| {
            let compared = verdicts.find(*at, *base_at, metric)?;
            let (first, second) = (&other.server.transport, &base.server.transport);
            Some(outcome(first, second, &compared, ""))
        })
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "{} {}, same software ({}): {}.",
            capitalised(&metric.label(group.work())),
            tier(group, metric),
            base.server.stack,
            said.join("; ")
        )
    })
}
