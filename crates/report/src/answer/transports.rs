//! The question a person comes with: what does the choice of the transport cost, everything else being the same?

use super::Verdicts;
use super::table::headline;
use super::words::{outcome, tier};
use crate::metric::{Metric, Side};
use crate::number::capitalised;
use crate::results::{Arm, Group};

/// The figures of which sentences speak, those that some trial has.
pub(super) fn figures(group: &Group<'_>) -> Vec<Metric> {
    let mut figures = vec![headline(group), Metric::Cpu(Side::Server)];
    figures.retain(|&metric| group.has(metric));
    figures
}

/// The transports of `stack` against the one of them that was named first in the run, which was settled before anything was
/// measured.
pub(super) fn of_stack(
    group: &Group<'_>,
    verdicts: &Verdicts,
    stack: &str,
    metric: Metric,
) -> Vec<String> {
    let arms = group.arms.iter().enumerate();
    let mut arms = arms.filter(|(_, arm)| arm.server.stack == stack);
    let Some((base_at, base)) = arms.next() else {
        return Vec::new();
    };
    arms.filter_map(|(at, other)| {
        let compared = verdicts.find(at, base_at, metric)?;
        let (first, second) = (&other.server.transport, &base.server.transport);
        Some(outcome(first, second, &compared, ""))
    })
    .collect()
}

/// A sentence that holds the transports of one stack against each other, as [`of_stack`] does. The stack is the one that
/// speaks most transports; `None` where none speaks two.
pub(super) fn on_the_same_stack(
    group: &Group<'_>,
    verdicts: &Verdicts,
    metric: Metric,
) -> Option<String> {
    let spoken = |arm: &Arm<'_>| {
        let same = |other: &&Arm<'_>| other.server.stack == arm.server.stack;
        group.arms.iter().filter(same).count()
    };
    // The first of the largest: `max_by_key` would take the last.
    let most = group.arms.iter().map(spoken).max()?;
    let largest = group.arms.iter().find(|arm| spoken(arm) == most)?;
    let stack = &largest.server.stack;
    let said = of_stack(group, verdicts, stack, metric);
    (!said.is_empty()).then(|| {
        format!(
            "{} {}, same software ({stack}): {}.",
            capitalised(&metric.label(group.work())),
            tier(group, metric),
            said.join("; ")
        )
    })
}
