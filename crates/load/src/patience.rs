//! How long a measurement waits for what may never come.

use std::time::Duration;

/// The deadlines of a measurement. They end what a broken server would keep waiting for ever; a healthy server never
/// comes near them, so they change no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For subscribers of a fan-out to be accepted, whatever their number: 30 s.
    pub connect: Duration,
    /// The same for each of them on top: 2 ms. 500 connections in a second are few even for a slow server on a busy core.
    pub connect_each: Duration,
    /// For one connection of the connect workload to get its message: 10 s.
    pub first_message: Duration,
    /// After the last message is due, for late deliveries before they count as lost, and for the publisher to say that
    /// it is done: 5 s.
    pub drain: Duration,
    /// For any answer of the control endpoint: 5 s.
    pub control: Duration,
}

impl Patience {
    /// For all of `subscribers` to be accepted: `connect + subscribers * connect_each`, by default 130 s for 50,000.
    #[must_use]
    pub fn for_connecting(&self, subscribers: u32) -> Duration {
        let each = self.connect_each.saturating_mul(subscribers);
        self.connect.saturating_add(each)
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            connect_each: Duration::from_millis(2),
            first_message: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            control: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_the_crowd() {
        let usual = Patience::default();
        let seconds = |subscribers| usual.for_connecting(subscribers).as_secs_f64();
        assert_eq!(
            [0, 100, 10_000, 50_000].map(seconds),
            [30.0, 30.2, 50.0, 130.0]
        );
        let endless = Patience {
            connect_each: Duration::MAX,
            ..usual
        };
        assert_eq!(endless.for_connecting(u32::MAX), Duration::MAX);
    }
}
