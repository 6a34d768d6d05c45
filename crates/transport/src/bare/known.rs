//! The opening that was answered last: who sends the same bytes is answered with the same, and nobody reads them again. Clients
//! of one kind differ in nothing but the key of a WebSocket.

use std::ops::Range;

use super::Asked;

#[derive(Default)]
pub(crate) struct Known {
    asked: Option<Asked>,
    head: Vec<u8>,
    answer: Vec<u8>,
    /// The part of the head that differs from client to client, and the part of the answer that follows from it; nowhere if none
    /// does.
    key: Range<usize>,
    accept: Range<usize>,
    /// Until when the date of the answer holds, nanoseconds.
    fresh_until: u64,
}

impl Known {
    /// What `bytes` ask for, if they are the head that is known but for its key, and the key.
    #[inline]
    pub(crate) fn find<'a>(&self, bytes: &'a [u8], now: u64) -> Option<(Asked, &'a [u8])> {
        let asked = self.asked?;
        let Range { start, end } = self.key;
        let same = bytes.len() == self.head.len()
            && bytes[..start] == self.head[..start]
            && bytes[end..] == self.head[end..]
            && now < self.fresh_until;
        same.then(|| (asked, &bytes[start..end]))
    }

    /// Answers it, with `accept` where that follows from its key.
    #[inline]
    pub(crate) fn answer(&self, accept: &[u8], reply: &mut Vec<u8>) {
        let Range { start, end } = self.accept;
        reply.reserve(self.answer.len());
        reply.extend_from_slice(&self.answer[..start]);
        reply.extend_from_slice(accept);
        reply.extend_from_slice(&self.answer[end..]);
    }

    /// Keeps what was `asked` for by `head` and the `answer` to it, if it was the stream and nothing follows the head; whether it was.
    pub(crate) fn keep(
        &mut self,
        asked: Asked,
        (head, key): (&[u8], Range<usize>),
        (answer, accept): (&[u8], Range<usize>),
        fresh_until: u64,
    ) -> bool {
        if !matches!(asked, Asked::Stream { used, .. } if used == head.len()) {
            return false;
        }
        self.asked = Some(asked);
        self.head.clear();
        self.head.extend_from_slice(head);
        self.answer.clear();
        self.answer.extend_from_slice(answer);
        (self.key, self.accept, self.fresh_until) = (key, accept, fresh_until);
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::bare::Guise;

    use super::*;

    fn stream(used: usize) -> Asked {
        Asked::Stream {
            used,
            after: Some(7),
            guise: Guise::default(),
            packing: None,
        }
    }

    #[test]
    fn who_differs_in_the_key_alone_is_known_until_the_date_changes() {
        let mut known = Known::default();
        let head = b"key: abc\r\n\r\n";
        assert!(known.find(head, 0).is_none() && known.find(b"", 0).is_none());
        known.keep(
            stream(head.len()),
            (head, 5..8),
            (b"accept: xyz\r\n", 8..11),
            100,
        );
        let (asked, key) = known.find(b"key: def\r\n\r\n", 99).unwrap();
        assert!(matches!(asked, Asked::Stream { after: Some(7), .. }));
        assert_eq!(key, b"def");
        let mut reply = b"before ".to_vec();
        known.answer(b"uvw", &mut reply);
        assert_eq!(reply, b"before accept: uvw\r\n");
        for other in [
            &b"key: abcd\r\n\r\n"[..],
            b"kez: abc\r\n\r\n",
            b"key: abc\r\n\r",
            b"key: abc\r\n\r\r",
            b"",
        ] {
            assert!(known.find(other, 99).is_none());
        }
        assert!(known.find(head, 100).is_none());
    }

    #[test]
    fn only_streams_that_nothing_follows_are_kept() {
        let mut known = Known::default();
        let head = b"GET / HTTP/1.1\r\n\r\n";
        let answered = Asked::Answered {
            used: head.len(),
            skip: 0,
        };
        for asked in [answered, Asked::More, Asked::End, stream(head.len() - 1)] {
            assert!(!known.keep(asked, (head, 0..0), (b"", 0..0), 100));
            assert!(known.find(head, 0).is_none(), "{asked:?}");
        }
        assert!(known.keep(stream(head.len()), (head, 0..0), (b"hello", 0..0), 100));
        assert!(known.find(head, 0).is_some());
        let mut reply = Vec::new();
        known.answer(&[], &mut reply);
        assert_eq!(reply, b"hello");
    }
}
