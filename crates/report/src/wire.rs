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

/// Payload bytes of the largest segment on loopback: the largest IP packet, 65,535 bytes, less 40 of headers and 12 of
/// timestamps.
pub const LOOPBACK_SEGMENT: u64 = 65_483;

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
    /// Segments with payload server to client when every message (or answer, where clients ask) is written at
    /// once: one for each [`LOOPBACK_SEGMENT`] of it. Messages that share a write take fewer, messages that are written
    /// in pieces more.
    pub expected_data_down: f64,
    /// The most there may be of them before messages must have been written in pieces. More than expected only where
    /// answers differ in length, of which only the sum is known.
    pub most_data_down: f64,
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
        let batches = batches.filter(|&n| n > 0);
        // A poll by the clock is mostly answered with nothing, which is a segment, too; each asks with one of its own.
        let by_clock = measured[0].transport == "short-poll";
        let answers = batches.map(|n| {
            if by_clock {
                n.max(wire.data_segments_up)
            } else {
                n
            }
        });
        let writes = answers.unwrap_or(operations);
        // Answers to what subscribers post have a segment each, beside those of the messages.
        let said = measured.iter().filter_map(|m| m.upstream);
        let (said, said_bytes) = said.fold((0, 0), |(n, bytes), said| {
            (n + said.answers, bytes + said.answer_bytes)
        });
        let pushed = wire.bytes_down.saturating_sub(said_bytes);
        let each = pushed.div_ceil(writes).div_ceil(LOOPBACK_SEGMENT);
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
            expected_data_down: per(writes * each + said),
            most_data_down: per(match answers {
                Some(answers) => answers + pushed / LOOPBACK_SEGMENT + said,
                None => writes * each + said,
            }),
            data_up: per(wire.data_segments_up),
            per_batch: batches.map(|n| operations as f64 / n as f64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Results;
    use crate::sample;

    /// Expected and most segments per message of `server` when it sends `bytes` for each of its messages.
    fn expected(server: &str, bytes: u64) -> (f64, f64) {
        let mut record = sample::record();
        for recorded in &mut record.trials {
            if let Some(measured) = &mut recorded.trial.measurement {
                measured.wire.bytes_down = bytes * measured.operations;
                let answers = measured.operations / 2;
                measured.batches = measured.batches.map(|_| answers);
            }
        }
        let results = Results::new(&record);
        let mut arms = results.groups[0].arms.iter();
        let arm = arms.find(|arm| arm.label() == server).unwrap();
        let p = PerOperation::of(&arm.valid).unwrap();
        (p.expected_data_down, p.most_data_down)
    }

    /// Most answers to polls by the clock say nothing; all are segments.
    #[test]
    fn polls_by_the_clock_have_a_segment_each() {
        let mut record = sample::record();
        for recorded in &mut record.trials {
            let Some(measured) = &mut recorded.trial.measurement else {
                continue;
            };
            if measured.batches.is_some() {
                measured.transport = "short-poll".into();
                measured.batches = Some(measured.operations / 4);
                measured.wire.data_segments_up = 3 * measured.operations;
                measured.wire.bytes_down = 200 * measured.operations;
            }
        }
        let results = Results::new(&record);
        let mut arms = results.groups[0].arms.iter();
        let arm = arms.find(|arm| arm.label() == "long-poll/reference");
        let p = PerOperation::of(&arm.unwrap().valid).unwrap();
        assert!((p.expected_data_down - 3.0).abs() < 1e-9);
        assert_eq!(p.per_batch, Some(4.0));
    }

    #[test]
    fn a_segment_for_each_message_or_answer() {
        assert_eq!(expected("sse/reference", 248), (1.0, 1.0));
        assert_eq!(expected("sse/reference", LOOPBACK_SEGMENT), (1.0, 1.0));
        assert_eq!(expected("sse/reference", LOOPBACK_SEGMENT + 1), (2.0, 2.0));
        // Two messages to an answer; where answers are long, their lengths decide.
        let (small, most) = expected("long-poll/reference", 248);
        assert!((small - 0.5).abs() < 1e-9 && (0.5..0.51).contains(&most));
        let (large, most) = expected("long-poll/reference", 65_700);
        assert!((large - 1.5).abs() < 1e-9 && (1.5..1.51).contains(&most));
    }
}
