//! The machine and the build that a run was made with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::link::LinkBy;

/// What a reader must know to judge the figures of a run. Unknown facts are empty or absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Short name of the machine: processor, cores, virtualised or not.
    pub machine: String,
    /// Processor model.
    pub cpu_model: String,
    /// Processors this process may use.
    pub cores: Vec<usize>,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Kernel name and release.
    pub kernel: String,
    /// Hypervisor, if the processor says it runs under one.
    pub hypervisor: Option<String>,
    /// Clock source of the kernel.
    pub clock_source: String,
    /// Version of this program.
    pub pushbench_version: String,
    /// Commit it was built from, `-dirty` appended when the tree had changes; absent outside a checkout.
    pub commit: Option<String>,
    /// Compiler that built it.
    pub rustc: String,
    /// Build profile: `release` or `debug`.
    pub build: String,
    /// Why hardware counters are absent; `None` when they work.
    pub no_counters: Option<String>,
    /// Versions of the runtimes of external servers that take part, by program.
    pub runtimes: BTreeMap<String, String>,
    /// Kernel settings and limits that bear on the figures, by name.
    pub settings: BTreeMap<String, String>,
    /// Who emulated the links between server and load process; absent where there were none, and in records from before
    /// there was a choice, whose links userspace emulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_by: Option<LinkBy>,
}
