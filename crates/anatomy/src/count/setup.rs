//! What a connection costs that is opened, subscribed and closed.

use std::io;

use super::{Counts, FEW, Tool, file_name, life, share};
use crate::contender::Contender;
use crate::trial::visit;

/// By how many connections the two lives differ.
const MORE: usize = 100;

/// What one connection costs besides its messages: from the acceptance, or the request for it, to the closing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetUp {
    /// Instructions of the program; the kernel's are not seen. `None` without valgrind.
    pub instructions: Option<f64>,
    /// Allocations. `None` without valgrind.
    pub allocations: Option<f64>,
    /// System calls by name; of these, those that failed once more under `NAME failed`. `None` without strace.
    pub calls: Option<Counts>,
}

impl SetUp {
    /// All system calls, failed ones included. `None` without strace.
    #[must_use]
    pub fn system_calls(&self) -> Option<f64> {
        let calls = self.calls.as_ref()?;
        let made = calls.iter().filter(|(name, _)| !name.ends_with(" failed"));
        Some(made.map(|(_, count)| count).sum())
    }
}

/// Counts what one connection of `contender` costs, with the tools that are installed.
///
/// # Errors
///
/// When a tool or a connection fails.
pub fn setup(contender: &Contender) -> io::Result<SetUp> {
    let mut found = SetUp::default();
    if Tool::Callgrind.is_installed() {
        let counts = by(Tool::Callgrind, contender)?;
        found.instructions = counts.get("instructions").copied();
        found.allocations = counts.get("allocations").copied();
    }
    if Tool::Strace.is_installed() {
        let mut counts = by(Tool::Strace, contender)?;
        counts.retain(|_, count| *count != 0.0);
        found.calls = Some(counts);
    }
    Ok(found)
}

fn by(tool: Tool, contender: &Contender) -> io::Result<Counts> {
    let few = FEW as usize;
    let live = |connections| {
        life(tool, &file_name(contender), |wrap| {
            visit(contender, connections, wrap)
        })
    };
    Ok(share(&live(few)?, live(few + MORE)?, MORE as f64))
}
