//! Compressing.

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::{InflateError, Inflater};

/// A compressor. It takes some 320 KiB, however little it compresses: its window of 32 KiB, hash chains over it, and room for a
/// block before it is coded.
pub struct Packer(Compress);

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Packer").finish()
    }
}

impl Default for Packer {
    fn default() -> Self {
        Self(Compress::new(Compression::default(), false))
    }
}

impl Packer {
    /// Appends `content`, compressed with what came before it.
    pub fn more(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.append(content, FlushCompress::Sync, out);
    }

    /// Appends `content`, compressed by itself: neither it nor what follows refers to anything before.
    ///
    /// Of a packer that does nothing else: the flush is what makes it forget.
    pub fn whole(&mut self, content: &[u8], out: &mut Vec<u8>) {
        self.append(content, FlushCompress::Full, out);
    }

    /// What is compressed ends with [`super::FLUSHED`].
    fn append(&mut self, content: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        let mut rest = content;
        loop {
            // With room for all that can become of it, one call does it; were there none left, the flush might come twice.
            out.reserve(most(rest.len()));
            let before = self.0.total_in();
            let status = self.0.compress_vec(rest, out, flush);
            rest = &rest[(self.0.total_in() - before) as usize..];
            let over = rest.is_empty() && out.len() < out.capacity();
            if over || !matches!(status, Ok(Status::Ok)) {
                return;
            }
        }
    }
}

/// Bytes that `len` bytes can become at most, by the library's own bound, and the flush.
const fn most(len: usize) -> usize {
    128 + len + len / 10 + 5 * (len / (31 * 1024) + 1) + 16
}

/// Appends `content`, at most 65,535 bytes, as a block that is stored as it is: for what is too short to be compressed, between two
/// messages that refer to nothing.
pub(crate) fn stored(content: &[u8], out: &mut Vec<u8>) {
    let len = content.len() as u16;
    out.push(0);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&(!len).to_le_bytes());
    out.extend_from_slice(content);
}

thread_local! {
    static PACKER: RefCell<Packer> = RefCell::default();
    static INFLATER: RefCell<Inflater> = RefCell::default();
}

/// Appends a message that is compressed by itself: once, where it is published.
pub(crate) fn pack(content: &[u8], out: &mut Vec<u8>) {
    PACKER.with_borrow_mut(|packer| packer.whole(content, out));
}

/// Appends what [`pack`] has compressed, for a client that wants it as it was.
///
/// # Errors
///
/// When it is nothing that was packed.
pub(crate) fn unpack(packed: &[u8], out: &mut Vec<u8>) -> Result<(), InflateError> {
    INFLATER.with_borrow_mut(|inflater| {
        inflater.reset();
        inflater.append(packed, usize::MAX, out)
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::FLUSHED;
    use super::*;

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        unpack(packed, &mut out).unwrap();
        out
    }

    /// Text that repeats itself, so that there is something to refer to.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            vec(any::<u8>(), 0..3000),
            "(price:[0-9]{1,3};){0,200}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        /// Each by itself: in any order, and without any of the others.
        #[test]
        fn what_is_packed_by_itself_is_read_by_itself(messages in vec(content(), 1..6)) {
            let packed: Vec<Vec<u8>> = messages.iter().map(|message| {
                let mut out = b"before".to_vec();
                pack(message, &mut out);
                out.split_off(6)
            }).collect();
            for (message, packed) in messages.iter().zip(&packed).rev() {
                prop_assert!(packed.ends_with(&FLUSHED));
                prop_assert_eq!(&unpacked(packed), message);
            }
            prop_assert_eq!(unpacked(&packed.concat()), messages.concat());
        }

        /// In order and together, and what came again is short.
        #[test]
        fn what_is_packed_with_what_came_before_is_read_in_order(messages in vec(content(), 1..6)) {
            let (mut packer, mut inflater) = (Packer::default(), Inflater::default());
            for message in &messages {
                let (mut packed, mut out) = (Vec::new(), Vec::new());
                packer.more(message, &mut packed);
                prop_assert!(packed.ends_with(&FLUSHED));
                inflater.append(&packed, usize::MAX, &mut out).unwrap();
                prop_assert_eq!(&out, message);
            }
        }

        #[test]
        fn a_stored_block_stands_between_messages(text in vec(any::<u8>(), 0..200), message in content()) {
            let mut packed = Vec::new();
            pack(&message, &mut packed);
            stored(&text, &mut packed);
            pack(&message, &mut packed);
            prop_assert_eq!(unpacked(&packed), [&message[..], &text, &message].concat());
        }
    }

    #[test]
    fn a_history_pays_and_a_flush_that_forgets_does_not() {
        let message = b"symbol:KELP,bid:112.37,ask:112.41,last:112.39,volume:4200;".repeat(2);
        let [mut with, mut without] = [(); 2].map(|()| Packer::default());
        let mut lengths = [Vec::new(), Vec::new()];
        for _ in 0..10 {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            with.more(&message, &mut one);
            without.whole(&message, &mut other);
            lengths[0].push(one.len());
            lengths[1].push(other.len());
        }
        assert!(lengths[0][9] < 25, "{lengths:?}");
        assert!(
            lengths[1].iter().all(|&len| len + 1 >= lengths[1][0]),
            "{lengths:?}"
        );
        assert!(lengths[1][0] < message.len(), "{lengths:?}");
    }

    /// A message of the largest size there is, that cannot be made shorter, comes out with one flush.
    #[test]
    fn the_largest_message_is_flushed_once() {
        let mut random = 1_u64;
        let mut next = || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 56) as u8
        };
        let message: Vec<u8> = (0..crate::limits::MAX_MESSAGE).map(|_| next()).collect();
        let mut packed = Vec::new();
        pack(&message, &mut packed);
        assert!(packed.len() > message.len() && packed.len() < most(message.len()));
        assert!(!packed[..packed.len() - 4].ends_with(&[0x00, 0x00, 0xff, 0xff, 0x00]));
        assert!(unpacked(&packed) == message);
    }
}
