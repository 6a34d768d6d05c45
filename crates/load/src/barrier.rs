//! Points of a measurement at which nothing is in flight.

use std::io::{BufRead, Write};

use crate::LoadError;

/// Told when a phase has been reached; returns when the measurement may go on.
pub trait Barrier {
    /// `phase` is about to begin (`ready`, `connected`, `measure`) or everything is over (`done`).
    ///
    /// # Errors
    ///
    /// When the one to be told has gone.
    fn reached(&mut self, phase: &'static str) -> Result<(), LoadError>;
}

/// Goes on at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Free;

impl Barrier for Free {
    fn reached(&mut self, _phase: &'static str) -> Result<(), LoadError> {
        Ok(())
    }
}

/// Prints `PHASE name` on one stream and waits for a line on another: how a harness in another process samples at
/// exactly these points.
#[derive(Debug)]
pub struct Lines<R, W> {
    /// Where the answers come from.
    pub input: R,
    /// Where phases are announced.
    pub output: W,
}

impl<R: BufRead, W: Write> Barrier for Lines<R, W> {
    fn reached(&mut self, phase: &'static str) -> Result<(), LoadError> {
        let gone = |_| LoadError::Barrier(phase);
        writeln!(self.output, "PHASE {phase}")
            .and_then(|()| self.output.flush())
            .map_err(gone)?;
        let mut line = String::new();
        match self.input.read_line(&mut line).map_err(gone)? {
            0 => Err(LoadError::Barrier(phase)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_waits_for_its_line() {
        let mut output = Vec::new();
        let mut lines = Lines {
            input: &b"\n"[..],
            output: &mut output,
        };
        lines.reached("ready").unwrap();
        assert!(matches!(
            lines.reached("measure"),
            Err(LoadError::Barrier("measure"))
        ));
        assert_eq!(output, b"PHASE ready\nPHASE measure\n");
    }
}
