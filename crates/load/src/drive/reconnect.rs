//! When the next attempt begins.

use std::time::Duration;

use pushbench_model::drive::FaultKind;
use pushbench_transport::sse::source::{Ending, Next, Source};

use super::plan::Reconnect;

/// The pause before the next attempt; `None` when there is none. `failures` in a row, this one included; `source` is the
/// EventSource of the place, which every transport has; `random` makes the jitter.
pub(super) fn pause(
    policy: &Reconnect,
    kind: FaultKind,
    failures: u32,
    source: &mut Source,
    random: u64,
) -> Option<Duration> {
    let next = source.ended(ending(kind), None);
    let pause = match policy {
        Reconnect::Never => return None,
        Reconnect::EventSource => match next {
            Next::Reconnect { after_ms } => return Some(Duration::from_millis(after_ms)),
            Next::Open | Next::Follow | Next::Closed(_) => return None,
        },
        Reconnect::Fixed(pause) => *pause,
        Reconnect::Exponential { base, most } => {
            let doubled = base.saturating_mul(1 << failures.saturating_sub(1).min(20));
            let bound = u64::try_from(doubled.min(*most).as_nanos()).unwrap_or(u64::MAX);
            Duration::from_nanos(random % bound.max(1))
        }
    };
    // One that is closed stays so. Who comes back all the same has another, with the same id.
    if matches!(next, Next::Closed(_)) {
        let id = source.last_event_id().unwrap_or_default();
        *source = Source::resuming(source.retry_ms(), id);
    }
    Some(pause)
}

/// What a fault is to an EventSource. A refusal that it has not seen itself, since the transport is another one or a
/// redirect led nowhere, will be none the next time either.
const fn ending(kind: FaultKind) -> Ending {
    match kind {
        FaultKind::Connect | FaultKind::Tls | FaultKind::Timeout => Ending::Unreachable,
        FaultKind::Status | FaultKind::ContentType | FaultKind::Redirect => Ending::Futile,
        FaultKind::Ended => Ending::Complete,
        FaultKind::Protocol | FaultKind::Message | FaultKind::Publish => Ending::Broken,
    }
}

#[cfg(test)]
mod tests {
    use pushbench_transport::sse::source::{Answer, ReadyState};

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn rules_of_an_event_source() {
        let after = |kind, source: &mut Source| pause(&Reconnect::EventSource, kind, 1, source, 0);
        let mut source = Source::resuming(7, "a");
        for kind in [
            FaultKind::Ended,
            FaultKind::Connect,
            FaultKind::Tls,
            FaultKind::Timeout,
            FaultKind::Protocol,
        ] {
            assert_eq!(after(kind, &mut source), Some(ms(7)), "{kind:?}");
        }
        for kind in [
            FaultKind::Status,
            FaultKind::ContentType,
            FaultKind::Redirect,
        ] {
            assert_eq!(after(kind, &mut source.clone()), None, "{kind:?}");
        }
        // What it was answered counts more than how the connection ended.
        let refusal = Answer {
            status: 204,
            ..Answer::default()
        };
        source.answered(&refusal);
        assert_eq!(after(FaultKind::Ended, &mut source), None);
    }

    #[test]
    fn other_policies() {
        let mut source = Source::resuming(7, "a");
        let mut after = |policy: &Reconnect, kind, failures, random| {
            pause(policy, kind, failures, &mut source, random)
        };
        assert_eq!(after(&Reconnect::Never, FaultKind::Ended, 1, 0), None);
        let fixed = Reconnect::Fixed(ms(9));
        assert_eq!(after(&fixed, FaultKind::Status, 3, 0), Some(ms(9)));
        let policy = Reconnect::Exponential {
            base: ms(100),
            most: ms(1000),
        };
        let mut longest = |failures| after(&policy, FaultKind::Status, failures, u64::MAX).unwrap();
        assert!(longest(1) < ms(100) && longest(2) < ms(200) && longest(40) < ms(1000));
        assert_eq!(source.ready_state(), ReadyState::Connecting);
        assert_eq!((source.retry_ms(), source.last_event_id()), (7, Some("a")));
    }
}
