//! What a run leaves on disk, and reading it back. docs/RECORD.md documents the format.
//!
//! A record is a directory: `run.json` (written first), `trials.jsonl` (one line appended after each trial), and
//! `hlog/` with one HdrHistogram V2 log per trial. It is never overwritten. What else it may hold has modules of its own:
//! [`slices`](crate::slices), [`search`](crate::search), [`selftest`](crate::selftest), [`anatomy`](crate::anatomy),
//! [`peers`](crate::peers), [`survey`](crate::survey).

mod consistent;
mod hlog;
mod read;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::histogram::Summary;
use crate::link::{Link, LinkCounts};
use crate::measurement::Measurement;
use crate::profile::{Profile, missing};
use crate::scenario::Scenario;
use crate::tuning::Tuning;

pub use hlog::{HlogError, parse_hlog, write_hlog};
pub use read::{ReadError, Record, RecordedTrial};

/// Version of the record's schema. It grows when a reader of the old one could misread the new one.
pub const SCHEMA: u32 = 2;
/// File with the [`Run`].
pub const RUN_FILE: &str = "run.json";
/// File with one [`Trial`] per line.
pub const TRIALS_FILE: &str = "trials.jsonl";
/// Directory of the histogram logs.
pub const HLOG_DIR: &str = "hlog";

/// What is known before the first trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// The exact command, one element per argument.
    pub command: Vec<String>,
    /// Seed of the order of trials, the schedules and the payloads.
    pub seed: u64,
    /// Profile.
    pub profile: Profile,
    /// Repetitions of every scenario and server.
    pub repetitions: u32,
    /// Trials planned.
    pub planned: u32,
    /// Scenarios, effective values.
    pub scenarios: Vec<Scenario>,
    /// Servers that take part.
    pub servers: Vec<ServerLabel>,
    /// Of these, servers that come in one tuning only, so that none is missing beside it.
    #[serde(default)]
    pub one_tuning: Vec<ServerLabel>,
    /// Servers that were to take part and cannot.
    pub absent: Vec<AbsentServer>,
    /// Servers that could have taken part and were left out, of all scenarios or of one.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Scenarios of longer profiles, where no scenario was chosen by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out_scenarios: Vec<String>,
    /// Cores given to the server and to the load process; equal when there is only one.
    pub server_cores: Vec<usize>,
    /// Cores given to the load process.
    pub load_cores: Vec<usize>,
    /// The network path of all scenarios, in records from before a scenario had one of its own: [`Record::read`] hands it
    /// on to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The machine.
    pub environment: Environment,
}

impl Run {
    /// What a reader must know is missing, a sentence each, without a full stop.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        missing(
            self.profile,
            self.repetitions,
            &self.scenarios,
            &self.left_out,
            &self.left_out_scenarios,
        )
    }
}

/// Which server: one transport spoken by one stack.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ServerLabel {
    /// `sse`, `websocket`, `long-poll`, `tcp`, `ndjson` or `short-poll`.
    pub transport: String,
    /// `reference`, `floor`, or the name of an external server.
    pub stack: String,
    /// How its libraries are set.
    pub tuning: Tuning,
}

impl ServerLabel {
    /// `transport/stack`, the name within one tuning.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.transport, self.stack)
    }
}

/// `sse/reference`, `sse/reference@defaults`: the tuning is named where it is not the one that compares protocols.
impl std::fmt::Display for ServerLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.tuning {
            Tuning::Defaults => f.pad(&format!("{}@{}", self.name(), self.tuning)),
            Tuning::Equalised | Tuning::Fixed => f.pad(&self.name()),
        }
    }
}

/// A server that could not take part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AbsentServer {
    /// Which.
    pub server: ServerLabel,
    /// What is missing.
    pub reason: String,
    /// Command that would install it.
    pub install: String,
}

/// A server that was not measured although it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Which.
    pub server: ServerLabel,
    /// The scenario without it; absent when it is all of them.
    pub scenario: Option<String>,
    /// Why, and what would have it take part.
    pub reason: String,
}

/// `websocket/ws in hold-10k: ...`, one line for people.
impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.scenario {
            Some(scenario) => write!(f, "{} in {scenario}: {}", self.server, self.reason),
            None => write!(f, "{}: {}", self.server, self.reason),
        }
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum Outcome {
    /// Everything arrived and nothing disturbs the figures.
    Valid,
    /// It ran, but its figures must not be used.
    Invalid {
        /// Why, at least one.
        reasons: Vec<Reason>,
    },
    /// It gave no measurement.
    Failed {
        /// What happened.
        reason: String,
    },
}

impl Outcome {
    /// Whether the figures may be used.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        *self == Self::Valid
    }

    /// Why the figures may not be used, in sentences; empty when they may.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Valid => String::new(),
            Self::Invalid { reasons } => {
                let words: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                words.join("; ")
            }
            Self::Failed { reason } => reason.clone(),
        }
    }
}

/// Why the figures of a trial must not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Where it comes from.
    pub side: Blame,
    /// A sentence.
    pub text: String,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.side.label(), self.text)
    }
}

/// Which part of a trial is at fault.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// Who publishes was late.
    Publisher,
    /// The load process could not keep up with receiving.
    Client,
    /// The server, or the way to it: messages were lost, connections refused or ended.
    Server,
    /// Machine, settings or harness.
    Setting,
}

impl Blame {
    /// Name in sentences.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Client => "client",
            Self::Server => "server",
            Self::Setting => "setting",
        }
    }
}

/// What a reader should know of a trial whose figures may be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "flag")]
pub enum Flag {
    /// The hypervisor took more than 2 % of the processor time.
    Steal {
        /// Share, 0 to 1.
        share: f64,
    },
    /// Programs outside the trial used more than 2 % of the processor time.
    OthersCpu {
        /// Share, 0 to 1.
        share: f64,
    },
    /// Some task waited for a core for more of the time than the trial itself explains.
    Pressure {
        /// Share of the time, 0 to 1.
        share: f64,
    },
    /// Response times settled only after the measured phase had begun.
    WarmUpTooShort {
        /// How long into the measured phase, seconds.
        seconds: f64,
    },
    /// Response times never settled.
    NeverSteady,
    /// The publisher's lateness at the 99th percentile was more than a tenth of the response time there.
    LatePublisher {
        /// Lateness over response time.
        share: f64,
    },
    /// The event loops of the load process lagged behind by more than a quarter of the response time's 99th percentile.
    LaggingClient {
        /// Lag over response time.
        share: f64,
    },
    /// The link lost packets by itself, or let them go too late: it was worse than it was made to be.
    SlowLink {
        /// Packets lost that it should not have lost.
        missed: u64,
        /// How late packets left at the 99th percentile, nanoseconds; absent where netem was the link, and nobody knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late_ns: Option<u64>,
    },
}

/// Whether response times had settled when measuring began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "steady")]
pub enum Steadiness {
    /// From this time on, seconds after the start of the measured phase; negative within the warm-up.
    From {
        /// Seconds.
        seconds: f64,
    },
    /// Not within the trial.
    Never,
    /// Too few windows to tell.
    Unknown,
}

/// Hardware counts of a process; the kernel's share is absent where the system does not allow to see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterValues {
    /// Instructions in user space.
    pub user_instructions: u64,
    /// Instructions in the kernel on behalf of the process.
    pub kernel_instructions: Option<u64>,
    /// Cycles in user space.
    pub user_cycles: u64,
    /// Cycles in the kernel.
    pub kernel_cycles: Option<u64>,
}

/// What a process used in the measured phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Processor time, nanoseconds, from the process clock.
    pub cpu_ns: u64,
    /// Of this, the time of the publishing thread: it waits for due times by spinning, and it sits in the server or in
    /// the load process, depending on the server. Figures of cost leave it out.
    pub publisher_cpu_ns: u64,
    /// Of this, user time by tick accounting; coarse (one tick is 4 to 10 ms).
    pub user_ns: u64,
    /// And system time, coarse.
    pub system_ns: u64,
    /// Context switches, voluntary and not.
    pub context_switches: u64,
    /// Hardware counts, where the machine has them; without the publishing thread.
    pub counters: Option<CounterValues>,
}

impl Cost {
    /// Processor time of everything but the publishing thread, nanoseconds.
    #[must_use]
    pub fn delivery_cpu_ns(&self) -> u64 {
        self.cpu_ns.saturating_sub(self.publisher_cpu_ns)
    }
}

/// Name of the publishing thread in every process of this suite that publishes.
pub const PUBLISHER_THREAD: &str = "pb-publisher";

/// Memory of a process, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryUse {
    /// Resident before the first connection.
    pub rss_before: u64,
    /// Resident with all connections open and idle.
    pub rss_connected: u64,
    /// Resident and of no file (heap, stacks) before, where readable. The figure to compare: processes that run the same
    /// program share its other pages, so those move when one of them starts.
    pub anonymous_before: Option<u64>,
    /// The same with all connections open.
    pub anonymous_connected: Option<u64>,
    /// Proportional set size before, where readable.
    pub pss_before: Option<u64>,
    /// Proportional set size with all connections open.
    pub pss_connected: Option<u64>,
    /// Resident and of no file at the end of the measured phase: what queues have grown by since.
    #[serde(default)]
    pub anonymous_after: Option<u64>,
    /// Resident at the end of the measured phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_after: Option<u64>,
    /// The most that was ever resident until then, as the kernel has it (VmHWM); of several processes, the sum of each one's most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_peak: Option<u64>,
}

impl MemoryUse {
    /// By how many bytes that are of no file a process has grown since all were connected, at its greatest; `None` where one
    /// of the figures is missing.
    ///
    /// The kernel keeps the most of all resident pages. Those of files are taken off as they were at the end: a program is
    /// read in as it runs, and nothing of it is given back.
    #[must_use]
    pub fn grown_at_most(&self) -> Option<u64> {
        let of_files = self.rss_after?.saturating_sub(self.anonymous_after?);
        let most = self.rss_peak?.saturating_sub(of_files);
        // Both come from the kernel, and not at the same time.
        let most = most.max(self.anonymous_after?);
        Some(most.saturating_sub(self.anonymous_connected?))
    }
}

/// What one side of a trial used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// In the measured phase.
    pub cost: Cost,
    /// Around the connect phase; absent where a workload holds no connections.
    pub memory: Option<MemoryUse>,
}

/// One trial: a line of `trials.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// Number in the run, from 1, in the order they ran.
    pub trial: u32,
    /// Block of the interleaving, from 1; every scenario and server runs once per block.
    pub repetition: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Which server.
    pub server: ServerLabel,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// Wall time of the whole trial, seconds.
    pub wall_s: f64,
    /// Seed of its schedule and payload.
    pub seed: u64,
    /// What the load process measured; its histograms are in the log.
    pub measurement: Option<Measurement>,
    /// Main figures of the histograms, by name; nanoseconds.
    pub summaries: BTreeMap<String, Summary>,
    /// Histogram log of the trial, relative to the record.
    pub hlog: Option<String>,
    /// What the server used.
    pub server_usage: Option<Usage>,
    /// What the load process used.
    pub load_usage: Option<Usage>,
    /// Share of processor time stolen by the hypervisor while it ran, 0 to 1.
    pub steal: Option<f64>,
    /// Share of processor time used by programs outside the trial while it ran, 0 to 1; coarse, and with its start.
    #[serde(default)]
    pub others_cpu: Option<f64>,
    /// Share of the time in which some task on the machine waited for a core, 0 to 1 (pressure stall information).
    pub cpu_pressure: Option<f64>,
    /// Whether response times had settled.
    pub steadiness: Option<Steadiness>,
    /// What a reader should know although the figures may be used.
    pub flags: Vec<Flag>,
    /// Messages per second, where the trial replaced the rate of its scenario (`pushbench saturate`).
    pub rate: Option<f64>,
    /// What crossed the link while it ran, from the start of the server to its end; absent without a link.
    #[serde(default)]
    pub link: Option<LinkCounts>,
}
