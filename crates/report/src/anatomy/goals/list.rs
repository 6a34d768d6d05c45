//! What the goals of an anatomy are.

use pushbench_model::anatomy::Side;

/// What some contenders are meant to stay within.
#[derive(Debug)]
pub(crate) struct Goal {
    /// What is measured.
    pub(crate) what: &'static str,
    /// What the goal is for, a sentence.
    pub(crate) why: &'static str,
    /// The most that meets it.
    pub(super) limit: f64,
    pub(super) measure: Measure,
    pub(super) side: Side,
    /// Who is held against it.
    pub(super) names: &'static [&'static str],
}

/// Which figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// User instructions per delivery.
    UserInstructions,
    /// Times the floor of the same stage.
    TimesFloor,
    /// A message among so many, against one alone.
    Together(u32),
    /// Median response time against a raw receiver's.
    P50,
    /// A connection, times the floor's.
    SetUp,
}

const BARE: &[&str] = &["tcp/bare", "sse/bare", "websocket/bare"];
/// Those, and the one whose deliveries are answers.
const BARE_AND_POLLED: &[&str] = &["tcp/bare", "sse/bare", "websocket/bare", "long-poll/bare"];
const OWN: &[&str] = &["tcp/pushbench", "sse/pushbench", "websocket/pushbench"];

/// All of them.
pub(crate) static GOALS: [Goal; 9] = [
    Goal {
        what: "bare server, user instructions per delivery",
        why: "A server that frames and does nothing else should leave the program's share of a delivery too small to \
              matter beside the kernel's.",
        limit: 150.0,
        measure: Measure::UserInstructions,
        side: Side::Server,
        names: BARE_AND_POLLED,
    },
    Goal {
        what: "bare server, times the floor",
        why: "What a protocol costs can only be told from what a library costs if the servers that show the protocol \
              stand on the floor.",
        limit: 1.05,
        measure: Measure::TimesFloor,
        side: Side::Server,
        names: BARE,
    },
    Goal {
        what: "bare server, a message among ten against one alone",
        why: "Messages that are ready together must share one write: nothing else saves as much.",
        limit: 0.15,
        measure: Measure::Together(10),
        side: Side::Server,
        names: BARE,
    },
    Goal {
        what: "reference WebSocket server, times the floor",
        why: "The usual library, set with care, is what comparisons of transports rest on; this is what a careful \
              program with tokio-tungstenite reaches.",
        limit: 1.20,
        measure: Measure::TimesFloor,
        side: Side::Server,
        names: &["websocket/reference"],
    },
    Goal {
        what: "reference SSE server, times the floor",
        why: "The same for hyper, whose bodies and chunks cost more than frames do.",
        limit: 1.35,
        measure: Measure::TimesFloor,
        side: Side::Server,
        names: &["sse/reference"],
    },
    Goal {
        what: "load generator, times the floor",
        why: "A load generator that needs more than the least takes processor time from the server that it measures.",
        limit: 1.10,
        measure: Measure::TimesFloor,
        side: Side::Client,
        names: OWN,
    },
    Goal {
        what: "load generator, user instructions per delivery",
        why: "Deframing, checking, stamping and recording every message must not be worth sampling instead.",
        limit: 1000.0,
        measure: Measure::UserInstructions,
        side: Side::Client,
        names: OWN,
    },
    Goal {
        what: "load generator, median response time against a raw receiver's",
        why: "What is reported as a server's response time must be the server's and the kernel's, and not the \
              instrument's.",
        limit: 1.10,
        measure: Measure::P50,
        side: Side::Client,
        names: OWN,
    },
    Goal {
        what: "bare server, opening and closing a connection, times the floor",
        why: "A handshake over HTTP should cost little beside what TCP itself costs.",
        limit: 1.20,
        measure: Measure::SetUp,
        side: Side::Server,
        names: &["sse/bare", "websocket/bare"],
    },
];
