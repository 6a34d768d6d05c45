//! Ratios by slices: within each trial the median over neighbouring slices, then statistics over trials.

use pushbench_model::record::ServerLabel;
use pushbench_model::slices::{Slice, SliceTrial};
use pushbench_stats::median_ratio;

use crate::metric::{Metric, Side, Space};

/// How two servers compare by slices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SliceRatios {
    /// Median of first over second, one per trial that has both.
    pub by_trial: Vec<f64>,
    /// Rounds, over all these trials, in which both did something.
    pub rounds: usize,
}

impl SliceRatios {
    /// Compares `first` with `second` over `trials`; empty for a metric that slices do not have.
    pub(super) fn of(
        trials: &[&SliceTrial],
        first: &ServerLabel,
        second: &ServerLabel,
        metric: Metric,
    ) -> Self {
        let mut ratios = Self::default();
        for trial in trials {
            let arm = |server: &ServerLabel| trial.arms.iter().find(|arm| arm.server == *server);
            let (Some(mine), Some(theirs)) = (arm(first), arm(second)) else {
                continue;
            };
            let pairs = mine.pairs(theirs, |slice| figure(slice, metric));
            if let Some(median) = median_ratio(&pairs) {
                ratios.by_trial.push(median);
                ratios.rounds += pairs.len();
            }
        }
        ratios
    }

    /// As pairs to compare.
    #[must_use]
    pub fn pairs(&self) -> Vec<(f64, f64)> {
        self.by_trial.iter().map(|&ratio| (ratio, 1.0)).collect()
    }
}

/// `metric` of one slice.
fn figure(slice: &Slice, metric: Metric) -> Option<u64> {
    let total = match metric {
        Metric::Cpu(Side::Server) => slice.server_cpu_ns,
        Metric::Cpu(Side::Load) => slice.load_cpu_ns,
        Metric::Instructions(side, space) => {
            let counters = match side {
                Side::Server => slice.server_counters?,
                Side::Load => slice.load_counters?,
            };
            let kernel = match space {
                Space::All => counters.kernel_instructions?,
                Space::User => 0,
            };
            counters.user_instructions + kernel
        }
        _ => return None,
    };
    (total > 0).then_some(total)
}
