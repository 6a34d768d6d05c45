//! The question a person comes with: what does the choice of the transport cost, everything else being the same?

use super::statement::{BEYOND, factor, spans_one, within_margin};
use crate::metric::Metric;
use crate::number::capitalised;
use crate::results::{Arm, Group};
use pushbench_stats::FEWEST_PAIRS;

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
        Some(ratio) => {
            let factor = factor(&ratio, metric.is_exact());
            if spans_one(&ratio) {
                format!("{name} shows no difference, factor {factor}")
            } else if within_margin(&ratio, metric) {
                format!("{name} shows no difference {BEYOND}, factor {factor}")
            } else if ratio.value < 1.0 {
                format!("{name} is lower, factor {factor}")
            } else {
                format!("{name} costs a factor {factor}")
            }
        }
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

    /// What is said of websocket where it costs `factor` times what sse does, and half a percent of noise.
    fn websocket_at(factor: f64) -> String {
        let mut record = sample::record();
        for recorded in &mut record.trials {
            let trial = &mut recorded.trial;
            let operations = trial.measurement.as_ref().map_or(0, |m| m.operations);
            let noise = 1.0 + 0.001 * f64::from(trial.repetition % 3);
            let each = match trial.server.transport.as_str() {
                "websocket" => 1e5 * factor * noise,
                _ => 1e5,
            };
            if let Some(usage) = &mut trial.server_usage {
                usage.cost.cpu_ns = each as u64 * operations;
            }
        }
        let results = Results::new(&record);
        on_the_same_stack(&results.groups[0], Metric::Cpu(Side::Server)).unwrap()
    }

    #[test]
    fn small_and_negative_differences_have_their_words() {
        let said = websocket_at(1.02);
        assert!(
            said.contains("websocket shows no difference beyond 5\u{202f}%, factor 1.02"),
            "{said}"
        );
        let said = websocket_at(0.999);
        assert!(
            said.contains("websocket shows no difference, factor 1.00"),
            "{said}"
        );
        let said = websocket_at(0.8);
        assert!(said.contains("websocket is lower, factor 0.80"), "{said}");
    }

    #[test]
    fn counted_bytes_have_no_margin() {
        let mut record = sample::record();
        for recorded in &mut record.trials {
            let websocket = recorded.trial.server.transport == "websocket";
            if let Some(measured) = &mut recorded.trial.measurement {
                measured.wire.bytes_up = 0;
                measured.wire.bytes_down = measured.operations * if websocket { 201 } else { 200 };
            }
        }
        let results = Results::new(&record);
        let said = on_the_same_stack(&results.groups[0], Metric::Bytes).unwrap();
        assert!(said.contains("websocket costs a factor 1.0050;"), "{said}");
        assert!(
            said.contains("long-poll shows no difference, factor 1.00."),
            "{said}"
        );
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
