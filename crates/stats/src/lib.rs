//! Statistics over trials.
//!
//! The unit is the trial, never the sample: thousands of latencies of one process share its luck, so an interval over
//! samples is far too narrow. Every function here is pure: figures in, figures out, and where something is drawn at
//! random, the seed is an argument.
//!
//! # Layout
//!
//! - `estimate`: means and paired ratios with their intervals
//! - `verdict`: what may be said of a ratio: faster, slower, no difference shown, undecided
//! - `percentile`: percentiles of merged histograms, with losses
//! - `student`: the t distribution
//! - `bootstrap`: intervals by resampling trials
//! - `kolmogorov`: whether values follow a distribution
//! - `trend`: slopes
//! - `steady`: from when on a series stays the same
//! - [`simulate`]: data with a known truth, to hold any of the above against
//! - [`noise`]: reproducible random numbers for simulations

mod bootstrap;
mod estimate;
mod kolmogorov;
pub mod noise;
mod percentile;
pub mod simulate;
mod steady;
mod student;
mod trend;
mod verdict;

pub use bootstrap::{percentile_bootstrap, studentised_bootstrap};
pub use estimate::{Averaging, Estimate, Interval, estimate, median_ratio, paired_ratio};
pub use kolmogorov::{Fit, ks, ks_uniform, ks_uniform_histogram};
pub use percentile::{Percentile, merge, percentile};
pub use steady::{Settled, settled};
pub use student::{t_cdf, t_quantile};
pub use trend::{Slope, slope};
pub use verdict::{Comparison, Judgement, Verdict, holm, judge};

/// Confidence of every interval in a report.
pub const CONFIDENCE: f64 = 0.95;

/// Probability of a false verdict that is accepted, over a whole family of comparisons.
pub const ALPHA: f64 = 0.05;

/// Pairs below which nothing is said about a difference: with five, even five agreeing signs could be chance
/// (2 · 0.5^5 = 0.06).
pub const FEWEST_PAIRS: usize = 6;
