//! What a pushed message meets on its way: the subscribers before it, buffers, and acknowledgements that are awaited.

/// Seconds until the subscriber at place `place`, from 1, has a message, over a way of `round_trip` seconds, where nothing queues
/// but the writes before its own, at `cost` seconds each.
#[must_use]
pub fn pushed(round_trip: f64, place: u64, cost: f64) -> f64 {
    round_trip / 2.0 + place as f64 * cost
}

/// Mean and last delay of the subscribers of a fan-out, seconds, that one loop serves in turn at `cost` seconds each: the
/// subscriber at place `k` waits for `k` writes. The mean is `(N + 1) c / 2`, which for many is as good as `N c / 2`.
#[must_use]
pub fn fan_out(subscribers: u64, cost: f64) -> (f64, f64) {
    let last = subscribers as f64 * cost;
    ((last + cost) / 2.0, last)
}

/// Seconds until the first message leaves a proxy that passes on full buffers of `buffer` bytes only, when a message of
/// `message` bytes comes every `interval` seconds, the first at once: it counts from there. Counted from one interval before the
/// first, there is one interval more.
#[must_use]
pub fn held_by_a_buffer(buffer: u64, message: u64, interval: f64) -> f64 {
    let needed = buffer.div_ceil(message.max(1)).max(1);
    (needed - 1) as f64 * interval
}

/// Seconds that a small message waits for the acknowledgement of the one before it when Nagle's algorithm is on (RFC 896,
/// RFC 9293 §3.7.4): a round trip if the peer acknowledges at once, otherwise until its delayed acknowledgement after
/// `delay` seconds or its own next message, every `peer` seconds, which carries one.
#[must_use]
pub fn nagle(round_trip: f64, acknowledged_at_once: bool, delay: f64, peer: Option<f64>) -> f64 {
    if acknowledged_at_once {
        return round_trip;
    }
    round_trip + peer.map_or(delay, |period| period.min(delay))
}

/// Messages that a subscriber misses who was away for `away` seconds and cannot say where it was, at `rate` messages per
/// second.
#[must_use]
pub fn missed_while_away(rate: f64, away: f64) -> f64 {
    rate * away
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_subscriber_waits_for_half_of_the_loop() {
        let cost = 2e-6;
        let waits = (1..=1000).map(|place| f64::from(place) * cost);
        let (sum, last) = waits.fold((0.0, 0.0), |(sum, _), wait| (sum + wait, wait));
        let (mean, end) = fan_out(1000, cost);
        assert!((mean - sum / 1000.0).abs() < 1e-12 && (end - last).abs() < 1e-12);
        assert!((mean / (1000.0 * cost / 2.0) - 1.0).abs() < 0.002);
        let ways = (1..=1000).map(|place| pushed(0.05, place, cost));
        assert!((ways.sum::<f64>() / 1000.0 - (0.025 + mean)).abs() < 1e-12);
    }

    #[test]
    fn a_buffer_fills_message_by_message() {
        let held = held_by_a_buffer(4096, 72, 0.021);
        assert_eq!(held, 56.0 * 0.021);
        assert!(
            (held - 1.19).abs() < 0.021,
            "nginx as the formula's source tells of it: {held}"
        );
        assert_eq!(held_by_a_buffer(4096, 5000, 1.0), 0.0, "one fills it");
        assert_eq!(held_by_a_buffer(0, 72, 1.0), 0.0);
    }

    #[test]
    fn nagle_waits_for_whatever_brings_the_acknowledgement() {
        assert_eq!(nagle(0.1, true, 0.04, None), 0.1);
        assert_eq!(nagle(0.0, false, 0.04, None), 0.04);
        assert_eq!(nagle(0.0, false, 0.04, Some(0.01)), 0.01);
    }
}
