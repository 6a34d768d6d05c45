//! The figures that are compared.

use pushbench_model::margin::Margins;
use pushbench_model::scenario::{Scenario, Workload};

use crate::metric::{Metric, P50, P99, P999, Series, Side, Space};

/// A figure by the name it has in thresholds and files, whatever the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Median of the response time, or of the time to the first message.
    P50,
    /// Its 99th percentile.
    P99,
    /// Its 99.9th percentile.
    P999,
    /// Processor time of the server per operation.
    Cpu,
    /// Processor time of the load process per operation.
    LoadCpu,
    /// Instructions of the server per operation.
    Instructions,
    /// Bytes per operation.
    Bytes,
    /// Segments per operation.
    Segments,
    /// Memory of the server per connection.
    Memory,
    /// Operations per second.
    Rate,
}

impl Kind {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 10] = [
        Self::P50,
        Self::P99,
        Self::P999,
        Self::Cpu,
        Self::LoadCpu,
        Self::Instructions,
        Self::Bytes,
        Self::Segments,
        Self::Memory,
        Self::Rate,
    ];

    /// Name in thresholds and files.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Cpu => "cpu",
            Self::LoadCpu => "load-cpu",
            Self::Instructions => "instructions",
            Self::Bytes => "bytes",
            Self::Segments => "segments",
            Self::Memory => "memory",
            Self::Rate => "rate",
        }
    }

    /// What is read from a trial of `scenario`.
    #[must_use]
    pub fn metric(self, scenario: &Scenario, space: Space) -> Metric {
        let series = match scenario.workload {
            Workload::FanOut(_) | Workload::Tokens(_) => Series::Response,
            Workload::Connect(_) => Series::FirstMessage,
        };
        match self {
            Self::P50 => Metric::Percentile(series, P50),
            Self::P99 => Metric::Percentile(series, P99),
            Self::P999 => Metric::Percentile(series, P999),
            Self::Cpu => Metric::Cpu(Side::Server),
            Self::LoadCpu => Metric::Cpu(Side::Load),
            Self::Instructions => Metric::Instructions(Side::Server, space),
            Self::Bytes => Metric::Bytes,
            Self::Segments => Metric::Segments,
            Self::Memory => Metric::Memory(Side::Server),
            Self::Rate => Metric::Rate,
        }
    }

    /// How large a difference must be to matter; what is counted on the wire has no margin.
    #[must_use]
    pub fn margin(self, margins: &Margins) -> f64 {
        match self {
            Self::P50 => margins.p50,
            Self::P99 | Self::P999 => margins.p99,
            Self::Cpu | Self::LoadCpu => margins.cpu,
            Self::Instructions => margins.instructions,
            Self::Bytes | Self::Segments => 0.0,
            Self::Memory => margins.memory,
            Self::Rate => margins.rate,
        }
    }

    /// The unit in which files give it.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::P50 | Self::P99 | Self::P999 | Self::Cpu | Self::LoadCpu => "ns",
            Self::Instructions => "instructions",
            Self::Bytes | Self::Memory => "B",
            Self::Segments => "segments",
            Self::Rate => "operations/s",
        }
    }

    /// Whether it is a time, or a rate that follows from times.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(
            self,
            Self::P50 | Self::P99 | Self::P999 | Self::Cpu | Self::LoadCpu | Self::Rate
        )
    }

    /// Whether more of it is better.
    #[must_use]
    pub fn more_is_better(self) -> bool {
        self == Self::Rate
    }
}
