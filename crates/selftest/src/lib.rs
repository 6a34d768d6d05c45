//! Proofs that the method holds: something known is injected, and what is read must be it.
//!
//! # Layout
//!
//! - `proof`: one file per proof, and [`PROOFS`], the list of them
//! - `run`: the loop over the list
//! - `record`: a synthetic record, for proofs about reports
//! - `trial`: trials as runs do them, against a server that may be asked to do wrong
//! - `disturb`, `proxy`: what is done to a trial meanwhile: pauses, a longer way, busy neighbours
//! - `arms`: servers, scenarios and a runner, for proofs that measure processes
//!
//! # To add a proof
//!
//! A file in `proof` with a struct whose fields are the *mechanisms* the proof guards (an order, a judge, a filter), an
//! `impl Proof` for it, a `pub static REAL` with the mechanisms that Pushbench uses, and a line in [`PROOFS`]. A test of
//! the same file builds the struct with a broken mechanism and asserts that the row fails: a proof that cannot fail proves
//! nothing.
//!
//! A proof may start processes: [`Context`] has the path of the program, the cores, why counters are absent, and a flag
//! that asks to stop. One that waits looks at the flag ([`Context::check`]) and cleans up after itself. What cannot be
//! tried on a machine is [`Unproven::Impossible`], which is not a failure; a process that does not do what it should is a
//! [`Finding`] that does not hold.

mod arms;
mod disturb;
mod proof;
mod proxy;
mod record;
mod run;
mod trial;

#[cfg(test)]
mod testing;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use pushbench_harness::CoreSplit;

pub use proof::PROOFS;
pub use run::{Config, NoObserver, Observer, Outcome, run};

/// A rule of docs/METHODOLOGY.md, and how it is tried.
pub trait Proof: Sync {
    /// What it is about.
    fn about(&self) -> About;

    /// Tries it.
    ///
    /// # Errors
    ///
    /// When it was interrupted, or cannot be tried here.
    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven>;
}

/// What a proof is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Stable name, such as `intended-time`.
    pub id: &'static str,
    /// Numbers of the rules in docs/METHODOLOGY.md that it proves.
    pub rules: &'static [u32],
    /// What the rule demands, in a sentence.
    pub rule: &'static str,
}

/// What a proof may use.
#[derive(Debug)]
pub struct Context<'a> {
    /// Whether it is to be quick: the whole self-test under a minute.
    pub quick: bool,
    /// Seed of everything drawn at random.
    pub seed: u64,
    /// Path of the `pushbench` program, for proofs that start processes.
    pub pushbench: PathBuf,
    /// Cores of servers and of load processes.
    pub cores: CoreSplit,
    /// Why hardware counters are absent; `None` when they work.
    pub no_counters: Option<String>,
    /// Set when the self-test is to stop.
    pub stop: &'a AtomicBool,
    /// Trials in slices that more than one proof looks at, once one of them has run them.
    pub(crate) sliced: OnceLock<proof::Sliced>,
}

impl Context<'_> {
    /// `quick` or `full`, whichever is wanted.
    #[must_use]
    pub fn either<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// # Errors
    ///
    /// [`Unproven::Interrupted`] when the self-test is to stop.
    pub fn check(&self) -> Result<(), Unproven> {
        if self.stop.load(Ordering::Relaxed) {
            Err(Unproven::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// What a proof found, each in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was injected.
    pub injected: String,
    /// What had to be read.
    pub expected: String,
    /// What was read.
    pub read: String,
    /// What a tool without the mechanism would have read, where that can be shown.
    pub naive: Option<String>,
    /// Whether what was read is what was expected.
    pub holds: bool,
}

/// Why a proof found nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The self-test was stopped.
    #[error("interrupted")]
    Interrupted,
    /// It cannot be tried here; the text says why.
    #[error("{0}")]
    Impossible(String),
}
