//! Points of a measurement at which nothing is in flight.

use std::io::{BufRead, Write};

use pushbench_model::deaths::{self, Deaths};

use crate::LoadError;

/// Told when a phase has been reached; returns when the measurement may go on.
pub trait Barrier {
    /// `phase` is about to begin (`ready`, `connected`, `measure`) or everything is over (`done`).
    ///
    /// # Errors
    ///
    /// When the one to be told has gone.
    fn reached(&mut self, phase: &'static str) -> Result<(), LoadError>;

    /// These connections are to lose their network at these times; returns when whoever holds the link has heard it.
    ///
    /// # Errors
    ///
    /// When the one to be told has gone, or there is nobody who could take their network away.
    fn dead(&mut self, _deaths: &Deaths) -> Result<(), LoadError> {
        Err(LoadError::NoLink)
    }

    /// `phase`, which comes again and again, is about to begin: whether it is wanted once more. Only who answers in
    /// words can want it.
    ///
    /// # Errors
    ///
    /// When the one to be told has gone.
    fn once_more(&mut self, phase: &'static str) -> Result<bool, LoadError> {
        self.reached(phase).map(|()| false)
    }
}

/// The answer that ends a phase which comes again and again; every other one asks for it.
const ENOUGH: &str = "enough";

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

impl<R: BufRead, W: Write> Lines<R, W> {
    fn answer(&mut self, phase: &'static str) -> Result<String, LoadError> {
        self.answer_to(&format!("PHASE {phase}"), phase)
    }

    fn answer_to(&mut self, said: &str, phase: &'static str) -> Result<String, LoadError> {
        let gone = |_| LoadError::Barrier(phase);
        writeln!(self.output, "{said}")
            .and_then(|()| self.output.flush())
            .map_err(gone)?;
        let mut line = String::new();
        match self.input.read_line(&mut line).map_err(gone)? {
            0 => Err(LoadError::Barrier(phase)),
            _ => Ok(line),
        }
    }
}

impl<R: BufRead, W: Write> Barrier for Lines<R, W> {
    fn reached(&mut self, phase: &'static str) -> Result<(), LoadError> {
        self.answer(phase).map(drop)
    }

    fn dead(&mut self, deaths: &Deaths) -> Result<(), LoadError> {
        self.answer_to(&deaths::line(deaths), "measure").map(drop)
    }

    fn once_more(&mut self, phase: &'static str) -> Result<bool, LoadError> {
        self.answer(phase).map(|answer| answer.trim() != ENOUGH)
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

    #[test]
    fn the_dead_are_named_and_whoever_takes_their_network_answers() {
        let deaths = Deaths::from([(40_001, 7), (40_002, 9)]);
        let mut output = Vec::new();
        let mut lines = Lines {
            input: &b"\n"[..],
            output: &mut output,
        };
        lines.dead(&deaths).unwrap();
        assert!(lines.dead(&deaths).is_err());
        let line = "DEAD 40001@7 40002@9\n".repeat(2);
        assert_eq!(str::from_utf8(&output).unwrap(), line);
        assert!(matches!(Free.dead(&deaths), Err(LoadError::NoLink)));
    }

    #[test]
    fn a_phase_comes_again_until_it_is_enough() {
        let mut lines = Lines {
            input: &b"\n\nenough\n"[..],
            output: Vec::new(),
        };
        let mut answers = std::iter::repeat_with(|| lines.once_more("slice"));
        assert!(answers.next().unwrap().unwrap());
        assert!(answers.next().unwrap().unwrap());
        assert!(!answers.next().unwrap().unwrap());
        assert!(answers.next().unwrap().is_err());
        assert!(!Free.once_more("slice").unwrap(), "nobody asks for more");
    }
}
