//! What a server says to what is posted.

use crate::answers::{Answer, AnswerReader};
use crate::drive::link::Broken;

/// What was answered, and what is being answered.
#[derive(Default)]
pub(in crate::drive::posting) struct Answers {
    reader: AnswerReader,
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
        self.reader = AnswerReader::default();
    }

    /// The connection has ended; whether that was the end of an answer.
    pub(super) fn end(&mut self, answered: &mut impl FnMut()) -> bool {
        let Some(answer) = self.reader.end() else {
            return false;
        };
        answered();
        self.count(answer);
        true
    }

    /// An answer is complete.
    fn count(&mut self, answer: Answer) {
        if answer.is_good() {
            self.accepted += 1;
        } else {
            let status = answer.status;
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
        while let Some(answer) = self.reader.next(&mut bytes).map_err(Halt::Http)? {
            answered();
            self.count(answer);
            if answer.is_last {
                return Err(Halt::Last);
            }
        }
        Ok(())
    }
}
