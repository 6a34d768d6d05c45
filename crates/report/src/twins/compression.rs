//! What compression saves and costs.

use pushbench_model::scenario::{Compression, Scenario, Setting};

use super::{Comparison, Subject};
use crate::answer::headline;
use crate::metric::{Metric, P50, P99, Series, Side};
use crate::results::Group;

pub(super) const SUBJECT: Subject = Subject {
    title: "Compression, apart from the protocol",
    id: "compression",
    introduction: "Scenarios whose messages are compressed beside the same scenarios in which they are not, on the same servers. Under a \
    figure stands its ratio to the messages as they are, over trials of the same repetition; these are not neighbours in time, so that \
    ratios of times are less certain than their intervals say. On WebSocket it is permessage-deflate (RFC 7692), on SSE and NDJSON \
    Content-Encoding: gzip with a flush after what is written. Either each message is compressed by itself, which servers of \
    our own do once for all subscribers, or with what its connection has had before, which takes a compressor for every connection. \
    Both sides agree on it in the head of each connection; a trial in which they did not is no trial. Bytes are those of \
    the wire, framing included. The client inflates every message, and verifies it as it does the others. Memory is that after measuring, less that before all connections, \
    since what a compressor has reserved is not taken before it is used; messages that all share are in it, too, divided by the connections.",
    column: "messages",
    without: "as they are",
    with: |scenario| {
        let words = match scenario.server.compression? {
            Compression::Message => "compressed, each by itself",
            Compression::Stream => "compressed, with a history",
        };
        Some(words.to_owned())
    },
    taken_away: |scenario| Scenario {
        server: Setting {
            compression: None,
            ..scenario.server
        },
        ..scenario.clone()
    },
    figures,
    goals: |_| Vec::new(),
    notes: |_| Vec::new(),
    about: Some(about),
};

fn figures(plain: &Group<'_>) -> Vec<Metric> {
    let mut figures = vec![
        Metric::Bytes,
        Metric::Cpu(Side::Server),
        Metric::Cpu(Side::Load),
        plain.instructions(Side::Server),
        Metric::MemoryAfter(Side::Server),
        Metric::MemoryAfter(Side::Load),
        Metric::Percentile(Series::Response, P50),
        Metric::Percentile(Series::Response, P99),
    ];
    let first = headline(plain);
    if !figures.contains(&first) {
        figures.push(first);
    }
    figures
}

/// What was compressed, without which no ratio says anything.
fn about(comparison: &Comparison<'_>) -> String {
    let payload = comparison.without.scenario.payload;
    format!(
        "What was compressed: messages of {} bytes of payload, {}, in an envelope of JSON whose numbers are padded with spaces.",
        payload.bytes,
        payload.kind.words()
    )
}
