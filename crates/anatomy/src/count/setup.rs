//! What a connection costs that is opened, subscribed and closed.

use std::io;

use super::{Counts, FEW, Tool, life, share};
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

    /// System calls without those whose number depends on when the other side answers: waits, and reads and acceptances
    /// that found nothing. `None` without strace.
    #[must_use]
    pub fn steady_calls(&self) -> Option<f64> {
        let in_vain: f64 = self
            .calls
            .as_ref()?
            .iter()
            .filter(|(name, _)| depends_on_the_moment(name))
            .map(|(_, count)| count)
            .sum();
        Some(self.system_calls()? - in_vain)
    }
}

/// Whether calls counted under `name` differ from run to run.
fn depends_on_the_moment(name: &str) -> bool {
    name.strip_suffix(" failed").map_or_else(
        || {
            matches!(
                name,
                "epoll_wait" | "epoll_pwait" | "poll" | "ppoll" | "futex"
            )
        },
        |call| matches!(call, "read" | "recvfrom" | "recvmsg" | "accept4"),
    )
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
    let live = |connections| life(tool, contender, |wrap| visit(contender, connections, wrap));
    Ok(share(&live(few)?, live(few + MORE)?, MORE as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_and_reads_in_vain_are_calls_but_not_steady_ones() {
        let calls = [
            ("connect", 1.0),
            ("connect failed", 1.0),
            ("recvfrom", 1.75),
            ("recvfrom failed", 0.75),
            ("epoll_pwait", 1.75),
            ("epoll_ctl", 1.0),
            ("close", 1.0),
        ];
        let found = SetUp {
            calls: Some(calls.map(|(name, count)| (name.to_owned(), count)).into()),
            ..SetUp::default()
        };
        assert_eq!(found.system_calls(), Some(6.5));
        assert_eq!(found.steady_calls(), Some(4.0));
        assert_eq!(SetUp::default().steady_calls(), None);
    }
}
