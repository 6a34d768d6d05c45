//! How long it takes until somebody notices that the network of its peer has gone: no FIN, no reset, nothing.
//!
//! A server that sends nothing never notices. The first thing that it sends after the death is not acknowledged; what is
//! counted from there is `TCP_USER_TIMEOUT` ("the maximum amount of time that transmitted data may remain unacknowledged before TCP
//! will forcibly close the connection", tcp(7)). Linux counts it from the first retransmission and has the
//! retransmission timer fire when it is over (`tcp_clamp_rto_to_user_timeout`, since Linux 4.20). The first
//! retransmission follows one RTO after a tail loss probe (RFC 8985, section 7), which itself takes the place of that of
//! an RTO, because a single segment in flight may be acknowledged 200 ms late. RTO is the round trip and at least 200 ms
//! (`TCP_RTO_MIN`) where it hardly varies. Units are seconds.

use crate::schedule::Arrivals;

/// `TCP_RTO_MIN` of Linux, seconds: what a retransmission waits beyond the smoothed round trip, at least.
pub const RTO_MIN_S: f64 = 0.2;

/// Heartbeats that a client goes without before it takes its server for dead: one may be late, and half of one is spare.
pub const PATIENCE: f64 = 2.5;

/// Mean time from a random moment to the next write on a stream that has a heartbeat every `heartbeat` seconds, if any,
/// and `rate` messages per second besides.
///
/// Constant gaps: the lesser of two evenly distributed times, of `a ≤ b` seconds at most, is `a/2 − a²/6b` on average. Poisson
/// arrivals beside a heartbeat every `H`: `1/λ − (1 − e^(−λH)) / λ²H`.
#[must_use]
pub fn next_write(heartbeat: Option<f64>, rate: f64, arrivals: Arrivals) -> f64 {
    match (heartbeat, arrivals) {
        (None, Arrivals::Constant) => 0.5 / rate,
        (None, Arrivals::Poisson) => 1.0 / rate,
        (Some(every), Arrivals::Constant) => {
            let (a, b) = (every.min(1.0 / rate), every.max(1.0 / rate));
            a / 2.0 - a * a / (6.0 * b)
        }
        (Some(every), Arrivals::Poisson) => {
            1.0 / rate - (1.0 - (-rate * every).exp()) / (rate * rate * every)
        }
    }
}

/// The standard deviation of that time is no more than that of an even distribution over the gap, or of the gaps
/// themselves.
#[must_use]
pub fn spread_of_next_write(heartbeat: Option<f64>, rate: f64, arrivals: Arrivals) -> f64 {
    match (heartbeat, arrivals) {
        (Some(every), Arrivals::Constant) => every.min(1.0 / rate) / 12.0_f64.sqrt(),
        (None, Arrivals::Constant) => 1.0 / rate / 12.0_f64.sqrt(),
        (Some(every), Arrivals::Poisson) => (every / 12.0_f64.sqrt()).min(1.0 / rate),
        (None, Arrivals::Poisson) => 1.0 / rate,
    }
}

/// From the first write that is not acknowledged until the kernel gives the connection up, by `TCP_USER_TIMEOUT` of
/// `dead_after` seconds on a path of `round_trip`: a tail loss probe, a retransmission, and what is counted from there.
#[must_use]
pub fn given_up_by_tcp(dead_after: f64, round_trip: f64) -> f64 {
    2.0 * (round_trip + RTO_MIN_S) + dead_after
}

/// From the first ping that is not answered until a server that looks at every ping, `heartbeat` seconds apart, lets go
/// of who owes a pong for `dead_after` seconds.
#[must_use]
pub fn let_go_by_pings(dead_after: f64, heartbeat: f64) -> f64 {
    (dead_after / heartbeat).ceil() * heartbeat
}

/// Mean time until a client has noticed that gives its server up when nothing has come for [`PATIENCE`] heartbeats: the last
/// sign came as long before the death as the next would have come after it.
#[must_use]
pub fn given_up_by_client(heartbeat: f64, rate: f64, arrivals: Arrivals) -> f64 {
    PATIENCE * heartbeat - next_write(Some(heartbeat), rate, arrivals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;

    fn close(found: f64, predicted: f64) {
        assert!(
            (found / predicted - 1.0).abs() < 0.02,
            "{found} against {predicted}"
        );
    }

    /// Deaths at irregular moments, and the heartbeat or message that follows each.
    #[test]
    fn writes_that_are_simulated_agree() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            for (heartbeat, rate) in [
                (None, 0.5),
                (Some(1.0), 0.5),
                (Some(3.0), 0.5),
                (Some(1.0), 1e-6),
            ] {
                let schedule = Schedule {
                    arrivals,
                    rate,
                    seed: 5,
                };
                let messages: Vec<f64> = schedule
                    .offsets()
                    .take(40_000)
                    .map(|ns| ns as f64 / 1e9)
                    .collect();
                let (mut sum, mut squares, mut next, deaths) = (0.0, 0.0, 0, 100_000);
                // The golden ratio keeps them from falling in step with anything.
                let apart = 0.618_033_988_749_895 * 0.73;
                for death in 1..=deaths {
                    let at = f64::from(death) * apart;
                    while messages[next] < at {
                        next += 1;
                    }
                    // Every stream has its heartbeats from when it was opened, whenever messages come.
                    let phase = f64::from(death) * 0.754_877_666_246_693;
                    let beat = heartbeat
                        .map_or(f64::INFINITY, |every| every - (at + phase * every) % every);
                    let waited = beat.min(messages[next] - at);
                    sum += waited;
                    squares += waited * waited;
                }
                let mean = sum / f64::from(deaths);
                let spread = (squares / f64::from(deaths) - mean * mean).sqrt();
                if rate > 1e-3 {
                    close(mean, next_write(heartbeat, rate, arrivals));
                } else {
                    close(mean, 0.5);
                    close(next_write(heartbeat, rate, arrivals), 0.5);
                }
                let most = spread_of_next_write(heartbeat, rate, arrivals);
                assert!(
                    spread < most * 1.03,
                    "{spread} of {most}, {heartbeat:?} {rate}"
                );
            }
        }
    }

    #[test]
    fn who_waits_for_pongs_looks_at_every_ping() {
        assert_eq!(let_go_by_pings(3.0, 1.0), 3.0);
        assert_eq!(let_go_by_pings(3.0, 2.0), 4.0);
        assert_eq!(let_go_by_pings(1.0, 15.0), 15.0);
    }

    #[test]
    fn the_kernel_sends_again_before_it_counts() {
        assert!((given_up_by_tcp(3.0, 0.001) - 3.402).abs() < 1e-9);
        let client = given_up_by_client(1.0, 1e-6, Arrivals::Constant);
        assert!((client - 2.0).abs() < 1e-3);
    }
}
