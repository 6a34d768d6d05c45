//! HdrHistogram with the settings every Pushbench histogram shares, and its text form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Counter;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use schemars::JsonSchema;
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// A quantile, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantile {
    /// The value.
    Value(u64),
    /// Fewer than ten samples beyond it (`n < 10/(1-q)`, method rule 10).
    TooFew,
    /// It falls among messages that were never delivered: later than the end of the run.
    BeyondEnd,
}

impl Quantile {
    /// The value, where there is one.
    #[must_use]
    pub fn value(self) -> Option<u64> {
        match self {
            Self::Value(value) => Some(value),
            Self::TooFew | Self::BeyondEnd => None,
        }
    }
}

/// The quantile `q` of `histogram` and of `lost` messages beside it that were never delivered. These are later than every
/// other (method rule 7), so that a loss cannot improve a figure.
#[must_use]
pub fn quantile<T: Counter>(histogram: &hdrhistogram::Histogram<T>, lost: u64, q: f64) -> Quantile {
    let n = (histogram.len() + lost) as f64;
    if n + 1e-6 < 10.0 / (1.0 - q) {
        return Quantile::TooFew;
    }
    if lost == 0 {
        return Quantile::Value(histogram.value_at_quantile(q));
    }
    let (rank, delivered) = ((q * n).ceil(), histogram.len() as f64);
    if rank > delivered {
        return Quantile::BeyondEnd;
    }
    Quantile::Value(histogram.value_at_quantile(rank / delivered))
}

/// The figures of a histogram that a reader of the record sees without decoding it. Nanoseconds; quantiles that the
/// sample cannot support are absent, and so are those that [`Self::beyond_end`] names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Number of samples.
    pub n: u64,
    /// Messages that were never delivered; they count as later than all samples.
    #[serde(default)]
    pub lost: u64,
    /// Quantiles that fall among those: they lie beyond the end of the run.
    #[serde(default)]
    pub beyond_end: Vec<String>,
    /// Arithmetic mean of the samples.
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
    /// Summarises `histogram`, beside whose samples `lost` messages were never delivered.
    #[must_use]
    pub fn of(histogram: &Histogram, lost: u64) -> Self {
        let mut beyond_end = Vec::new();
        let mut quantile = |name: &str, q| {
            let quantile = quantile(histogram, lost, q);
            if quantile == Quantile::BeyondEnd {
                beyond_end.push(name.to_owned());
            }
            quantile.value()
        };
        let (p50, p90) = (quantile("p50", 0.5), quantile("p90", 0.9));
        let (p99, p999) = (quantile("p99", 0.99), quantile("p999", 0.999));
        Self {
            n: histogram.len(),
            lost,
            beyond_end,
            mean: histogram.mean(),
            p50,
            p90,
            p99,
            p999,
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
        let summary = Summary::of(&histogram, 0);
        assert_eq!(summary.p90, Some(900));
        assert_eq!(
            summary.p99, None,
            "999 samples leave fewer than ten beyond p99"
        );
        histogram.record(1000).unwrap();
        assert_eq!(Summary::of(&histogram, 0).p99, Some(990));
    }

    #[test]
    fn what_was_lost_is_beyond_the_end() {
        let mut histogram = new();
        for value in 1..=980 {
            histogram.record(value).unwrap();
        }
        let summary = Summary::of(&histogram, 20);
        assert_eq!((summary.n, summary.lost), (980, 20));
        assert_eq!((summary.p50, summary.p90), (Some(500), Some(900)));
        assert_eq!((summary.p99, summary.p999), (None, None));
        assert_eq!(summary.beyond_end, ["p99"], "p99.9 has too few samples");
        assert_eq!(Summary::of(&new(), 10_000).beyond_end.len(), 4);
    }
}
