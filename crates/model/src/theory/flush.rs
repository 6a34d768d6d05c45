//! Messages that wait for others, for messages that come as a Poisson process.
//!
//! The first message after a pause opens a window of `W` seconds; when it closes, all that came are written together. With `λ`
//! messages per second, `λW` join the first on average. It waits `W`, and each of the others, which come anywhere in the
//! window, `W/2` on average. Units are seconds and messages per second.

/// What a flush window makes of a stream of messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flush {
    /// Messages per write, at least one.
    pub batch: f64,
    /// Mean time that a message waits, seconds.
    pub mean_wait: f64,
}

/// A window of `window` seconds for `rate` messages per second.
///
/// `B = 1 + λW`, mean wait `W (1 + λW/2) / (1 + λW)`.
#[must_use]
pub fn flush(rate: f64, window: f64) -> Flush {
    let joined = rate * window;
    Flush {
        batch: 1.0 + joined,
        mean_wait: window * (1.0 + joined / 2.0) / (1.0 + joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Arrivals, Schedule};

    fn close(measured: f64, predicted: f64) {
        assert!(
            (measured / predicted - 1.0).abs() < 0.02,
            "{measured} against {predicted}"
        );
    }

    #[test]
    fn windows_that_are_simulated_agree() {
        for (rate, window) in [(500.0, 0.0002), (500.0, 0.005), (500.0, 0.02)] {
            let schedule = Schedule {
                arrivals: Arrivals::Poisson,
                rate,
                seed: 3,
            };
            let (mut closes, mut writes, mut messages, mut waited) = (0.0_f64, 0.0, 0.0, 0.0);
            for ns in schedule.offsets().take(200_000) {
                let at = ns as f64 / 1e9;
                if messages == 0.0 || at >= closes {
                    closes = at + window;
                    writes += 1.0;
                }
                messages += 1.0;
                waited += closes - at;
            }
            let theory = flush(rate, window);
            close(messages / writes, theory.batch);
            close(waited / messages, theory.mean_wait);
        }
    }

    #[test]
    fn what_comes_alone_waits_for_nobody() {
        let alone = flush(0.001, 0.02);
        assert!((alone.batch - 1.0).abs() < 1e-3 && (alone.mean_wait - 0.02).abs() < 1e-5);
    }
}
