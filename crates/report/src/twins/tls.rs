//! What TLS costs, apart from the protocol.

use pushbench_model::scenario::{Scenario, Setting, Workload};

use super::Subject;
use crate::answer::headline;
use crate::metric::{Metric, Side};
use crate::results::Group;

pub(super) const SUBJECT: Subject = Subject {
    title: "TLS, apart from the protocol",
    id: "tls",
    introduction: "Scenarios over TLS 1.3 beside the same scenarios in clear text, on the same servers. Under a figure \
    stands its ratio to clear text, over trials of the same repetition; these are not neighbours in time, so that ratios of times are \
    less certain than their intervals say. Both sides are rustls in user space: one suite (AES-128-GCM), one group (X25519), a \
    certificate with a key on P-256 that the server has made for itself. The load process knows that certificate and checks no chain of \
    authorities. There is no early data: a resumed session saves the certificate and its signature, and no round trip.",
    column: "connections",
    without: "clear text",
    with: |scenario| {
        let tls = scenario.server.tls?;
        Some(format!("TLS, {}", tls.label()))
    },
    taken_away: |scenario| Scenario {
        server: Setting {
            tls: None,
            ..scenario.server
        },
        ..scenario.clone()
    },
    figures,
    goals: |_| Vec::new(),
    notes: |_| Vec::new(),
    about: None,
};

fn figures(clear: &Group<'_>) -> Vec<Metric> {
    let mut figures = vec![
        headline(clear),
        Metric::Cpu(Side::Server),
        Metric::Cpu(Side::Load),
        clear.instructions(Side::Server),
        Metric::Bytes,
    ];
    // Where connections come one by one, memory is that of the process.
    if matches!(clear.scenario.workload, Workload::FanOut(_)) {
        figures.extend([Metric::Memory(Side::Server), Metric::Memory(Side::Load)]);
    }
    figures
}
