//! HdrHistogram with the settings every Pushbench histogram shares, and its text form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Serialize};

/// Nanoseconds, three significant digits.
pub type Histogram = hdrhistogram::Histogram<u64>;

/// Largest value kept apart: ten minutes. Larger ones are recorded as this.
pub const HIGHEST: u64 = 600_000_000_000;

/// An empty histogram: 1 ns to [`HIGHEST`], three significant digits.
#[must_use]
pub fn new() -> Histogram {
    Histogram::new_with_bounds(1, HIGHEST, 3).expect("the bounds are valid")
}

/// Text that is not a histogram.
#[derive(Debug, thiserror::Error)]
#[error("not a histogram in HdrHistogram V2 text form: {0}")]
pub struct HistogramError(String);

/// A histogram as base64 of the compressed HdrHistogram V2 format, as other HdrHistogram tools read and write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncodedHistogram(pub String);

impl EncodedHistogram {
    /// Encodes `histogram`.
    #[must_use]
    pub fn encode(histogram: &Histogram) -> Self {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(histogram, &mut bytes)
            .expect("writing to memory cannot fail");
        Self(STANDARD.encode(bytes))
    }

    /// Decodes it again.
    ///
    /// # Errors
    ///
    /// When the text is not base64 or not a V2 histogram.
    pub fn decode(&self) -> Result<Histogram, HistogramError> {
        let bytes = STANDARD
            .decode(&self.0)
            .map_err(|error| HistogramError(error.to_string()))?;
        Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| HistogramError(format!("{error:?}")))
    }
}

/// A quantile that the sample supports: there must be at least ten samples beyond it (`n >= 10/(1-q)`, method rule 10).
#[must_use]
pub fn quantile(histogram: &Histogram, q: f64) -> Option<u64> {
    let needed = 10.0 / (1.0 - q);
    (histogram.len() as f64 + 1e-6 >= needed).then(|| histogram.value_at_quantile(q))
}

/// The figures of a histogram that a reader of the record sees without decoding it. Nanoseconds; quantiles that the
/// sample cannot support are absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of samples.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: Option<u64>,
    /// 90th percentile.
    pub p90: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// 99.9th percentile.
    pub p999: Option<u64>,
    /// Largest sample.
    pub max: u64,
}

impl Summary {
    /// Summarises `histogram`.
    #[must_use]
    pub fn of(histogram: &Histogram) -> Self {
        Self {
            n: histogram.len(),
            mean: histogram.mean(),
            p50: quantile(histogram, 0.5),
            p90: quantile(histogram, 0.9),
            p99: quantile(histogram, 0.99),
            p999: quantile(histogram, 0.999),
            max: histogram.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let mut histogram = new();
        for value in 1..5000u64 {
            histogram.record(value * value).unwrap();
        }
        assert_eq!(
            EncodedHistogram::encode(&histogram).decode().unwrap(),
            histogram
        );
        assert!(EncodedHistogram("!".into()).decode().is_err());
        assert!(EncodedHistogram("AAAA".into()).decode().is_err());
    }

    #[test]
    fn unsupported_quantiles_are_absent() {
        let mut histogram = new();
        for value in 0..999 {
            histogram.record(value + 1).unwrap();
        }
        let summary = Summary::of(&histogram);
        assert_eq!(summary.p90, Some(900));
        assert_eq!(
            summary.p99, None,
            "999 samples leave fewer than ten beyond p99"
        );
        histogram.record(1000).unwrap();
        assert_eq!(Summary::of(&histogram).p99, Some(990));
    }
}
