//! What becomes of a threshold.

use pushbench_model::drive::histogram;
use pushbench_model::histogram::Histogram;
use pushbench_stats::{Percentile, percentile};

use super::{Count, DriveThreshold, Driven, Quantity, Statistic};
use crate::compare::Side;
use crate::number::{Unit, short, whole};

/// Whether a drive kept a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It did.
    Kept,
    /// It did not.
    Exceeded,
    /// There is too little to tell.
    Undecided,
}

/// A threshold with its outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// As it was written.
    pub threshold: String,
    /// What became of it.
    pub judgement: Judgement,
    /// What the figure is, in words.
    pub found: String,
}

impl Judgement {
    /// Name in tables.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Exceeded => "exceeded",
            Self::Undecided => "cannot be told",
        }
    }
}

/// A figure as far as it is known.
enum Found {
    /// This.
    Value(f64),
    /// Beyond every value: it falls among messages that never came.
    Beyond,
    /// There is none, and why.
    None(String),
}

/// Holds `threshold` against a drive.
#[must_use]
pub fn judge(driven: &Driven<'_>, threshold: &DriveThreshold) -> Judged {
    let found = match threshold.quantity {
        Quantity::Time(name, statistic) => {
            let name = name.or(driven.latency()).unwrap_or(histogram::SERVICE);
            match driven.samples(name) {
                Some(samples) => time(samples, driven.lost_beside(name), statistic),
                None => Found::None("there are no samples".into()),
            }
        }
        Quantity::Count(count) => counted(driven, count).map_or_else(
            || Found::None("there was no publisher".into()),
            Found::Value,
        ),
    };
    let above = threshold.side == Side::Above;
    let judgement = match found {
        Found::Value(value) if above == (value > threshold.limit) && value != threshold.limit => {
            Judgement::Exceeded
        }
        Found::Beyond if above => Judgement::Exceeded,
        Found::Value(_) | Found::Beyond => Judgement::Kept,
        Found::None(_) => Judgement::Undecided,
    };
    let found = match found {
        Found::None(why) => why,
        Found::Beyond => "it lies among messages that never came".into(),
        Found::Value(value) => format!("it is {}", in_words(threshold.quantity, value)),
    };
    Judged {
        threshold: threshold.text.clone(),
        judgement,
        found,
    }
}

fn time(samples: &Histogram, lost: u64, statistic: Statistic) -> Found {
    match statistic {
        Statistic::Mean => Found::Value(samples.mean()),
        Statistic::Max if lost > 0 => Found::Beyond,
        Statistic::Max => Found::Value(samples.max() as f64),
        Statistic::Quantile(q) => match percentile(samples, lost, q) {
            Percentile::Value(value) => Found::Value(value as f64),
            Percentile::Lost => Found::Beyond,
            Percentile::TooFew { n } => {
                let needed = (10.0 / (1.0 - q)).round() as u64;
                Found::None(format!(
                    "{} samples are too few, {} are needed",
                    whole(n),
                    whole(needed)
                ))
            }
        },
    }
}

/// `None` without a publisher of our own, where it takes one.
fn counted(driven: &Driven<'_>, count: Count) -> Option<f64> {
    let report = driven.report;
    let (messages, connections) = (&report.messages, &report.connections);
    let per_second = |n: u64| n as f64 / driven.seconds();
    Some(match count {
        Count::Messages => messages.received as f64,
        Count::MessagesPerS => per_second(messages.received),
        Count::BytesPerS => per_second(report.wire_down),
        Count::Lost => messages.lost as f64,
        Count::Missing => report.published?.missing as f64,
        Count::Duplicated => messages.duplicated as f64,
        Count::Reordered => messages.reordered as f64,
        Count::Unreadable => messages.unreadable as f64,
        Count::Faults => report.faults.iter().map(|fault| fault.count).sum::<u64>() as f64,
        Count::Subscribed => connections.subscribed as f64,
        Count::Failed => connections.failed as f64,
        Count::Ended => connections.ended_by_server as f64,
        Count::Reconnects => connections.reconnects as f64,
        Count::Most => connections.most.into(),
        Count::AtEnd => connections.at_end.into(),
        Count::PublishFailed => report.published?.failed as f64,
    })
}

fn in_words(quantity: Quantity, value: f64) -> String {
    let unit = match quantity {
        Quantity::Time(..) => Unit::Time,
        Quantity::Count(Count::MessagesPerS) => Unit::PerSecond,
        Quantity::Count(Count::BytesPerS) => {
            return format!("{}/s", Unit::Memory.scale([value]).with_unit(value));
        }
        Quantity::Count(_) if value.fract() == 0.0 => return whole(value as u64),
        Quantity::Count(_) => return short(value),
    };
    unit.scale([value]).with_unit(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::sample;

    fn of(report: &pushbench_model::drive::DriveReport, text: &str) -> (Judgement, String) {
        let judged = judge(&Driven::new(report).unwrap(), &text.parse().unwrap());
        assert_eq!(judged.threshold, text);
        (judged.judgement, judged.found.replace('\u{202f}', " "))
    }

    #[test]
    fn kept_exceeded_and_neither() {
        let report = sample::with_latency();
        for (text, judgement, words) in [
            ("response.p99>5ms", Judgement::Kept, "it is 1.98 ms"),
            ("response.p99>1ms", Judgement::Exceeded, "it is 1.98 ms"),
            ("latency.p99>1ms", Judgement::Exceeded, "it is 1.98 ms"),
            ("response.p99<5ms", Judgement::Exceeded, "it is 1.98 ms"),
            (
                "response.p99.999>1ms",
                Judgement::Undecided,
                "40 000 samples are too few, 1 000 000 are needed",
            ),
            (
                "connect.p50>1ms",
                Judgement::Undecided,
                "there are no samples",
            ),
            ("lost>0", Judgement::Kept, "it is 0"),
            ("messages<40000", Judgement::Kept, "it is 40 000"),
            ("messages>40000", Judgement::Kept, "it is 40 000"),
            ("messages/s<5000", Judgement::Exceeded, "it is 4 000/s"),
            ("bytes/s<1MB", Judgement::Exceeded, "it is 640 kB/s"),
        ] {
            assert_eq!(of(&report, text), (judgement, words.into()), "{text}");
        }
    }

    /// A loss cannot improve a percentile, nor a maximum.
    #[test]
    fn what_never_came_exceeds_every_limit() {
        let mut report = sample::with_latency();
        report.published.as_mut().unwrap().missing = 1000;
        for text in ["response.p99>600s", "response.max>600s", "missing>0"] {
            assert_eq!(of(&report, text).0, Judgement::Exceeded, "{text}");
        }
        assert_eq!(of(&report, "response.p50>5ms").0, Judgement::Kept);
        report.published = None;
        assert_eq!(of(&report, "missing>0").0, Judgement::Undecided);
    }
}
