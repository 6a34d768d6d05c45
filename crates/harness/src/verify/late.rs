//! Whether it was looked at whom messages were late for, and the counts of it agree with each other.

use pushbench_model::late::MOST_MESSAGES;
use pushbench_model::measurement::{LateCount, Measurement};
use pushbench_model::record::{Blame, Reason};
use pushbench_model::scenario::{FanOut, Scenario, Workload};

use super::because;

pub(super) fn late_ones(measurement: &Measurement, scenario: &Scenario, reasons: &mut Vec<Reason>) {
    let fan_out = match &scenario.workload {
        Workload::FanOut(fan_out) => Some(fan_out),
        Workload::Connect(_) | Workload::Tokens(_) => None,
    };
    let wanted = fan_out.and_then(|fan_out| Some((fan_out, fan_out.late_ns()?)));
    let wrong = match (wanted, &measurement.late) {
        (None, None) => None,
        (None, Some(_)) => {
            Some("it was looked at whom messages are late for, which nobody asked".into())
        }
        (Some(_), None) => Some("it was not looked at whom messages are late for".into()),
        (Some((fan_out, bound_ns)), Some(count)) => {
            disagreement(count, bound_ns).or_else(|| missing(count, measurement, fan_out))
        }
    };
    reasons.extend(wrong.map(|text| because(Blame::Client, text)));
}

/// What no messages and subscribers could have come to.
fn disagreement(count: &LateCount, bound_ns: u64) -> Option<String> {
    if count.bound_ns != bound_ns {
        let was = count.bound_ns;
        return Some(format!(
            "messages counted as late from {was} ns on, not from {bound_ns} ns"
        ));
    }
    let &LateCount {
        subscribers,
        messages,
        hit,
        deliveries,
        most,
        ..
    } = count;
    // Each of them was late for one subscriber at least, and for `most` at most.
    let between = hit <= deliveries && deliveries <= hit.saturating_mul(most);
    let largest = most <= subscribers && most <= deliveries;
    (!between || !largest || hit > messages).then(|| {
        format!(
            "counts of late messages contradict each other: {hit} of {messages} messages, {deliveries} deliveries, {most} of \
             {subscribers} subscribers at most"
        )
    })
}

/// What was delivered and not looked at. Where deliveries are missing, somebody else is to blame.
fn missing(count: &LateCount, measurement: &Measurement, fan_out: &FanOut) -> Option<String> {
    if measurement.undelivered() > 0 {
        return None;
    }
    let (seen, wanted) = (count.subscribers, measurement.measured_subscribers());
    if seen != wanted {
        return Some(format!(
            "{seen} subscribers were told apart when messages were late, {wanted} had them"
        ));
    }
    let (seen, published) = (count.messages, measurement.published.min(MOST_MESSAGES));
    let all = fan_out.large.is_none();
    (seen > published || all && seen < published)
        .then(|| format!("{seen} messages were looked at for lateness, {published} were published"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{flawless, scenario};
    use super::super::verify;
    use super::*;

    use pushbench_model::profile::Profile;
    use pushbench_model::record::Outcome;

    /// Two hundred messages to ten subscribers, twenty of them late for some.
    const COUNT: LateCount = LateCount {
        bound_ns: 50_000_000,
        subscribers: 10,
        messages: 200,
        hit: 20,
        deliveries: 60,
        most: 10,
        stream_p99_ns: None,
        worst_stream_p99_ns: None,
    };

    /// What is wrong with `count`, of a scenario that has 50 ms as late, or nothing as late.
    fn reasons(asked: bool, count: Option<LateCount>) -> Vec<String> {
        let (mut scenario, mut measured) = (scenario(), flawless());
        if let Workload::FanOut(fan_out) = &mut scenario.workload {
            fan_out.late_ms = asked.then_some(50.0);
        }
        measured.late = count;
        match verify(&measured, &scenario, Profile::Quick) {
            Outcome::Valid => Vec::new(),
            Outcome::Invalid { reasons } => {
                assert!(reasons.iter().all(|reason| reason.side == Blame::Client));
                reasons.into_iter().map(|reason| reason.text).collect()
            }
            Outcome::Failed { reason } => panic!("{reason}"),
        }
    }

    #[test]
    fn counts_that_agree_are_used() {
        let none = LateCount {
            hit: 0,
            deliveries: 0,
            most: 0,
            ..COUNT
        };
        for (asked, count) in [(false, None), (true, Some(COUNT)), (true, Some(none))] {
            assert_eq!(reasons(asked, count), [""; 0]);
        }
    }

    #[test]
    fn counts_that_cannot_be_are_not() {
        let with = |change: fn(&mut LateCount)| {
            let mut count = COUNT;
            change(&mut count);
            Some(count)
        };
        for (asked, count, wanted) in [
            (true, None, "was not looked at"),
            (false, Some(COUNT), "nobody asked"),
            (
                true,
                with(|c| c.bound_ns = 1),
                "late from 1 ns on, not from 50000000",
            ),
            (true, with(|c| c.deliveries = 201), "contradict each other"),
            (true, with(|c| c.deliveries = 19), "contradict each other"),
            (true, with(|c| c.most = 11), "contradict each other"),
            (true, with(|c| c.most = 2), "contradict each other"),
            (true, with(|c| c.hit = 0), "contradict each other"),
            (true, with(|c| c.messages = 19), "contradict each other"),
            (
                true,
                with(|c| c.subscribers = 11),
                "11 subscribers were told apart",
            ),
            (
                true,
                with(|c| c.messages = 199),
                "199 messages were looked at",
            ),
            (
                true,
                with(|c| c.messages = 201),
                "201 messages were looked at",
            ),
        ] {
            let found = reasons(asked, count);
            assert!(
                found.len() == 1 && found[0].contains(wanted),
                "{wanted}: {found:?}"
            );
        }
    }

    /// One message in fifty is large, and not looked at.
    #[test]
    fn large_ones_need_not_be_among_them() {
        let (mut scenario, mut measured) = (scenario(), flawless());
        if let Workload::FanOut(fan_out) = &mut scenario.workload {
            fan_out.late_ms = Some(50.0);
            fan_out.large = Some(pushbench_model::scenario::Large {
                every: 50,
                bytes: 1000,
            });
        }
        measured.late = Some(LateCount {
            messages: 196,
            ..COUNT
        });
        let outcome = verify(&measured, &scenario, Profile::Quick);
        assert_eq!(outcome, Outcome::Valid);
    }

    #[test]
    fn what_never_arrived_is_the_servers_affair() {
        let (mut scenario, mut measured) = (scenario(), flawless());
        if let Workload::FanOut(fan_out) = &mut scenario.workload {
            fan_out.late_ms = Some(50.0);
        }
        measured.operations -= 200;
        measured.late = Some(LateCount {
            subscribers: 9,
            most: 9,
            ..COUNT
        });
        let Outcome::Invalid { reasons } = verify(&measured, &scenario, Profile::Quick) else {
            panic!("deliveries are missing");
        };
        assert!(reasons.iter().all(|reason| reason.side == Blame::Server));
    }
}
