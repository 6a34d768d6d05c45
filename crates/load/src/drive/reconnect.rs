//! When the next attempt begins.

use std::time::Duration;

use pushbench_model::drive::FaultKind;

use super::plan::Reconnect;

/// The reconnection time of an EventSource that was told none, as Chromium has it.
const EVENT_SOURCE: Duration = Duration::from_secs(3);

/// The pause before the next attempt; `None` when there is none. `failures` in a row, this one included; `retry_ms` as the other
/// side wants it; `random` makes the jitter.
pub(super) fn pause(
    policy: &Reconnect,
    kind: FaultKind,
    failures: u32,
    retry_ms: Option<u64>,
    random: u64,
) -> Option<Duration> {
    match policy {
        Reconnect::Never => None,
        // WHATWG HTML, section 9.2.3: an answer that refuses fails the connection, everything else reestablishes it.
        Reconnect::EventSource => match kind {
            FaultKind::Status | FaultKind::ContentType | FaultKind::Redirect => None,
            _ => Some(retry_ms.map_or(EVENT_SOURCE, Duration::from_millis)),
        },
        Reconnect::Fixed(pause) => Some(*pause),
        Reconnect::Exponential { base, most } => {
            let doubled = base.saturating_mul(1 << failures.saturating_sub(1).min(20));
            let bound = u64::try_from(doubled.min(*most).as_nanos()).unwrap_or(u64::MAX);
            Some(Duration::from_nanos(random % bound.max(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies() {
        let ms = Duration::from_millis;
        let source = |kind, retry| pause(&Reconnect::EventSource, kind, 1, retry, 0);
        assert_eq!(source(FaultKind::Ended, None), Some(ms(3000)));
        assert_eq!(source(FaultKind::Connect, Some(7)), Some(ms(7)));
        assert_eq!(source(FaultKind::Status, Some(7)), None);
        assert_eq!(pause(&Reconnect::Never, FaultKind::Ended, 1, None, 0), None);
        assert_eq!(
            pause(&Reconnect::Fixed(ms(9)), FaultKind::Status, 3, Some(1), 0),
            Some(ms(9))
        );
        let policy = Reconnect::Exponential {
            base: ms(100),
            most: ms(1000),
        };
        let longest =
            |failures| pause(&policy, FaultKind::Ended, failures, None, u64::MAX).unwrap();
        assert!(longest(1) < ms(100) && longest(2) < ms(200) && longest(40) < ms(1000));
    }
}
