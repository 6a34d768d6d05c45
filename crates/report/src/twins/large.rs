//! What large messages do to the small ones that come behind them on the same connection.

use pushbench_model::scenario::{Scenario, Workload};

use super::Subject;
use crate::metric::{Metric, P50, P99, Series, Side};
use crate::results::Group;

pub(super) const SUBJECT: Subject = Subject {
    title: "Small messages behind large ones",
    id: "large",
    introduction: "Scenarios in which some messages are large beside the same scenarios in which none is, on the same servers. Response times \
    are those of the small messages; the last column has the median of the large ones. A connection delivers in order: a small message behind a \
    large one waits until all of that has gone through, on every transport here, and how long that is depends on what the server, both \
    kernels and the path need for so many bytes. The rest is an average over all deliveries, large ones included. Under a figure stands its ratio to \
    the scenario without large messages, over trials of the same repetition; these are not neighbours in time, so that ratios of times are less \
    certain than their intervals say.",
    column: "messages",
    without: "all small",
    with: |scenario| Some(scenario.large()?.words()),
    taken_away,
    figures,
    about: None,
    goals: |_| Vec::new(),
    notes: |_| Vec::new(),
};

fn taken_away(scenario: &Scenario) -> Scenario {
    let mut scenario = scenario.clone();
    if let Workload::FanOut(fan_out) = &mut scenario.workload {
        fan_out.large = None;
    }
    scenario
}

fn figures(_: &Group<'_>) -> Vec<Metric> {
    vec![
        Metric::Percentile(Series::Response, P50),
        Metric::Percentile(Series::Response, P99),
        Metric::Cpu(Side::Server),
        Metric::Cpu(Side::Load),
        Metric::Bytes,
        Metric::Percentile(Series::Large, P50),
    ]
}
