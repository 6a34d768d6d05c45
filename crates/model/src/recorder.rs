//! Histograms of the two delays of a delivery.

use crate::histogram::{self, HIGHEST, Histogram};
use crate::message::Stamp;

/// Response and service times of the deliveries of one worker.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// Receive time minus intended publish time.
    pub response: Histogram,
    /// Receive time minus actual publish time.
    pub service: Histogram,
    /// When the last recorded message was received, CLOCK_MONOTONIC nanoseconds.
    pub last_received: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            response: histogram::new(),
            service: histogram::new(),
            last_received: 0,
        }
    }
}

impl Recorder {
    /// Records one delivery.
    #[inline]
    pub fn record(&mut self, stamp: Stamp, received: u64) {
        // A clock that ran backwards would show as zero, not as a wrapped giant.
        let response = received.saturating_sub(stamp.intended);
        let service = received.saturating_sub(stamp.published);
        self.response.saturating_record(response.min(HIGHEST));
        self.service.saturating_record(service.min(HIGHEST));
        self.last_received = received;
    }

    /// Adds the deliveries of another worker. Histograms are merged, never averaged.
    pub fn merge(&mut self, other: &Self) {
        self.response
            .add(&other.response)
            .expect("all recorders share their bounds");
        self.service
            .add(&other.service)
            .expect("all recorders share their bounds");
        self.last_received = self.last_received.max(other.last_received);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_equals_recording_together() {
        let (mut left, mut right, mut both) = (
            Recorder::default(),
            Recorder::default(),
            Recorder::default(),
        );
        for i in 0..1000u64 {
            let stamp = Stamp {
                seq: i,
                intended: i * 10,
                published: i * 10 + 3,
            };
            let part = if i % 3 == 0 { &mut left } else { &mut right };
            part.record(stamp, i * 11 + 100);
            both.record(stamp, i * 11 + 100);
        }
        left.merge(&right);
        assert_eq!(left.response, both.response);
        assert_eq!(left.service, both.service);
        assert_eq!(left.last_received, both.last_received);
    }

    #[test]
    fn response_counts_from_the_intended_time() {
        let mut recorder = Recorder::default();
        recorder.record(
            Stamp {
                seq: 1,
                intended: 1_000,
                published: 5_000,
            },
            6_000,
        );
        assert!(recorder.response.equivalent(recorder.response.max(), 5_000));
        assert!(recorder.service.equivalent(recorder.service.max(), 1_000));
    }
}
