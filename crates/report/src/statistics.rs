//! Statistics over trials.
//!
//! The unit is the trial, never the sample: thousands of latencies of one process share its luck, so an interval over
//! samples is far too narrow. Every function here takes one figure per trial.

mod estimate;
mod percentile;
mod student;

pub use estimate::{Averaging, Estimate, Interval, estimate, paired_ratio};
pub use percentile::{Percentile, merge, percentile};
pub use student::{t_cdf, t_quantile};

/// Confidence of every interval in a report.
pub const CONFIDENCE: f64 = 0.95;

/// Pairs below which nothing is said about a difference: with five, even five agreeing signs could be chance
/// (2 · 0.5^5 = 0.06).
pub const FEWEST_PAIRS: usize = 6;
