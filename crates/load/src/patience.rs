//! How long a measurement waits for what may never come.

use std::time::Duration;

/// The deadlines of a measurement. They end what a broken server would keep waiting for ever; a healthy server never
/// comes near them, so they change no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For all subscribers of a fan-out to be accepted: 30 s, enough for a slow server and many connections.
    pub connect: Duration,
    /// For one connection of the connect workload to get its message: 10 s.
    pub first_message: Duration,
    /// After the last message is due, for late deliveries before they count as lost, and for the publisher to say that
    /// it is done: 5 s.
    pub drain: Duration,
    /// For any answer of the control endpoint: 5 s.
    pub control: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            first_message: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            control: Duration::from_secs(5),
        }
    }
}
