//! What sharing a connection does to those who share it.

use pushbench_model::scenario::{Scenario, Setting, Workload};

use super::{Comparison, Subject};
use crate::metric::{LateFigure, Metric, P50, P99, Series, Side};
use crate::results::Group;

pub(super) const SUBJECT: Subject = Subject {
    title: "Subscribers that share a connection",
    id: "shared",
    introduction: "Scenarios in which subscribers share connections of HTTP/2, each on a stream of its own, beside the same scenarios in which \
    each has a connection of its own (HTTP/1.1), on the same servers. TCP delivers in order. Over a path that loses packets, one lost segment \
    holds up everything behind it on that connection until it has been sent again. With a connection each, that is what one subscriber waits \
    for; with one connection for all, everybody waits. Where it was looked at, two figures tell these apart: how many of all deliveries were late, and for how many \
    of the subscribers a late message was late, on average over late messages (n/a where none was). Beside them stands, from a thousand messages on, the 99th percentile of single \
    streams: each subscriber has one, of which the middle and the largest are shown. Without loss nothing waits for anything that is lost, and \
    delays should show no difference but what either protocol takes to write and to read. Under a figure stands its ratio to that with a connection \
    each, over trials of the same repetition; these are not neighbours in time, so that ratios of times are less certain than their intervals \
    say. A share that is zero in some trial has no ratio. Memory is that of the server with all subscribers, less that before, over the subscribers.",
    column: "subscribers",
    without: "a connection each",
    with: |scenario| match scenario.server.streams {
        0 => None,
        streams => Some(format!("{streams} on each connection")),
    },
    taken_away: |scenario| Scenario {
        server: Setting {
            streams: 0,
            ..scenario.server
        },
        ..scenario.clone()
    },
    figures,
    goals: |_| Vec::new(),
    notes: |_| Vec::new(),
    about: Some(about),
};

fn figures(_: &Group<'_>) -> Vec<Metric> {
    let mut figures = vec![
        Metric::Percentile(Series::Response, P50),
        Metric::Percentile(Series::Response, P99),
    ];
    figures.extend(LateFigure::ALL.map(Metric::Late));
    figures.extend([
        Metric::Cpu(Side::Server),
        Metric::Bytes,
        Metric::MemoryPerSubscriber(Side::Server),
    ]);
    figures
}

/// From when on a message is late, and what path it takes.
fn about(comparison: &Comparison<'_>) -> String {
    let scenario = comparison.without.scenario;
    let path = match scenario.link {
        Some(link) => format!("through {}", link.in_words()),
        None => "over loopback, where nothing is lost".to_owned(),
    };
    let late = match &scenario.workload {
        Workload::FanOut(fan_out) => fan_out.late_words(),
        Workload::Connect(_) | Workload::Tokens(_) => None,
    };
    match late {
        Some(late) => format!("Messages go {path}; {late}."),
        None => format!("Messages go {path}; it was not looked at whom they are late for."),
    }
}
