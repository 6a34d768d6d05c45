//! Counted bytes against the formulas.

use pushbench_model::record::RecordedTrial;

/// Whether the bytes of a server's trials equal the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// No formula applies, or nothing was counted.
    NoFormula,
    /// Every trial agrees to the byte.
    Match,
    /// Some do not.
    Mismatch,
}

impl Agreement {
    /// Compares `trials`.
    #[must_use]
    pub fn of(trials: &[&RecordedTrial]) -> Self {
        let measured = trials.iter().filter_map(|t| t.trial.measurement.as_ref());
        let agree: Vec<bool> = measured.filter_map(|m| m.wire.agrees()).collect();
        match (agree.is_empty(), agree.contains(&false)) {
            (true, _) => Self::NoFormula,
            (false, false) => Self::Match,
            (false, true) => Self::Mismatch,
        }
    }
}

/// Wire counts per unit of work, over all trials of a server together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerOperation {
    /// Bytes of payload in a message.
    pub payload: f64,
    /// Bytes server to client.
    pub down: f64,
    /// Bytes client to server.
    pub up: f64,
    /// Bytes by formula, both directions; absent unless every trial has a formula.
    pub expected: Option<f64>,
    /// Segments, both directions.
    pub segments: f64,
    /// Segments with payload, server to client.
    pub data_down: f64,
    /// Segments with payload, client to server.
    pub data_up: f64,
    /// Messages per answer, where a transport delivers in batches.
    pub per_batch: Option<f64>,
}

impl PerOperation {
    /// Counts of `trials` per operation; `None` when nothing was done or counted.
    #[must_use]
    pub fn of(trials: &[&RecordedTrial]) -> Option<Self> {
        let measured: Vec<_> = trials
            .iter()
            .filter_map(|t| t.trial.measurement.as_ref())
            .collect();
        let mut wire = measured.first()?.wire;
        for other in &measured[1..] {
            wire.add(&other.wire);
        }
        let operations = measured.iter().map(|m| m.operations).sum::<u64>();
        if operations == 0 || wire.bytes_down == 0 {
            return None;
        }
        let per = |count: u64| count as f64 / operations as f64;
        let batches: Option<u64> = measured.iter().map(|m| m.batches).sum();
        Some(Self {
            payload: measured[0].payload_bytes as f64,
            down: per(wire.bytes_down),
            up: per(wire.bytes_up),
            expected: wire
                .expected_down
                .zip(wire.expected_up)
                .map(|(d, u)| per(d + u)),
            segments: per(wire.segments_down + wire.segments_up),
            data_down: per(wire.data_segments_down),
            data_up: per(wire.data_segments_up),
            per_batch: batches
                .filter(|&n| n > 0)
                .map(|n| operations as f64 / n as f64),
        })
    }
}
