//! One drive of an endpoint, as a page of a terminal, HTML, CSV or a histogram log.
//!
//! # Layout
//!
//! - `Threshold`, `judge`: what was asked of it, and whether it was kept
//! - `facts`: what happened, in sentences
//! - `percentiles`, `bars`: how long things took
//! - `text`, `csv`: one per format; HTML is with the other pages

mod bars;
mod csv;
mod facts;
mod judge;
mod percentiles;
mod text;
mod threshold;

use std::collections::BTreeMap;

use pushbench_model::drive::{DriveReport, StampClock, histogram};
use pushbench_model::histogram::{Histogram, HistogramError};
use pushbench_model::record::write_hlog;

pub use crate::html::drive as html;
pub use csv::{COLUMNS, csv};
pub(crate) use facts::{facts, hint, notices, title};
pub use judge::{Judged, Judgement, judge};
pub use percentiles::name;
pub(crate) use percentiles::table;
pub use text::{Paper, text};
pub use threshold::{Count, DriveThreshold, Need, Quantity, Statistic};

/// Names of histograms in the order in which they are shown.
pub(crate) const SHOWN: [&str; 7] = [
    histogram::RESPONSE,
    histogram::SERVICE,
    histogram::GAP,
    histogram::FIRST_BYTE,
    histogram::FIRST_MESSAGE,
    histogram::CONNECT,
    histogram::LATENESS,
];

/// A drive with its histograms decoded.
pub struct Driven<'a> {
    /// What was seen.
    pub report: &'a DriveReport,
    histograms: BTreeMap<&'a str, Histogram>,
}

impl<'a> Driven<'a> {
    /// Decodes the histograms of `report`.
    ///
    /// # Errors
    ///
    /// When one of them is damaged.
    pub fn new(report: &'a DriveReport) -> Result<Self, HistogramError> {
        let decoded = report
            .histograms
            .iter()
            .map(|(name, encoded)| Ok((name.as_str(), encoded.decode()?)))
            .collect::<Result<_, HistogramError>>()?;
        Ok(Self {
            report,
            histograms: decoded,
        })
    }

    /// The samples called `name`; `None` where there are none.
    #[must_use]
    pub fn samples(&self, name: &str) -> Option<&Histogram> {
        self.histograms
            .get(name)
            .filter(|histogram| !histogram.is_empty())
    }

    /// Messages beside the samples called `name` that never came. They count as later than every sample.
    pub(crate) fn lost_beside(&self, name: &str) -> u64 {
        let missing = self.report.published.map(|published| published.missing);
        match name {
            histogram::RESPONSE | histogram::SERVICE => {
                missing.unwrap_or(self.report.messages.lost)
            }
            _ => 0,
        }
    }

    /// Which latency there is: response times before service times.
    #[must_use]
    pub fn latency(&self) -> Option<&'static str> {
        [histogram::RESPONSE, histogram::SERVICE]
            .into_iter()
            .find(|name| self.samples(name).is_some())
    }

    /// What a histogram of the page and the curve of a chart show: the latency, or the gaps where there is none.
    pub(crate) fn main_samples(&self) -> Option<(&'static str, &Histogram)> {
        let name = self.latency().unwrap_or(histogram::GAP);
        Some((name, self.samples(name)?))
    }

    /// How long it took, seconds; never zero.
    pub(crate) fn seconds(&self) -> f64 {
        (self.report.elapsed_ns as f64 / 1e9).max(1e-9)
    }

    /// The clock behind the latencies, in words.
    pub(crate) fn clock(&self) -> &'static str {
        match self.report.clock {
            Some(StampClock::Unix) => {
                "time of day: exact on one machine, as good as their clocks agree on two"
            }
            Some(StampClock::Monotonic) | None => "CLOCK_MONOTONIC of this machine",
        }
    }
}

/// All histograms of a drive as a log that HdrHistogram's tools read.
#[must_use]
pub fn hlog(driven: &Driven<'_>) -> String {
    let maxima = driven
        .histograms
        .iter()
        .map(|(&name, histogram)| (name.to_owned(), histogram.max()))
        .collect();
    write_hlog(&driven.report.histograms, &maxima, driven.seconds())
}

#[cfg(test)]
#[path = "drive/sample.rs"]
pub(crate) mod sample;
