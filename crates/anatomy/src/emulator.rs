//! A machine whose processor is a program that counts: for what the kernel executes, where the processor of this machine shows
//! nobody its counters.
//!
//! QEMU counts instructions if it is told to, and makes its clock advance a nanosecond for each (`-icount shift=0`). The kernel that runs
//! in it knows no other clock, so that the processor time that it reports is a number of instructions, its own among them.
//! Nothing else on this machine changes that number.
//!
//! ```text
//! Emulator::count ──boots──▶ the kernel ──▶ this program (inside), its first process
//!        ◀────────a line of JSON per stage, on a serial port────────┘
//! ```
//!
//! An emulated processor is no real one: it has no caches and predicts nothing, and every repetition of a string instruction counts as
//! one. Its figures are counts, and no times.

mod archive;
mod inside;
mod machine;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use pushbench_model::anatomy::{Emulation, LeftOut, SetUp, Stage};
use serde::{Deserialize, Serialize};

use crate::ladder::{Found, Observer, Plan, Step};

use archive::Files;
pub(crate) use inside::inside;
pub(crate) use machine::keeper;
use machine::{Machine, told};

/// Where a kernel is looked for that nobody has named.
pub const KERNEL: &str = "benches/emulator/vmlinuz";

const PROGRAM: &str = "qemu-system-x86_64";

/// Most subscribers of a stage there. A stage takes longer with each; all of them, up to these, took nine minutes.
const MOST_SUBSCRIBERS: u32 = 1000;

/// Slices of every contender, and deliveries of a slice.
const TURNS: u32 = 5;
const DELIVERIES: u64 = 1000;

/// How far from one nanosecond an instruction may be, by the clock inside: interrupts come meanwhile.
const CLOCK_TOLERANCE: f64 = 0.02;

/// An emulator, and a kernel for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emulator {
    kernel: PathBuf,
    version: String,
}

/// What the machine says, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Said {
    /// It runs.
    Runs {
        kernel: String,
        ns_per_instruction: Option<[f64; 2]>,
    },
    Starts(String),
    Stage(Stage),
    SetUps(Vec<SetUp>),
    LeftOut(Vec<LeftOut>),
    Failed(String),
    Ended,
}

/// In front of every such line.
const MARK: &str = "pushbench-says ";

impl Said {
    fn line(&self) -> io::Result<String> {
        Ok(format!("{MARK}{}\n", serde_json::to_string(self)?))
    }

    /// `None` for what others say.
    fn read(line: &str) -> Option<io::Result<Self>> {
        let json = line.trim().strip_prefix(MARK)?;
        let said = serde_json::from_str(json);
        Some(said.map_err(|error| {
            io::Error::other(format!("what it said makes no sense ({error}): {json}"))
        }))
    }
}

impl Emulator {
    /// QEMU, for the kernel in the file `kernel`.
    ///
    /// # Errors
    ///
    /// When one of them is not there, or this machine's programs do not run on the emulated one: what is missing, and how to get it.
    pub fn new(kernel: &Path) -> Result<Self, String> {
        if !cfg!(target_arch = "x86_64") {
            return Err("programs for this processor do not run on the emulated machine".into());
        }
        let version = Command::new(PROGRAM)
            .arg("--version")
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|said| said.status.success())
            .ok_or_else(|| {
                format!("{PROGRAM} is not installed (scripts/install-extras emulator)")
            })?;
        File::open(kernel).map_err(|error| {
            format!(
                "the kernel {} cannot be read: {error} (scripts/install-extras emulator)",
                kernel.display()
            )
        })?;
        let said = String::from_utf8_lossy(&version.stdout);
        Ok(Self {
            kernel: kernel.to_owned(),
            version: said.lines().next().unwrap_or(PROGRAM).to_owned(),
        })
    }

    /// Counts what of `plan` has been measured, and connections, and adds it to the rows in `found`.
    ///
    /// # Errors
    ///
    /// When the observer fails. A machine that fails is told of in `found`.
    pub(crate) fn count(
        &self,
        plan: &Plan,
        found: &mut Found,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> io::Result<()> {
        let begin = Instant::now();
        let ended = self.run(plan, found, observer, stop);
        if let Some(emulation) = &mut found.emulation {
            emulation.wall_s = begin.elapsed().as_secs_f64();
        }
        if let Err(error) = ended {
            found.left_out.push(LeftOut {
                name: "emulated machine".into(),
                side: pushbench_model::anatomy::Side::Server,
                subscribers: None,
                reason: error.to_string(),
            });
        }
        observer.measured(found)
    }

    fn run(
        &self,
        plan: &Plan,
        found: &mut Found,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> io::Result<()> {
        let mut files = tempfile::NamedTempFile::new()?;
        let Files { archive, libraries } = archive::of_this_program()?;
        files.write_all(&archive)?;
        let told = told(&libraries, &inside::arguments(plan));
        let mut machine = Machine::boot(&self.kernel, files.path(), &told)?;
        while let Some(said) = machine.says(stop)? {
            match said {
                Said::Runs {
                    kernel,
                    ns_per_instruction,
                } => {
                    found.emulation = Some(Emulation {
                        emulator: self.version.clone(),
                        kernel,
                        ns_per_instruction: checked(ns_per_instruction)?,
                        turns: TURNS,
                        wall_s: 0.0,
                    });
                }
                Said::Starts(step) => observer.comes_to(&Step::Emulated, &step),
                Said::Stage(stage) => {
                    add_stage(found, &stage);
                    observer.measured(found)?;
                }
                Said::SetUps(setups) => add_setups(found, &setups),
                Said::LeftOut(left_out) => {
                    found.left_out.extend(left_out.into_iter().map(inside::of));
                }
                Said::Failed(reason) => return Err(io::Error::other(reason)),
                Said::Ended => return machine.ends(stop),
            }
        }
        Ok(())
    }
}

/// A clock that counts instructions, and nothing else.
fn checked(ns_per_instruction: Option<[f64; 2]>) -> io::Result<[f64; 2]> {
    let is_one = |ns: &f64| (ns - 1.0).abs() <= CLOCK_TOLERANCE;
    match ns_per_instruction {
        Some(ns) if ns.iter().all(is_one) => Ok(ns),
        Some([narrow, wide]) => Err(io::Error::other(format!(
            "its clock does not count instructions: one takes {narrow:.3} ns in one loop and {wide:.3} ns in another"
        ))),
        None => Err(io::Error::other(
            "whether its clock counts instructions is not known for its processor",
        )),
    }
}

/// Puts counts where the same was measured here.
fn add_stage(found: &mut Found, counted: &Stage) {
    let is = |stage: &&mut Stage| {
        (stage.side, stage.subscribers, stage.batch)
            == (counted.side, counted.subscribers, counted.batch)
    };
    let Some(stage) = found.stages.iter_mut().find(is) else {
        return;
    };
    for row in &mut stage.rows {
        let counted = counted.row(&row.name);
        row.instructions = counted.map(|counted| counted.cpu_ns.median);
        row.instructions_times_floor = counted.and_then(|counted| counted.times_floor);
    }
}

fn add_setups(found: &mut Found, counted: &[SetUp]) {
    for one in &mut found.setups {
        let same = |other: &&SetUp| (other.side, &other.name) == (one.side, &one.name);
        let counted = counted.iter().find(same);
        one.instructions = counted.and_then(|counted| Some(counted.cpu_ns?.median));
        one.instructions_times_floor = counted.and_then(|counted| counted.times_floor);
    }
}
