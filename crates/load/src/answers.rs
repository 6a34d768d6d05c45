//! HTTP answers that come one after the other on a connection, to requests that may have gone out without waiting for them.

use pushbench_transport::http1::body::{BodyDecoder, BodyError};
use pushbench_transport::http1::head::HeadReader;

/// The answers of one connection.
#[derive(Debug, Default)]
pub(crate) struct AnswerReader {
    head: HeadReader,
    /// The answer being read, behind its head.
    body: Option<(Answer, BodyDecoder)>,
}

/// An answer that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The connection has no other.
    pub(crate) is_last: bool,
}

impl Answer {
    /// Whether what was asked for was done.
    pub(crate) fn is_good(self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl AnswerReader {
    /// Reads on in `bytes`, as they came, and leaves there what is behind the next answer that ends; `None` once all are read.
    ///
    /// # Errors
    ///
    /// What is wrong with an answer, in words.
    pub(crate) fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Answer>, String> {
        loop {
            if let Some((answer, body)) = &mut self.body {
                let taken = body.feed::<BodyError>(bytes, &mut |_| Ok(()));
                *bytes = &bytes[taken.map_err(|error| error.to_string())?..];
                let answer = body.is_done().then_some(*answer);
                if answer.is_some() {
                    self.body = None;
                }
                return Ok(answer);
            }
            let fed = self.head.feed(bytes).map_err(|error| error.to_string())?;
            let Some((head, taken)) = fed else {
                *bytes = &[];
                return Ok(None);
            };
            if !head.is_interim() {
                let answer = Answer {
                    status: head.status,
                    is_last: head.close,
                };
                self.body = Some((answer, BodyDecoder::new(head.framing())));
            }
            *bytes = &bytes[taken..];
        }
    }

    /// The connection has ended: the answer that ends with it, if one does.
    pub(crate) fn end(&mut self) -> Option<Answer> {
        let (answer, mut body) = self.body.take()?;
        body.finish().is_ok().then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &[u8] =
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\
          Content-Length: 2\r\n\r\nokHTTP/1.1 503 Busy\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
          1\r\nx\r\n0\r\n\r\n";

    /// Statuses of all answers in `pieces`, and whether each is the last.
    fn read<'a>(
        reader: &mut AnswerReader,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<(u16, bool)>, String> {
        let mut all = Vec::new();
        for mut piece in pieces {
            while let Some(answer) = reader.next(&mut piece)? {
                all.push((answer.status, answer.is_last));
            }
            assert!(piece.is_empty(), "all was read");
        }
        Ok(all)
    }

    proptest! {
        #[test]
        fn answers_are_read_however_they_are_cut(size in 1_usize..STREAM.len()) {
            let all = read(&mut AnswerReader::default(), STREAM.chunks(size));
            prop_assert_eq!(all.unwrap(), [(204, false), (200, false), (503, true)]);
        }

        #[test]
        fn whatever_comes_it_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = AnswerReader::default();
            let _ = read(&mut reader, bytes.chunks(7));
            reader.end();
        }
    }

    #[test]
    fn an_answer_without_a_length_ends_with_its_connection() {
        let head = b"HTTP/1.1 200 OK\r\n\r\nuntil";
        let mut reader = AnswerReader::default();
        assert_eq!(read(&mut reader, head.chunks(5)), Ok(Vec::new()));
        assert_eq!(reader.end().map(|answer| answer.status), Some(200));
        let mut reader = AnswerReader::default();
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx";
        assert_eq!(read(&mut reader, cut.chunks(5)), Ok(Vec::new()));
        assert_eq!(reader.end(), None);
        assert_eq!(AnswerReader::default().end(), None, "between two");
    }
}
