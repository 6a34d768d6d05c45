//! The body of a poll's answer, and the stream of the transport `ndjson`: newline-delimited JSON, one LF after every
//! message.

use std::mem;

use memchr::memchr;
use thiserror::Error;

/// Why a batch cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BatchError {
    /// A line passes the limit.
    #[error("ndjson: a message is longer than the limit of {limit} bytes")]
    TooLong {
        /// The limit given to [`BatchSplitter::new`].
        limit: usize,
    },
    /// The body ended without a line end, so its last message may be cut.
    #[error("ndjson: the body ends with {len} bytes without LF, expected LF after every message")]
    Unterminated {
        /// Bytes of the unfinished line.
        len: usize,
    },
}

/// What the end of a body means for a last line without LF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLine {
    /// An error: the body may have been cut.
    MustEnd,
    /// A message: some relays join messages with LF instead of ending each with one.
    MayBeOpen,
}

/// Splits a body, delivered in any pieces, into messages. Empty lines are skipped: no message is
/// empty, and a relay may add line ends of its own.
#[derive(Debug)]
pub struct BatchSplitter {
    /// The start of a line that the last piece cut.
    cut: Vec<u8>,
    max_message: usize,
}

impl BatchSplitter {
    /// A splitter at the start of a body. `max_message` bounds a line without its LF.
    #[must_use]
    pub const fn new(max_message: usize) -> Self {
        Self {
            cut: Vec::new(),
            max_message,
        }
    }

    /// Reads on, calling `on_message` with every message that `bytes` completes, without its LF.
    ///
    /// # Errors
    ///
    /// [`BatchError::TooLong`], after which the connection is to be dropped.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_message: &mut impl FnMut(&[u8]),
    ) -> Result<(), BatchError> {
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let line = &rest[..end];
            self.check(line)?;
            if !self.cut.is_empty() {
                let mut whole = mem::take(&mut self.cut);
                whole.extend_from_slice(line);
                on_message(&whole);
            } else if !line.is_empty() {
                on_message(line);
            }
            rest = &rest[end + 1..];
        }
        self.check(rest)?;
        if !rest.is_empty() {
            self.cut.extend_from_slice(rest);
        }
        Ok(())
    }

    /// The message, if `bytes` are exactly one with its LF and no line before them is unfinished. With `None` nothing
    /// has changed.
    #[inline]
    pub fn whole_line<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (message, end) = bytes.split_at(memchr(b'\n', bytes)?);
        let usual = self.cut.is_empty() && !message.is_empty() && end.len() == 1;
        (usual && message.len() <= self.max_message).then_some(message)
    }

    /// To be called at the end of a body; the next one may follow.
    ///
    /// # Errors
    ///
    /// [`BatchError::Unterminated`] if the last line has no LF and must have one.
    pub fn finish(
        &mut self,
        last_line: LastLine,
        on_message: &mut impl FnMut(&[u8]),
    ) -> Result<(), BatchError> {
        let cut = mem::take(&mut self.cut);
        match last_line {
            _ if cut.is_empty() => {}
            LastLine::MayBeOpen => on_message(&cut),
            LastLine::MustEnd => return Err(BatchError::Unterminated { len: cut.len() }),
        }
        Ok(())
    }

    #[inline]
    fn check(&self, more: &[u8]) -> Result<(), BatchError> {
        if self.cut.len() + more.len() > self.max_message {
            return Err(BatchError::TooLong {
                limit: self.max_message,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::limits::MAX_MESSAGE;
    use crate::pieces::{cuts, soup};

    fn split<'a>(
        max: usize,
        last_line: LastLine,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Vec<Vec<u8>>, Result<(), BatchError>) {
        let mut splitter = BatchSplitter::new(max);
        let mut messages = Vec::new();
        let mut keep = |message: &[u8]| messages.push(message.to_vec());
        let result = pieces
            .into_iter()
            .try_for_each(|piece| splitter.feed(piece, &mut keep))
            .and_then(|()| splitter.finish(last_line, &mut keep));
        (messages, result)
    }

    /// Splits in one piece, after checking that single bytes give the same.
    #[track_caller]
    fn messages(last_line: LastLine, body: &str) -> Result<Vec<String>, BatchError> {
        let whole = split(MAX_MESSAGE, last_line, [body.as_bytes()]);
        assert_eq!(
            whole,
            split(MAX_MESSAGE, last_line, body.as_bytes().chunks(1))
        );
        let text = |message| String::from_utf8(message).unwrap();
        whole.1.map(|()| whole.0.into_iter().map(text).collect())
    }

    #[test]
    fn every_line_is_a_message() {
        let expected = Ok(vec!["{\"seq\":1}".to_owned(), "{}".to_owned()]);
        assert_eq!(messages(LastLine::MustEnd, "{\"seq\":1}\n{}\n"), expected);
        assert_eq!(
            messages(LastLine::MustEnd, "\n{\"seq\":1}\n\n{}\n"),
            expected
        );
        assert_eq!(messages(LastLine::MayBeOpen, "{\"seq\":1}\n{}"), expected);
        assert_eq!(messages(LastLine::MustEnd, ""), Ok(vec![]));
    }

    #[test]
    fn an_open_last_line_is_an_error_unless_allowed() {
        let error = messages(LastLine::MustEnd, "{}\n{\"se").unwrap_err();
        assert_eq!(
            error.to_string(),
            "ndjson: the body ends with 4 bytes without LF, expected LF after every message"
        );
    }

    #[test]
    fn a_splitter_serves_one_body_after_another() {
        let mut splitter = BatchSplitter::new(MAX_MESSAGE);
        let mut count = 0;
        for _ in 0..3 {
            splitter.feed(b"{}\n{", &mut |_| count += 1).unwrap();
            splitter.feed(b"}", &mut |_| count += 1).unwrap();
            splitter
                .finish(LastLine::MayBeOpen, &mut |_| count += 1)
                .unwrap();
            assert_eq!(splitter.cut.capacity(), 0);
        }
        assert_eq!(count, 6);
    }

    #[test]
    fn the_limit_is_on_a_line() {
        let too_long = Err(BatchError::TooLong { limit: 4 });
        for (body, expected) in [
            ("1234\n", Ok(())),
            ("1\n12345\n", too_long),
            ("12345", too_long),
        ] {
            assert_eq!(split(4, LastLine::MayBeOpen, [body.as_bytes()]).1, expected);
            assert_eq!(
                split(4, LastLine::MayBeOpen, body.as_bytes().chunks(1)).1,
                expected
            );
        }
    }

    const TOKENS: &[&[u8]] = &[b"\n", b"{}", b"{\"seq\":1}\n", b"\r", b"\xFF", b"x"];

    proptest! {
        #[test]
        fn any_cut_splits_the_same(
            body in prop_oneof![soup(TOKENS), any::<Vec<u8>>()],
            max in prop_oneof![Just(MAX_MESSAGE), 0..12_usize],
            last_line in prop_oneof![Just(LastLine::MustEnd), Just(LastLine::MayBeOpen)],
            cuts in cuts(),
        ) {
            prop_assert_eq!(split(max, last_line, [&body[..]]), split(max, last_line, cuts.of(&body)));
        }

        #[test]
        fn joined_messages_come_back(lines in vec("[^\n]{1,40}", 0..8), cuts in cuts()) {
            let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let expected = lines.into_iter().map(String::into_bytes).collect();
            let got = split(MAX_MESSAGE, LastLine::MustEnd, cuts.of(body.as_bytes()));
            prop_assert_eq!(got, (expected, Ok(())));
        }
    }
}
