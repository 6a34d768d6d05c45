//! A client that is a program of its own, and talks line by line.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pushbench_sys::process::{Child, NoLine, cpu_time_ns};

use super::answer::Line;
use super::check::{Harvest, check};
use super::client::{Client, said};
use super::turn::Subject;

/// Between two looks at whether a person has stopped the survey.
const LOOK: Duration = Duration::from_millis(100);
/// Most messages of a client that are in memory, as a multiple of those published: one that tells more is out of its mind.
const MOST: u64 = 20;

/// A client that is a program.
pub(super) struct Process {
    child: Child,
    notes: Vec<String>,
}

impl Process {
    /// Starts it and waits for its subscription.
    pub(super) fn start(
        client: &Client,
        url: &str,
        patience: Duration,
        stop: &AtomicBool,
    ) -> Result<Self, String> {
        let child = client
            .start(&client.command, url)
            .map_err(|error| format!("cannot be started: {error}"))?;
        let mut process = Self {
            child,
            notes: Vec::new(),
        };
        let deadline = Instant::now() + patience;
        while process.line(deadline, stop)? != Line::Connected {}
        Ok(process)
    }

    /// The next line that is no note.
    fn line(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<Line, String> {
        loop {
            match self.child.line(LOOK) {
                Ok(line) => match Line::read(&line) {
                    Line::Note(note) => self.note(note),
                    line => return Ok(line),
                },
                Err(NoLine::Closed) => return Err(self.last_words()),
                Err(NoLine::TimedOut) if stop.load(Ordering::Relaxed) => {
                    return Err("stopped".into());
                }
                Err(NoLine::TimedOut) if Instant::now() >= deadline => {
                    return Err("it does not answer".into());
                }
                Err(NoLine::TimedOut) => {}
            }
        }
    }

    /// Each kind of note once, and not many.
    fn note(&mut self, note: String) {
        const MOST_NOTES: usize = 4;
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn last_words(&mut self) -> String {
        let status = self.child.wait(Duration::from_secs(2));
        let status = status.map_or_else(
            |_| "it closed its output".into(),
            |status| status.to_string(),
        );
        format!("ended ({status}): {}", said(&self.child.errors()))
    }
}

impl Subject for Process {
    fn cpu_ns(&self) -> io::Result<u64> {
        cpu_time_ns(self.child.id())
    }

    fn phase_ended(&mut self, _: u64) -> Result<(), String> {
        Ok(())
    }

    fn harvest(mut self: Box<Self>, ends: &[u64], patience: Duration) -> Result<Harvest, String> {
        let failed = |error| format!("cannot be asked: {error}");
        self.child.tell("results").map_err(failed)?;
        let most = ends.last().map_or(0, |last| last * MOST);
        let (deadline, never) = (Instant::now() + patience, AtomicBool::new(false));
        let mut arrivals = Vec::new();
        loop {
            match self.line(deadline, &never)? {
                Line::Message(arrival) => arrivals.push(arrival),
                Line::Result(count) if count == arrivals.len() as u64 => break,
                Line::Result(count) => {
                    return Err(format!(
                        "it counted {count} messages and told of {}",
                        arrivals.len()
                    ));
                }
                _ => {}
            }
            if arrivals.len() as u64 > most {
                return Err(format!("it tells of more than {most} messages"));
            }
        }
        let mut harvest = check(&arrivals, ends);
        harvest.notes.extend(self.notes);
        Ok(harvest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::shell;
    use super::super::turn::{Load, Phase, take};
    use super::*;

    #[test]
    fn a_program_that_tells_nonsense_is_named() {
        let load = Load {
            phases: vec![Phase {
                messages: 2,
                rate: 1000.0,
            }],
            patience: Duration::from_secs(60),
        };
        let go = AtomicBool::new(false);
        for (script, reason) in [
            ("echo alas >&2; sleep 0.2; exit 3", "alas"),
            (
                "echo 'PHASE connected'; read; echo 'RESULT 4'",
                "counted 4 messages and told of 0",
            ),
            (
                "echo 'PHASE connected'; read; for i in {1..41}; do echo 'MESSAGE 1 - \"x\"'; done",
                "more than 40",
            ),
        ] {
            let turn = take(&shell(script), &load, 1, &go);
            let failure = turn.failure.unwrap();
            assert!(failure.contains(reason), "{failure}");
        }
        let deaf = shell(
            "printf 'noise\\nNOTE a  b\\nPHASE connected\\n'; read; echo 'MESSAGE 5 - \"?\"'; echo 'RESULT 1'",
        );
        let turn = take(&deaf, &load, 1, &go);
        assert_eq!(turn.failure, None);
        assert_eq!(
            (
                turn.counts.delivered,
                turn.counts.corrupted,
                turn.counts.lost
            ),
            (0, 1, 1)
        );
        assert_eq!(turn.notes.last().map(String::as_str), Some("a  b"));
    }
}
