//! Pings, and clients that do not answer them.

use std::future::pending;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Interval};

use crate::transport::ServeOptions;

/// The heartbeat of one WebSocket.
pub(super) struct Pulse {
    ticks: Interval,
    /// When a ping was sent after which nothing has come.
    pinged: Option<Instant>,
    dead_after: Option<Duration>,
}

/// What is to be done at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// The client is to be pinged.
    Ping,
    /// It has owed an answer for too long: let go of it.
    Dead,
}

impl Pulse {
    /// `None` when there are no heartbeats. Boxed, so that connections without have no room for it.
    pub(super) fn of(options: &ServeOptions) -> Option<Box<Self>> {
        let ticks = options.heartbeat()?;
        Some(Box::new(Self {
            ticks,
            pinged: None,
            dead_after: options.dead_after(),
        }))
    }

    /// The client has said something: it lives.
    pub(super) fn heard(&mut self) {
        self.pinged = None;
    }

    pub(super) fn poll_beat(&mut self, cx: &mut Context<'_>) -> Poll<Beat> {
        self.ticks.poll_tick(cx).map(|now| self.beat(now))
    }

    fn beat(&mut self, now: Instant) -> Beat {
        let silent = now.saturating_duration_since(*self.pinged.get_or_insert(now));
        match self.dead_after {
            Some(dead_after) if silent >= dead_after => Beat::Dead,
            Some(_) | None => Beat::Ping,
        }
    }
}

/// The client has said something.
pub(super) fn heard(pulse: &mut Option<Box<Pulse>>) {
    if let Some(pulse) = pulse {
        pulse.heard();
    }
}

/// The next beat of a pulse, if there is one.
pub(super) async fn next_beat(pulse: &mut Option<Box<Pulse>>) -> Beat {
    match pulse {
        Some(pulse) => {
            let now = pulse.ticks.tick().await;
            pulse.beat(now)
        }
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(dead_after_s: Option<u32>) -> ServeOptions {
        ServeOptions {
            heartbeat_s: Some(1),
            dead_after_s,
            ..ServeOptions::default()
        }
    }

    /// A pulse, and a moment to count from; a timer needs a runtime.
    fn with_pulse(dead_after_s: Option<u32>, test: impl FnOnce(&mut Pulse, Instant)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut pulse = Pulse::of(&options(dead_after_s)).unwrap();
            test(&mut pulse, Instant::now());
        });
    }

    #[test]
    fn who_answers_nothing_is_dead_after_its_time() {
        with_pulse(Some(3), |pulse, start| {
            for second in 0..3 {
                assert_eq!(pulse.beat(start + Duration::from_secs(second)), Beat::Ping);
            }
            assert_eq!(pulse.beat(start + Duration::from_secs(3)), Beat::Dead);
        });
    }

    #[test]
    fn who_answers_lives_and_who_need_not_does_too() {
        for (dead_after_s, answers) in [(Some(3), true), (None, false)] {
            with_pulse(dead_after_s, |pulse, start| {
                for second in 0..20 {
                    assert_eq!(pulse.beat(start + Duration::from_secs(second)), Beat::Ping);
                    if answers {
                        pulse.heard();
                    }
                }
            });
        }
        assert!(Pulse::of(&ServeOptions::default()).is_none());
    }
}
