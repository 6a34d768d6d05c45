//! What a server says to what is posted.

use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

use crate::drive::link::Broken;

/// What was answered, and what is being answered.
#[derive(Default)]
pub(in crate::drive::posting) struct Answers {
    head: HeadReader,
    body: Option<BodyDecoder>,
    status: u16,
    /// The answer being read is the last one of its connection.
    is_last: bool,
    /// Answers of 2xx.
    pub(in crate::drive::posting) accepted: u64,
    /// What else was answered, or became of a message, and how often.
    pub(in crate::drive::posting) refused: Vec<(String, u64)>,
}

/// Why reading stopped.
pub(super) enum Halt {
    /// The last answer of the connection was read.
    Last,
    Broken(Broken),
    Http(String),
}

impl From<Broken> for Halt {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Answers {
    /// On a new connection.
    pub(super) fn begin(&mut self) {
        self.head = HeadReader::default();
        self.body = None;
    }

    /// The connection has ended; whether that was the end of an answer.
    pub(super) fn end(&mut self, answered: &mut impl FnMut()) -> bool {
        let is_whole = self
            .body
            .take()
            .is_some_and(|mut body| body.finish().is_ok());
        if is_whole {
            answered();
            self.count();
        }
        is_whole
    }

    /// An answer is complete.
    fn count(&mut self) {
        if (200..300).contains(&self.status) {
            self.accepted += 1;
        } else {
            let status = self.status;
            self.refuse(format!("a posted message was answered with {status}"), 1);
        }
    }

    pub(super) fn refuse(&mut self, text: String, more: u64) {
        match self.refused.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += more,
            None => self.refused.push((text, more)),
        }
    }

    /// Reads; calls `answered` for every answer that is complete.
    pub(super) fn read(
        &mut self,
        mut bytes: &[u8],
        answered: &mut impl FnMut(),
    ) -> Result<(), Halt> {
        while !bytes.is_empty() || self.body.as_ref().is_some_and(BodyDecoder::is_done) {
            match &mut self.body {
                None => {
                    let fed = self.head.feed(bytes);
                    let Some((head, taken)) = fed.map_err(|error| Halt::Http(error.to_string()))?
                    else {
                        return Ok(());
                    };
                    bytes = &bytes[taken..];
                    if !head.is_interim() {
                        (self.status, self.is_last) = (head.status, head.close);
                        self.body = Some(BodyDecoder::new(head.framing()));
                    }
                }
                Some(body) if body.is_done() => {
                    self.body = None;
                    answered();
                    self.count();
                    if self.is_last {
                        return Err(Halt::Last);
                    }
                }
                Some(body) => {
                    let taken = body.feed::<BodyError>(bytes, &mut |_| Ok(()));
                    let taken = taken.map_err(|error| Halt::Http(error.to_string()))?;
                    bytes = &bytes[taken..];
                }
            }
        }
        Ok(())
    }
}
