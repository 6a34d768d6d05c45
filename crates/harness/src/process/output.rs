//! Reading what a process prints, in bounded memory.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// A line may be this long; the result of a trial, with its histograms, is far shorter.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// As much of the standard error is kept.
const TAIL_BYTES: usize = 8 * 1024;

/// Calls `each` with every line that starts with one of `prefixes`, until the end of `stream`.
pub(super) fn lines(stream: impl Read, prefixes: &[&str], mut each: impl FnMut(String)) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        // An error is an end, too: the process shows how it ended.
        let read = (&mut stream)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line);
        if read.unwrap_or(0) == 0 {
            return;
        }
        if prefixes
            .iter()
            .any(|prefix| line.starts_with(prefix.as_bytes()))
        {
            each(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
    }
}

/// The end of what a process has printed so far.
#[derive(Clone, Default)]
pub(super) struct Tail(Arc<Mutex<Vec<u8>>>);

impl Tail {
    /// Reads to the end of `stream`.
    pub(super) fn follow(&self, mut stream: impl Read) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend_from_slice(&buffer[..read]);
            let surplus = kept.len().saturating_sub(TAIL_BYTES);
            kept.drain(..surplus);
        }
    }

    /// Its last lines that are not blank.
    pub(super) fn last_lines(&self, count: usize) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_mean_something_pass() {
        let mut seen = Vec::new();
        let text = b"PHASE a\nnoise\n PHASE b\nRESULT {}\r\n\xff\nPHASE c";
        lines(&text[..], &["PHASE ", "RESULT "], |line| seen.push(line));
        assert_eq!(seen, ["PHASE a", "RESULT {}", "PHASE c"]);
    }

    #[test]
    fn the_tail_is_bounded_and_in_lines() {
        let tail = Tail::default();
        assert_eq!(tail.last_lines(3), "");
        let text: String = (0..100_000).map(|n| format!("line {n}\n\n")).collect();
        tail.follow(text.as_bytes());
        assert!(tail.0.lock().unwrap().len() <= TAIL_BYTES);
        assert_eq!(tail.last_lines(2), "line 99998\nline 99999");
    }
}
