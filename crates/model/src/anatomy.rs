//! What a delivery is made of: `anatomy.json`. Every stack of every transport, server side and client side, held against
//! the kernel's floor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the file.
pub const ANATOMY_FILE: &str = "anatomy.json";

/// The outcome of `pushbench anatomy`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Anatomy {
    /// Version of the record's schema; a reader refuses another one.
    #[schemars(extend("const" = crate::record::SCHEMA))]
    pub schema: u32,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// How long it took, seconds.
    pub wall_s: f64,
    /// The exact command, one element per argument.
    pub command: Vec<String>,
    /// Version of the program.
    pub pushbench_version: String,
    /// Commit it was built from.
    pub commit: Option<String>,
    /// Build profile: `release` or `debug`.
    pub build: String,
    /// Short name of the machine.
    pub machine: String,
    /// Bytes of payload in every message.
    pub payload_bytes: u64,
    /// Slices of every contender in a stage that does not say otherwise.
    pub turns: u32,
    /// Who counted instructions.
    pub counting: Counting,
    /// Whether system calls were counted (strace).
    pub calls_counted: bool,
    /// The emulated machine that counted instructions of program and kernel, if there was one.
    #[serde(default)]
    pub emulation: Option<Emulation>,
    /// Whether it was stopped before its end; what follows is what was measured until then.
    pub interrupted: bool,
    /// Stages that were measured, in order: every contender of a stage took its turns among the others.
    pub stages: Vec<Stage>,
    /// What a message costs in company against alone, in turns; absent in records of before.
    #[serde(default)]
    pub batching: Vec<Batching>,
    /// What our subscriber adds to the response times that it measures; absent in records of before.
    #[serde(default)]
    pub instrument: Vec<Instrument>,
    /// What a connection costs; absent in records of before.
    #[serde(default)]
    pub setups: Vec<SetUp>,
    /// Contenders that were to take part and did not.
    pub left_out: Vec<LeftOut>,
}

/// Who counted instructions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Counting {
    /// The processor: program and kernel, with cycles.
    Processor,
    /// Valgrind's callgrind: the program alone.
    Callgrind {
        /// Why the processor did not.
        because: String,
    },
    /// Nobody.
    Nobody {
        /// Why the processor did not.
        because: String,
    },
}

/// A machine whose processor is a program that counts what it executes. Its clock advances a nanosecond for every instruction,
/// so that what its kernel reports as processor time is the number of instructions, the kernel's own among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Emulation {
    /// The program.
    pub emulator: String,
    /// Version of the kernel that ran in it.
    pub kernel: String,
    /// Nanoseconds that an instruction took there by its own clock, in two loops of different make: 1 and 1, or it was not used.
    pub ns_per_instruction: [f64; 2],
    /// Slices of every contender.
    pub turns: u32,
    /// How long it took, seconds.
    pub wall_s: f64,
}

/// Contenders that were measured together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Which side of a delivery.
    pub side: Side,
    /// Connections of every contender.
    pub subscribers: u32,
    /// Messages that are ready together each time a contender wakes.
    pub batch: u32,
    /// Slices of every contender, if not as many as the anatomy says: a slice with many subscribers takes long.
    #[serde(default)]
    pub turns: Option<u32>,
    /// What was measured, the floor first.
    pub rows: Vec<Row>,
}

/// The measured half of a delivery.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The server: one write.
    Server,
    /// The client: one read.
    Client,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Client];

    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// What a contender stands for. Each rung of a transport adds to the one below it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// Raw epoll and TCP: what the kernel charges.
    Floor,
    /// Handshake and framing alone; on the client side our load generator.
    Framing,
    /// A library, as a careful engineer sets it.
    Library,
    /// The library's defaults, or a framework, as documentation shows them.
    Defaults,
    /// A variant that changes one thing, to see what that costs.
    Variant,
}

impl Rung {
    /// All, from below.
    pub const ALL: [Self; 5] = [
        Self::Floor,
        Self::Framing,
        Self::Library,
        Self::Defaults,
        Self::Variant,
    ];

    /// Its name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Framing => "framing",
            Self::Library => "library",
            Self::Defaults => "defaults",
            Self::Variant => "variant",
        }
    }
}

/// What one contender costs per delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Unique name within a side, such as `sse/reference` or `websocket/tungstenite-defaults`.
    pub name: String,
    /// `sse`, `websocket`, `long-poll` or `tcp`.
    pub transport: String,
    /// What it stands for.
    pub rung: Rung,
    /// What it is, in a few words.
    pub about: String,
    /// Processor time, nanoseconds, user and kernel: quartiles over the slices.
    pub cpu_ns: Quartiles,
    /// The same as a multiple of the floor's slice of the same turn; absent for the floor itself.
    pub times_floor: Option<Quartiles>,
    /// Instructions of the program.
    pub user_instructions: Option<f64>,
    /// Instructions of the kernel on its behalf; only a processor that counts sees them.
    pub kernel_instructions: Option<f64>,
    /// Instructions of both together, as the emulated machine counted them: the median of its slices.
    #[serde(default)]
    pub instructions: Option<f64>,
    /// The same as a multiple of what the floor executed in the same turn; absent for the floor itself, and in records of before.
    #[serde(default)]
    pub instructions_times_floor: Option<Quartiles>,
    /// Processor cycles of both.
    pub cycles: Option<f64>,
    /// TCP payload bytes that travelled from server to client.
    pub bytes_down: Option<f64>,
    /// TCP payload bytes that travelled from client to server.
    pub bytes_up: Option<f64>,
    /// System calls.
    pub calls: Option<Calls>,
    /// Median response time of the deliveries, nanoseconds, where the contender records it (client side).
    pub p50_ns: Option<u64>,
}

/// A server that sends several messages at once, against itself with one at a time; the two took turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Batching {
    /// The server, such as `sse/bare`.
    pub name: String,
    /// Connections of each.
    pub subscribers: u32,
    /// Messages that are ready together.
    pub batch: u32,
    /// Processor time per message, one at a time, nanoseconds.
    pub alone_ns: Quartiles,
    /// Processor time per message, `batch` at a time, nanoseconds.
    pub together_ns: Quartiles,
    /// The second divided by the first, of slices of the same turn.
    pub ratio: Quartiles,
}

/// Response times as our subscriber measures them, against those of a raw epoll receiver that reads the same bytes from
/// the same server; the two took turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instrument {
    /// `tcp`, `sse` or `websocket`.
    pub transport: String,
    /// Connections of each.
    pub subscribers: u32,
    /// Deliveries of a slice: each slice has its own percentiles.
    pub deliveries: u64,
    /// The median.
    pub p50: Compared,
    /// The 99th percentile.
    pub p99: Compared,
}

/// A percentile of response times, ours and the raw receiver's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// Of our subscriber, nanoseconds.
    pub ours_ns: Quartiles,
    /// Of the raw receiver, nanoseconds.
    pub raw_ns: Quartiles,
    /// The first divided by the second, of slices of the same turn.
    pub ratio: Quartiles,
}

/// What a contender spends on opening and closing one connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetUp {
    /// Which side.
    pub side: Side,
    /// Name of the contender, as in a stage.
    pub name: String,
    /// `sse`, `websocket`, `long-poll` or `tcp`.
    pub transport: String,
    /// What it stands for.
    pub rung: Rung,
    /// Processor time, nanoseconds, user and kernel: quartiles over slices that took turns.
    pub cpu_ns: Option<Quartiles>,
    /// The same as a multiple of the floor's slice of the same turn; absent for the floor itself.
    pub times_floor: Option<Quartiles>,
    /// Instructions of the program.
    pub user_instructions: Option<f64>,
    /// Instructions of program and kernel together, as the emulated machine counted them: the median of its slices.
    #[serde(default)]
    pub instructions: Option<f64>,
    /// The same as a multiple of what the floor executed in the same turn; absent for the floor itself, and in records of before.
    #[serde(default)]
    pub instructions_times_floor: Option<Quartiles>,
    /// Allocations of the program.
    pub allocations: Option<f64>,
    /// System calls.
    pub calls: Option<f64>,
}

/// Quartiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quartiles {
    /// First quartile.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Third quartile.
    pub high: f64,
}

/// System calls per delivery, by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calls {
    /// `write`, `sendto` and their like.
    pub writes: f64,
    /// `read`, `recvfrom` and their like.
    pub reads: f64,
    /// `epoll_wait` and its like.
    pub waits: f64,
    /// All others.
    pub others: f64,
    /// Calls of any kind that failed, `EAGAIN` among them.
    pub failed: f64,
}

/// A contender that did not take part in a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Which side.
    pub side: Side,
    /// Connections of the stage; all stages if absent.
    pub subscribers: Option<u32>,
    /// Why.
    pub reason: String,
}

impl Anatomy {
    /// The stage of these.
    #[must_use]
    pub fn stage(&self, side: Side, subscribers: u32, batch: u32) -> Option<&Stage> {
        let is = |stage: &&Stage| {
            (stage.side, stage.subscribers, stage.batch) == (side, subscribers, batch)
        };
        self.stages.iter().find(is)
    }
}

impl Stage {
    /// The row of this name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}
