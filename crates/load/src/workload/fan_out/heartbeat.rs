//! Signs of life on streams: how many there were, by the bytes they took.

use pushbench_model::measurement::WireCount;
use pushbench_model::theory::Heartbeat;

/// Heartbeats in what was counted on so many `streams`; `None` where the bytes are not explained by them. What formulas expect is
/// brought to include them: a codec leaves them out, or has not read the last of them when bytes are counted.
pub(super) fn count(wire: &mut WireCount, one: Heartbeat, streams: u64) -> Option<u64> {
    let (expected_down, expected_up) = (wire.expected_down?, wire.expected_up?);
    let more = i128::from(wire.bytes_down) - i128::from(expected_down);
    if more % i128::from(one.down) != 0 {
        return None;
    }
    let more = more / i128::from(one.down);
    let count = match wire.bytes_up.checked_div(one.up) {
        None => u64::try_from(more).ok()?,
        // The codec counts them, but for one on each stream that it has not read, now or before. Nothing but answers goes up.
        Some(answered) => {
            let whole = answered * one.up == wire.bytes_up;
            let unsaid = expected_up.abs_diff(wire.bytes_up);
            let few = more.unsigned_abs() <= u128::from(streams) && unsaid <= streams * one.up;
            Some(answered).filter(|_| whole && few)?
        }
    };
    wire.expected_down = Some(wire.bytes_down);
    wire.expected_up = Some(wire.bytes_up);
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMENT: Heartbeat = Heartbeat { down: 9, up: 0 };
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
        let mut comments = wire((1090, 1000), (0, 0));
        assert_eq!(count(&mut comments, COMMENT, 5), Some(10));
        assert_eq!(comments.agrees(), Some(true));
        let mut none = wire((1000, 1000), (0, 0));
        assert_eq!(count(&mut none, COMMENT, 5), Some(0));
        assert_eq!(none.agrees(), Some(true));
    }

    #[test]
    fn answers_count_those_that_are_answered() {
        // One ping has not been read, or one was read that came before the phase.
        for expected in [1018, 1022] {
            let mut pings = wire((1020, expected), (60, 60));
            assert_eq!(count(&mut pings, PING, 5), Some(10));
            assert_eq!(pings.agrees(), Some(true), "{expected}");
        }
    }

    #[test]
    fn what_is_no_heartbeat_stays_a_difference() {
        let odd = [
            (wire((1003, 1000), (0, 0)), COMMENT),
            (wire((991, 1000), (0, 0)), COMMENT),
            (wire((1012, 1000), (60, 60)), PING),
            (wire((1000, 1000), (61, 60)), PING),
            (wire((1000, 1000), (120, 60)), PING),
        ];
        for (mut wire, one) in odd {
            assert_eq!(count(&mut wire, one, 5), None, "{wire:?}");
            assert_eq!(wire.agrees(), Some(false), "{wire:?}");
        }
        let mut unknown = wire((1009, 1000), (0, 0));
        unknown.expected_down = None;
        assert_eq!(count(&mut unknown, COMMENT, 5), None);
        assert_eq!(unknown.agrees(), None);
    }
}
