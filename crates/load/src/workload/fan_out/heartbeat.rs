//! Signs of life on streams: how many there were, by the bytes they took.

use pushbench_model::measurement::WireCount;
use pushbench_transport::transport::Heartbeat;

/// Heartbeats in what was counted. What formulas expect is brought to include them, if the rest of the bytes is as they say:
/// a codec leaves them out, or has not read the last of them when bytes are counted.
pub(super) fn count(wire: &mut WireCount, one: Heartbeat) -> u64 {
    let missing = |counted: u64, expected: Option<u64>, each: u64| {
        let missing = i128::from(counted) - i128::from(expected?);
        (each > 0 && missing % i128::from(each) == 0).then_some(missing / i128::from(each))
    };
    let down = missing(wire.bytes_down, wire.expected_down, one.down);
    if down.is_some() {
        wire.expected_down = Some(wire.bytes_down);
    }
    if one.up == 0 {
        return down.and_then(|count| count.try_into().ok()).unwrap_or(0);
    }
    // Nothing else goes up a stream that is open.
    if wire.bytes_up % one.up == 0 {
        wire.expected_up = wire.expected_up.map(|_| wire.bytes_up);
    }
    wire.bytes_up / one.up
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: Heartbeat = Heartbeat { down: 8, up: 0 };
    const PING: Heartbeat = Heartbeat { down: 2, up: 6 };

    fn wire(down: (u64, u64), up: (u64, u64)) -> WireCount {
        WireCount {
            bytes_down: down.0,
            expected_down: Some(down.1),
            bytes_up: up.0,
            expected_up: Some(up.1),
            ..WireCount::default()
        }
    }

    #[test]
    fn what_is_not_expected_is_heartbeats() {
        let mut comments = wire((1080, 1000), (0, 0));
        assert_eq!(count(&mut comments, COMMENT), 10);
        assert_eq!(comments.agrees(), Some(true));
        let mut none = wire((1000, 1000), (0, 0));
        assert_eq!((count(&mut none, COMMENT), none.agrees()), (0, Some(true)));
    }

    #[test]
    fn answers_count_those_that_are_answered() {
        // One ping has not been read, one was read that came before the phase.
        for expected in [1018, 1022] {
            let mut pings = wire((1020, expected), (60, 60));
            assert_eq!(count(&mut pings, PING), 10);
            assert_eq!(pings.agrees(), Some(true), "{expected}");
        }
    }

    #[test]
    fn what_is_no_heartbeat_stays_a_difference() {
        let mut odd = wire((1003, 1000), (0, 0));
        assert_eq!((count(&mut odd, COMMENT), odd.agrees()), (0, Some(false)));
        let mut unknown = wire((1008, 1000), (0, 0));
        unknown.expected_down = None;
        assert_eq!((count(&mut unknown, COMMENT), unknown.agrees()), (0, None));
    }
}
