//! The figures of a trial that are compared: one number each.

mod late;

use pushbench_model::margin::Margins;
use pushbench_model::measurement::{Measurement, histogram_name};
use pushbench_model::record::{Record, RecordedTrial, Usage};

use crate::number::Unit;
pub use late::LateFigure;
use pushbench_stats::{Averaging, percentile};

/// A histogram of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    /// Receipt minus intended publish time.
    Response,
    /// Receipt minus actual publish time.
    Service,
    /// Receipt minus intended publish time, of large messages among others.
    Large,
    /// Actual minus intended publish time.
    Lateness,
    /// From the actual publish time until the message was handed on.
    Publish,
    /// Start of `connect()` to the established TCP connection.
    TcpConnect,
    /// Start of `connect()` to the first message.
    FirstMessage,
    /// From the cut of a connection to the next message that is new.
    Recovery,
    /// From the death of a subscriber's network until its server had let go of it.
    Noticed,
    /// From the death of its network until a client had given its server up.
    GivenUp,
    /// From the intended time of an answer's first token to its receipt.
    FirstToken,
    /// By how much the time between two receipts of an answer was longer than the model's own gap.
    AddedGap,
    /// From the intended time of an answer's last token until its client has heard that it is whole.
    Ended,
    /// From the stop of an answer by its client until the server made no more of it.
    Cancel,
}

impl Series {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Response,
        Self::Service,
        Self::Large,
        Self::Lateness,
        Self::Publish,
        Self::TcpConnect,
        Self::FirstMessage,
        Self::Recovery,
        Self::Noticed,
        Self::GivenUp,
        Self::FirstToken,
        Self::AddedGap,
        Self::Ended,
        Self::Cancel,
    ];

    /// Name in records.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Response => histogram_name::RESPONSE,
            Self::Service => histogram_name::SERVICE,
            Self::Large => histogram_name::LARGE,
            Self::Lateness => histogram_name::LATENESS,
            Self::Publish => histogram_name::PUBLISH,
            Self::TcpConnect => histogram_name::TCP_CONNECT,
            Self::FirstMessage => histogram_name::FIRST_MESSAGE,
            Self::Recovery => histogram_name::RECOVERY,
            Self::Noticed => histogram_name::NOTICED,
            Self::GivenUp => histogram_name::GIVEN_UP,
            Self::FirstToken => histogram_name::FIRST_TOKEN,
            Self::AddedGap => histogram_name::ADDED_GAP,
            Self::Ended => histogram_name::ENDED,
            Self::Cancel => histogram_name::CANCEL,
        }
    }

    /// Name in sentences.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Service => "service",
            Self::Large => "response of large ones",
            Self::Lateness => "lateness",
            Self::Publish => "publish",
            Self::TcpConnect => "TCP connect",
            Self::FirstMessage => "first message",
            Self::Recovery => "recovery",
            Self::Noticed => "noticed",
            Self::GivenUp => "given up",
            Self::FirstToken => "added first token",
            Self::AddedGap => "added gap",
            Self::Ended => "end heard after",
            Self::Cancel => "cancel",
        }
    }
}

/// A quantile with its usual name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rank {
    /// Between 0 and 1.
    pub q: f64,
    /// `p50`, `p99`, ...
    pub label: &'static str,
}

/// Median.
pub const P50: Rank = Rank {
    q: 0.5,
    label: "p50",
};
/// 90th percentile.
pub const P90: Rank = Rank {
    q: 0.9,
    label: "p90",
};
/// 99th percentile.
pub const P99: Rank = Rank {
    q: 0.99,
    label: "p99",
};
/// 99.9th percentile.
pub const P999: Rank = Rank {
    q: 0.999,
    label: "p99.9",
};
/// 99.99th percentile.
pub const P9999: Rank = Rank {
    q: 0.9999,
    label: "p99.99",
};

/// Which process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The server under test.
    Server,
    /// The load process, which holds the subscribers.
    Load,
}

impl Side {
    /// Name in headings.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Load => "load",
        }
    }

    pub(crate) fn of(self, trial: &RecordedTrial) -> Option<&Usage> {
        match self {
            Self::Server => trial.trial.server_usage.as_ref(),
            Self::Load => trial.trial.load_usage.as_ref(),
        }
    }
}

/// Which way a figure counts as good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// Which instructions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// User space and kernel.
    All,
    /// User space only, because some trial could not see the kernel's: figures with and without them do not compare.
    User,
}

impl Space {
    /// What every trial of `record` with counters has.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let usages = record
            .trials
            .iter()
            .flat_map(|t| [&t.trial.server_usage, &t.trial.load_usage]);
        let counters = usages.flatten().filter_map(|usage| usage.cost.counters);
        let slices = record.slices.iter().flat_map(|t| &t.arms);
        let slices = slices
            .flat_map(|arm| &arm.slices)
            .flat_map(|slice| [slice.server_counters, slice.load_counters]);
        let mut counters = counters.chain(slices.flatten());
        if counters.any(|c| c.kernel_instructions.is_none()) {
            Self::User
        } else {
            Self::All
        }
    }
}

/// One number per trial. "Per operation" is per delivery in a fan-out and per connection in a connect workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A percentile of a histogram.
    Percentile(Series, Rank),
    /// Processor time per operation.
    Cpu(Side),
    /// Instructions per operation.
    Instructions(Side, Space),
    /// Bytes above TCP per operation, both directions.
    Bytes,
    /// TCP segments per operation, both directions.
    Segments,
    /// Memory per connection: anonymous (heap and stacks), or resident where that is absent. Never proportional: the
    /// processes of a trial share the pages of one program, so the shares move when one of them starts.
    Memory(Side),
    /// The same once messages have gone over the connections: what they keep of them is in it, and what all share.
    MemoryAfter(Side),
    /// The same as `Memory`, named for what it is divided by where subscribers share connections.
    MemoryPerSubscriber(Side),
    /// A figure of messages that came late, where it was looked at whom they are late for.
    Late(LateFigure),
    /// Operations per second.
    Rate,
}

impl Metric {
    /// The number for `trial`; `None` where it has no such figure.
    #[must_use]
    pub fn of(self, trial: &RecordedTrial) -> Option<f64> {
        let measured = trial.trial.measurement.as_ref()?;
        let per_operation = |total: u64| {
            (measured.operations > 0).then(|| total as f64 / measured.operations as f64)
        };
        let per_connection = |before: u64, after: u64| {
            (measured.concurrency > 0)
                .then(|| (after as f64 - before as f64) / measured.concurrency as f64)
        };
        match self {
            Self::Percentile(series, rank) => {
                let lost = lost_of(series, measured);
                percentile(trial.histograms.get(series.key())?, lost, rank.q).value()
            }
            Self::Cpu(side) => per_operation(side.of(trial)?.cost.delivery_cpu_ns()),
            Self::Instructions(side, space) => {
                let counters = side.of(trial)?.cost.counters?;
                let kernel = match space {
                    Space::All => counters.kernel_instructions?,
                    Space::User => 0,
                };
                per_operation(counters.user_instructions + kernel)
            }
            Self::Bytes => per_operation(measured.wire.bytes_down + measured.wire.bytes_up),
            Self::Segments => {
                per_operation(measured.wire.segments_down + measured.wire.segments_up)
            }
            Self::Memory(side) | Self::MemoryPerSubscriber(side) => {
                let memory = side.of(trial)?.memory?;
                let (before, connected) =
                    match (memory.anonymous_before, memory.anonymous_connected) {
                        (Some(before), Some(connected)) => (before, connected),
                        _ => (memory.rss_before, memory.rss_connected),
                    };
                per_connection(before, connected)
            }
            Self::MemoryAfter(side) => {
                let memory = side.of(trial)?.memory?;
                per_connection(memory.anonymous_before?, memory.anonymous_after?)
            }
            Self::Late(figure) => figure.of(measured.late.as_ref()?),
            Self::Rate => (measured.elapsed_ns > 0)
                .then(|| measured.operations as f64 / (measured.elapsed_ns as f64 / 1e9)),
        }
    }

    /// Its unit.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Percentile(..) | Self::Cpu(_) => Unit::Time,
            Self::Instructions(..) | Self::Segments => Unit::Count,
            Self::Bytes => Unit::Bytes,
            Self::Memory(_) | Self::MemoryAfter(_) | Self::MemoryPerSubscriber(_) => Unit::Memory,
            Self::Late(figure) => figure.unit(),
            Self::Rate => Unit::PerSecond,
        }
    }

    /// Which way is better.
    #[must_use]
    pub fn better(self) -> Better {
        match self {
            Self::Rate => Better::Higher,
            _ => Better::Lower,
        }
    }

    /// How trials are averaged: memory is a difference of two readings and may be negative, a share may be zero.
    #[must_use]
    pub fn averaging(self) -> Averaging {
        match self {
            Self::Memory(_) | Self::MemoryAfter(_) | Self::MemoryPerSubscriber(_) => {
                Averaging::Arithmetic
            }
            Self::Late(figure) if figure.is_share() => Averaging::Arithmetic,
            _ => Averaging::Geometric,
        }
    }

    /// How large a difference must be to matter, by what stands in the scenario. What was counted on the wire has no
    /// margin.
    #[must_use]
    pub fn margin(self, margins: &Margins) -> f64 {
        match self {
            Self::Percentile(_, rank) if rank.q <= P50.q => margins.p50,
            Self::Percentile(..) | Self::Late(_) => margins.p99,
            Self::Cpu(_) => margins.cpu,
            Self::Instructions(..) => margins.instructions,
            Self::Memory(_) | Self::MemoryAfter(_) | Self::MemoryPerSubscriber(_) => margins.memory,
            Self::Rate => margins.rate,
            Self::Bytes | Self::Segments => 0.0,
        }
    }

    /// Whether it depends on how undisturbed the machine was.
    #[must_use]
    pub fn is_time(self) -> bool {
        // Acknowledgements and what shares a segment depend on when a reader gets to it.
        matches!(
            self,
            Self::Percentile(..) | Self::Late(_) | Self::Cpu(_) | Self::Rate | Self::Segments
        )
    }

    /// Whether it counts what the protocol put on the wire, where every difference is one.
    #[must_use]
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Bytes | Self::Segments)
    }

    /// Name in a sentence, with the unit of work (`delivery` or `connection`).
    #[must_use]
    pub fn label(self, work: &str) -> String {
        match self {
            Self::Percentile(series, rank) => format!("{} {}", series.label(), rank.label),
            Self::Cpu(side) => format!("{} CPU per {work}", side.label()),
            Self::Instructions(side, Space::All) => {
                format!("{} instructions per {work}", side.label())
            }
            Self::Instructions(side, Space::User) => {
                format!("{} user-space instructions per {work}", side.label())
            }
            Self::Bytes if work == "delivery" => "bytes per message".into(),
            Self::Bytes => format!("bytes per {work}"),
            Self::Segments if work == "delivery" => "segments per message".into(),
            Self::Segments => format!("segments per {work}"),
            Self::Memory(side) => format!("{} memory per connection", side.label()),
            Self::MemoryAfter(side) => {
                format!("{} memory per connection, when measured", side.label())
            }
            Self::MemoryPerSubscriber(side) => format!("{} memory per subscriber", side.label()),
            Self::Late(figure) => figure.label().into(),
            Self::Rate if work == "delivery" => "deliveries per second".into(),
            Self::Rate => format!("{work}s per second"),
        }
    }
}

/// Messages that belong in `series` and never arrived.
pub(crate) fn lost_of(series: Series, measured: &Measurement) -> u64 {
    measured.lost_beside(series.key())
}
