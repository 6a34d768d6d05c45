//! Answers to requests that went out without waiting for them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pushbench_sys::clock;
use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

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
}

/// The answers of one connection.
#[derive(Debug, Default)]
pub(super) struct AnswerReader {
    head: HeadReader,
    body: Option<BodyDecoder>,
    accepted: bool,
}

impl AnswerReader {
    /// Takes bytes as they were read, and counts the answers that end in them.
    pub(super) fn feed(&mut self, mut bytes: &[u8], answers: &Answers) -> Result<(), String> {
        // Before the answers themselves: who finds one of them counted finds its bytes counted.
        answers
            .bytes
            .fetch_add(bytes.len() as u64, Ordering::Release);
        while !bytes.is_empty() {
            let taken = match &mut self.body {
                Some(body) => body
                    .feed::<BodyError>(bytes, &mut |_| Ok(()))
                    .map_err(|error| error.to_string())?,
                None => match self.head(bytes, answers)? {
                    Some(taken) => taken,
                    None => return Ok(()),
                },
            };
            bytes = &bytes[taken..];
            if self.body.as_ref().is_some_and(BodyDecoder::is_done) {
                self.body = None;
                answers
                    .accepted
                    .fetch_add(u64::from(self.accepted), Ordering::Release);
            }
        }
        Ok(())
    }

    /// Reads a head; how many of `bytes` belong to it once it is whole.
    fn head(&mut self, bytes: &[u8], answers: &Answers) -> Result<Option<usize>, String> {
        let parsed = self.head.feed(bytes).map_err(|error| error.to_string())?;
        let Some((head, taken)) = parsed else {
            return Ok(None);
        };
        if !head.is_interim() {
            self.accepted = (200..300).contains(&head.status);
            if !self.accepted {
                answers.refuse(format!("status {}, expected 2xx", head.status));
            }
            self.body = Some(BodyDecoder::new(head.framing()));
        }
        Ok(Some(taken))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &[u8] =
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\
          Content-Length: 2\r\n\r\nokHTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n\
          1\r\nx\r\n0\r\n\r\n";

    proptest! {
        #[test]
        fn answers_count_once_however_they_are_cut(size in 1_usize..STREAM.len()) {
            let (answers, mut reader) = (Answers::default(), AnswerReader::default());
            for piece in STREAM.chunks(size) {
                reader.feed(piece, &answers).unwrap();
            }
            prop_assert_eq!(answers.accepted(), 3);
            prop_assert_eq!(answers.bytes(), STREAM.len() as u64);
        }

        #[test]
        fn whatever_comes_it_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let answers = Answers::default();
            let _ = AnswerReader::default().feed(&bytes, &answers);
            prop_assert_eq!(answers.bytes(), bytes.len() as u64);
        }
    }

    #[test]
    fn a_refusal_is_found_by_who_waits() {
        let (answers, mut reader) = (Answers::default(), AnswerReader::default());
        let refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
        reader.feed(refusal, &answers).unwrap();
        reader
            .feed(b"HTTP/1.1 204 No Content\r\n\r\n", &answers)
            .unwrap();
        assert_eq!(answers.wait(1, Duration::ZERO), Ok(()));
        let error = answers.wait(2, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error, "status 503, expected 2xx");
    }
}
