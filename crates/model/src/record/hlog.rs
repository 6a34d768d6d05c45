//! HdrHistogram log files, format 1.3: comments, a legend, and one tagged line per histogram.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::histogram::{EncodedHistogram, Histogram};

const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// A log that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct HlogError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The text of a log that holds `histograms`, each tagged with its name. `seconds` is the length of the interval.
#[must_use]
pub fn write_hlog(
    histograms: &BTreeMap<String, EncodedHistogram>,
    maxima: &BTreeMap<String, u64>,
    seconds: f64,
) -> String {
    let mut text = String::from("#[Histogram log format version 1.3]\n#[Values are nanoseconds]\n");
    text.push_str(LEGEND);
    text.push('\n');
    for (name, histogram) in histograms {
        let max_ms = maxima.get(name).copied().unwrap_or(0) as f64 / 1e6;
        let _ = writeln!(
            text,
            "Tag={name},0.000,{seconds:.3},{max_ms:.6},{}",
            histogram.0
        );
    }
    text
}

/// Reads the histograms of a log by tag. Lines with the same tag are merged.
///
/// # Errors
///
/// On a line without a tag or with a damaged histogram.
pub fn parse_hlog(text: &str) -> Result<BTreeMap<String, Histogram>, HlogError> {
    let mut histograms: BTreeMap<String, Histogram> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') || line.starts_with('"') {
            continue;
        }
        let error = |message: String| HlogError {
            line: index + 1,
            message,
        };
        let fields: Vec<&str> = line.split(',').collect();
        let [tag, _start, _length, _max, encoded] = fields[..] else {
            return Err(error(format!(
                "{} fields, 5 expected (Tag=name,start,length,max,histogram)",
                fields.len()
            )));
        };
        let name = tag
            .strip_prefix("Tag=")
            .ok_or_else(|| error("no Tag= in the first field".into()))?;
        let histogram = EncodedHistogram(encoded.into())
            .decode()
            .map_err(|e| error(e.to_string()))?;
        match histograms.get_mut(name) {
            Some(sum) => sum.add(histogram).map_err(|e| error(format!("{e:?}")))?,
            None => drop(histograms.insert(name.into(), histogram)),
        }
    }
    Ok(histograms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Histogram {
        let mut histogram = crate::histogram::new();
        histogram.record_n(1500, 7).unwrap();
        histogram
    }

    #[test]
    fn a_log_reads_back() {
        let one = EncodedHistogram::encode(&sample());
        let histograms = BTreeMap::from([
            ("response".to_owned(), one.clone()),
            ("service".to_owned(), one),
        ]);
        let text = write_hlog(
            &histograms,
            &BTreeMap::from([("response".to_owned(), 1500)]),
            1.5,
        );
        let read = parse_hlog(&text).unwrap();
        assert_eq!(read["response"], sample());
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn damage_is_located() {
        let text = "#comment\nTag=x,0,1,2,!!!\n";
        assert_eq!(parse_hlog(text).unwrap_err().line, 2);
        assert!(
            parse_hlog("0,1,2,AAAA")
                .unwrap_err()
                .message
                .contains("4 fields")
        );
        assert!(
            parse_hlog("x,0,1,2,AAAA")
                .unwrap_err()
                .message
                .contains("Tag=")
        );
    }
}
