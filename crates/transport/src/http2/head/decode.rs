//! Reading heads (RFC 7541 §3): fields, by themselves or by what was said before.
//!
//! A peer decides how much work a head is: each byte of it is looked at once, whatever it says.

use std::collections::VecDeque;

use super::HeadError;
use super::huffman;

/// Fields that both sides know (RFC 7541, appendix A); the first has the number 1.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// Bytes of fields that are kept for a peer that was told nothing else (RFC 7541 §4.2, RFC 9113 §6.5.2).
const MOST_KEPT: usize = 4096;
/// What a field that is kept counts beside its bytes (RFC 7541 §4.1).
const PER_FIELD: usize = 32;

/// Bits that say what a field is, and the bit below is the first of a number (RFC 7541 §6).
const INDEXED: u8 = 0x80;
const KEPT: u8 = 0x40;
const RESIZED: u8 = 0x20;
/// Of a string: it is in Huffman's code.
const CODED: u8 = 0x80;

/// The name and the value of a field.
type Field = (Box<[u8]>, Box<[u8]>);

/// Reads the heads of one connection, in the order in which they come.
#[derive(Debug)]
pub(crate) struct Heads {
    /// The newest first.
    kept: VecDeque<Field>,
    /// What they count.
    size: usize,
    /// What they may count.
    most: usize,
    /// Room for a name and a value.
    room: [Vec<u8>; 2],
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            kept: VecDeque::new(),
            size: 0,
            most: MOST_KEPT,
            room: Default::default(),
        }
    }
}

/// A block that is read from the front.
struct Block<'a>(&'a [u8]);

impl<'a> Block<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// A number that begins in the last `bits` bits of `first` (RFC 7541 §5.1); `None` when it does not end, or is larger than
    /// anything that could follow.
    fn integer(&mut self, first: u8, bits: u32) -> Option<usize> {
        let most = (1 << bits) - 1;
        let mut number = usize::from(first) & most;
        if number < most {
            return Some(number);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A string (RFC 7541 §5.2), in place of what is in `out`.
    fn string(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let first = self.byte()?;
        let len = self.integer(first, 7)?;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        out.clear();
        if first & CODED == 0 {
            out.extend_from_slice(text);
            return Some(());
        }
        huffman::decode(text, out)
    }
}

impl Heads {
    /// Hands the name and value of each field of `block` to `each`.
    ///
    /// # Errors
    ///
    /// [`HeadError::Unreadable`], after which no later head can be read.
    pub(crate) fn read(
        &mut self,
        block: &[u8],
        each: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<(), HeadError> {
        let mut block = Block(block);
        let mut fields = 0;
        while let Some(first) = block.byte() {
            self.field(first, &mut block, &mut fields, each)
                .ok_or(HeadError::Unreadable)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        first: u8,
        block: &mut Block<'_>,
        fields: &mut usize,
        each: &mut impl FnMut(&[u8], &[u8]),
    ) -> Option<()> {
        if first & (INDEXED | KEPT | RESIZED) == RESIZED {
            let most = block.integer(first, 5)?;
            // It belongs at the beginning, and there must be something behind it (RFC 7541 §4.2).
            if *fields > 0 || most > MOST_KEPT || block.0.is_empty() {
                return None;
            }
            self.most = most;
            self.make_room(0);
            return Some(());
        }
        *fields += 1;
        if first & INDEXED != 0 {
            let (name, value) = self.get(block.integer(first, 7)?)?;
            each(name, value);
            return Some(());
        }
        let keeps = first & KEPT != 0;
        let index = block.integer(first, if keeps { 6 } else { 4 })?;
        let [mut name, mut value] = std::mem::take(&mut self.room);
        if index == 0 {
            block.string(&mut name)?;
        } else {
            name.clear();
            name.extend_from_slice(self.get(index)?.0);
        }
        block.string(&mut value)?;
        each(&name, &value);
        if keeps {
            self.keep(&name, &value);
        }
        self.room = [name, value];
        Some(())
    }

    /// The field of this number.
    fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let at = index.checked_sub(1)?;
        if let Some((name, value)) = STATIC.get(at) {
            return Some((name.as_bytes(), value.as_bytes()));
        }
        let (name, value) = self.kept.get(at - STATIC.len())?;
        Some((name, value))
    }

    fn keep(&mut self, name: &[u8], value: &[u8]) {
        let size = name.len() + value.len() + PER_FIELD;
        self.make_room(size);
        // One that is larger than all that may be kept empties the table (RFC 7541 §4.4).
        if size <= self.most {
            self.size += size;
            self.kept.push_front((name.into(), value.into()));
        }
    }

    /// Forgets the oldest until `size` more fits, or nothing is left.
    fn make_room(&mut self, size: usize) {
        while self.size + size > self.most
            && let Some((name, value)) = self.kept.pop_back()
        {
            self.size -= name.len() + value.len() + PER_FIELD;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::huffman::tests::encode;
    use super::*;

    type Fields = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(heads: &mut Heads, block: &[u8]) -> Result<Fields, HeadError> {
        let mut fields = Vec::new();
        heads.read(block, &mut |name, value| {
            fields.push((name.to_vec(), value.to_vec()));
        })?;
        Ok(fields)
    }

    fn field(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
        (name.into(), value.into())
    }

    /// A field with a name of its own, which is to be kept, in code or not.
    fn kept(name: &[u8], value: &[u8], coded: bool) -> Vec<u8> {
        let mut block = vec![KEPT];
        for text in [name, value] {
            let text = if coded { encode(text) } else { text.to_vec() };
            assert!(text.len() < 127);
            block.push(text.len() as u8 | if coded { CODED } else { 0 });
            block.extend(text);
        }
        block
    }

    #[test]
    fn fields_are_kept_and_referred_to() {
        let mut heads = Heads::default();
        let a = kept(b"a", b"1", false);
        assert_eq!(read(&mut heads, &a).unwrap(), [field("a", "1")]);
        assert_eq!(
            read(&mut heads, &kept(b"b", b"22", true)).unwrap(),
            [field("b", "22")]
        );
        // The newest is 62. A name that is kept, with another value that is not.
        let block = [INDEXED | 62, INDEXED | 63, 0x0f, 48, 1, b'x'];
        let fields = read(&mut heads, &block).unwrap();
        assert_eq!(fields, [field("b", "22"), field("a", "1"), field("a", "x")]);
        assert_eq!(
            read(&mut heads, &[INDEXED | 64]),
            Err(HeadError::Unreadable)
        );
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let mut heads = Heads::default();
        let value = [b'v'; 100];
        for number in 0..40 {
            read(&mut heads, &kept(&[b'a' + number % 26], &value, false)).unwrap();
        }
        assert_eq!(heads.size, heads.kept.len() * 133);
        assert_eq!(heads.kept.len(), MOST_KEPT / 133);
        // A smaller table, and none.
        read(&mut heads, &[RESIZED | 31, 0x80 | 41, 1, INDEXED | 2]).unwrap();
        assert_eq!((heads.most, heads.kept.len()), (200, 1));
        read(&mut heads, &kept(b"n", &[b'v'; 120], false)).unwrap();
        assert_eq!(heads.kept.len(), 1);
        assert_eq!(&*heads.kept[0].0, b"n");
        read(&mut heads, &[RESIZED, INDEXED | 2]).unwrap();
        assert_eq!((heads.size, heads.kept.len()), (0, 0));
        read(&mut heads, &kept(b"n", b"", false)).unwrap();
        assert!(heads.kept.is_empty(), "larger than all that may be kept");
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for block in [
            &[INDEXED][..],
            &[INDEXED | 62],
            &[INDEXED | 0x7f],
            &[INDEXED | 0x7f, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x0f],
            &[0, 1],
            &[0, 2, b'a'],
            &[0, 1, b'a', 5, b'b'],
            &[0, 0x81, 0xff, 0],
            // A size in the middle, at the end, or larger than allowed.
            &[INDEXED | 2, RESIZED, INDEXED | 2],
            &[INDEXED | 2, RESIZED],
            &[RESIZED],
            &[RESIZED | 31, 0xe2, 0x1f, INDEXED | 2],
        ] {
            assert_eq!(
                read(&mut Heads::default(), block),
                Err(HeadError::Unreadable),
                "{block:?}"
            );
        }
        let largest = [RESIZED | 31, 0xe1, 0x1f, INDEXED | 2];
        assert_eq!(read(&mut Heads::default(), &largest).unwrap().len(), 1);
    }

    /// What is nothing takes no memory either, whatever it is coded in.
    #[test]
    fn many_short_strings_are_no_work() {
        let block = [0, CODED, CODED].repeat(20_000);
        let mut heads = Heads::default();
        let mut count = 0;
        heads.read(&block, &mut |_, _| count += 1).unwrap();
        assert_eq!(count, 20_000);
        assert_eq!(heads.room.each_ref().map(Vec::capacity), [0, 0]);
        assert!(heads.kept.is_empty());
    }

    /// Blocks of fields that are kept or not, in code or not, and of those that both sides know.
    fn proper_blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let text = || vec(any::<u8>(), 0..20);
        let part = prop_oneof![
            (text(), text(), any::<bool>())
                .prop_map(|(name, value, coded)| kept(&name, &value, coded)),
            (1..62_u8).prop_map(|index| vec![INDEXED | index]),
            (1..15_u8, text())
                .prop_map(|(index, value)| [&[index, value.len() as u8][..], &value].concat()),
        ];
        vec(vec(part, 1..12).prop_map(|parts| parts.concat()), 1..12)
    }

    /// Blocks of what is likely to be a head, and of anything.
    fn blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let text = || vec(any::<u8>(), 0..20);
        let part = prop_oneof![
            (text(), text(), any::<bool>())
                .prop_map(|(name, value, coded)| kept(&name, &value, coded)),
            (0..80_u8).prop_map(|index| vec![INDEXED | index]),
            (0..16_u8, text())
                .prop_map(|(index, value)| { [&[index, value.len() as u8][..], &value].concat() }),
            (0..32_u8).prop_map(|size| vec![RESIZED | size]),
            vec(any::<u8>(), 0..6),
        ];
        vec(vec(part, 0..8).prop_map(|parts| parts.concat()), 1..6)
    }

    proptest! {
        /// Heads as peers write them: read here as by others, and none refused.
        #[test]
        fn proper_heads_are_read_as_by_others(blocks in proper_blocks()) {
            let mut ours = Heads::default();
            let mut theirs = loona_hpack::Decoder::new();
            for block in blocks {
                prop_assert_eq!(read(&mut ours, &block).unwrap(), theirs.decode(&block).unwrap());
            }
        }

        /// What is read here, another implementation reads as well, and the same.
        #[test]
        fn heads_are_read_as_by_others(blocks in blocks()) {
            let mut ours = Heads::default();
            let mut theirs = loona_hpack::Decoder::new();
            theirs.set_max_allowed_table_size(MOST_KEPT);
            for block in blocks {
                let Ok(fields) = read(&mut ours, &block) else { break };
                prop_assert_eq!(theirs.decode(&block).unwrap(), fields);
                prop_assert!(ours.size <= ours.most);
            }
        }
    }
}
