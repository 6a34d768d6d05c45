//! Answers to requests that went out without waiting for them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pushbench_sys::clock;

use crate::answers::AnswerReader;

/// Between two looks at whether all answers are there, nanoseconds.
const LOOK_NS: u64 = 1_000_000;

/// What has come so far, over all connections.
#[derive(Debug, Default)]
pub(super) struct Answers {
    accepted: AtomicU64,
    bytes: AtomicU64,
    refused: Mutex<Option<String>>,
}

impl Answers {
    /// Messages accepted so far.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    /// Bytes of answers read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    /// Keeps the first thing that went wrong, in words.
    pub(super) fn refuse(&self, reason: String) {
        let mut refused = self.refused.lock().expect("no holder panics");
        refused.get_or_insert(reason);
    }

    /// The first thing that went wrong, if anything did.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().expect("no holder panics").clone()
    }

    /// Waits until `wanted` messages have been accepted. A refused message is never counted, so whoever waits for all of them
    /// finds the refusal.
    pub(super) fn wait(&self, wanted: u64, patience: Duration) -> Result<(), String> {
        let deadline = Instant::now() + patience;
        while self.accepted() < wanted {
            if let Some(refused) = self.refused() {
                return Err(refused);
            }
            if Instant::now() > deadline {
                let accepted = self.accepted();
                return Err(format!(
                    "{accepted} of {wanted} messages were answered within {patience:?}"
                ));
            }
            clock::sleep_until(clock::now() + LOOK_NS, 0);
        }
        Ok(())
    }

    /// Counts the answers that end in `bytes`, which `reader` reads.
    pub(super) fn read(&self, reader: &mut AnswerReader, mut bytes: &[u8]) -> Result<(), String> {
        // Before the answers themselves: who finds one of them counted finds its bytes counted.
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Release);
        while let Some(answer) = reader.next(&mut bytes)? {
            if answer.is_good() {
                self.accepted.fetch_add(1, Ordering::Release);
            } else {
                self.refuse(format!("status {}, expected 2xx", answer.status));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_found_by_who_waits() {
        let (answers, mut reader) = (Answers::default(), AnswerReader::default());
        let refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
        let accepted = b"HTTP/1.1 204 No Content\r\n\r\n";
        answers.read(&mut reader, refusal).unwrap();
        answers.read(&mut reader, accepted).unwrap();
        let bytes = refusal.len() + accepted.len();
        assert_eq!(answers.bytes(), bytes as u64);
        assert_eq!(answers.wait(1, Duration::ZERO), Ok(()));
        let error = answers.wait(2, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error, "status 503, expected 2xx");
    }
}
