//! Heads (RFC 7541): those that our side sends refer to nothing that was said before, so that one is written once for all
//! streams; those of the peer are read as they come.
//!
//! - `decode`: reading them
//! - `huffman`: the code of strings

mod decode;
mod huffman;

pub(crate) use decode::Heads;

/// Most bytes of a head that is in more than one frame.
pub(crate) const LONGEST: usize = 64 * 1024;

/// Why a head cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It is not compressed as it should be.
    #[error("http/2: a head that cannot be read")]
    Unreadable,
    /// Longer than anything a subscription needs.
    #[error("http/2: a head of more than {LONGEST} bytes")]
    TooLong,
}

/// Names of fields by their place in the static table (RFC 7541, appendix A).
pub(crate) mod name {
    pub(crate) const AUTHORITY: u8 = 1;
    pub(crate) const PATH: u8 = 4;
    pub(crate) const STATUS: u8 = 8;
    pub(crate) const ACCEPT: u8 = 19;
    pub(crate) const ALLOW: u8 = 22;
    pub(crate) const CACHE_CONTROL: u8 = 24;
    pub(crate) const CONTENT_TYPE: u8 = 31;
    pub(crate) const DATE: u8 = 33;
}

/// Fields by their place in the static table, where name and value stand there.
pub(crate) mod field {
    pub(crate) const GET: u8 = 0x80 | 2;
    pub(crate) const HTTP: u8 = 0x80 | 6;
    pub(crate) const OK: u8 = 0x80 | 8;
    pub(crate) const BAD_REQUEST: u8 = 0x80 | 12;
    pub(crate) const NOT_FOUND: u8 = 0x80 | 13;
}

/// Appends a field whose `name` is in the static table, which the peer is not to keep (RFC 7541 §6.2.2).
pub(crate) fn literal(name: u8, value: &[u8], out: &mut Vec<u8>) {
    integer(0, 4, name.into(), out);
    string(value, out);
}

/// The same with a name of its own, in lower case.
pub(crate) fn named(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    string(name, out);
    string(value, out);
}

/// As it is, without Huffman's code.
fn string(text: &[u8], out: &mut Vec<u8>) {
    integer(0, 7, text.len(), out);
    out.extend_from_slice(text);
}

/// A number of which the first `bits` bits share a byte with `first` (RFC 7541 §5.1).
fn integer(first: u8, bits: u8, number: usize, out: &mut Vec<u8>) {
    let most = (1 << bits) - 1;
    if number < most {
        out.push(first | number as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = number - most;
    while rest >= 128 {
        out.push(0x80 | (rest % 128) as u8);
        rest /= 128;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn read(block: &[u8]) -> Result<Vec<(String, String)>, HeadError> {
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Heads::default().read(block, &mut |name, value| {
            fields.push((text(name), text(value)));
        })?;
        Ok(fields)
    }

    #[test]
    fn fields_by_number_are_those_of_the_table() {
        let mut block = vec![
            field::GET,
            field::HTTP,
            field::OK,
            field::BAD_REQUEST,
            field::NOT_FOUND,
        ];
        for name in [
            name::AUTHORITY,
            name::PATH,
            name::ACCEPT,
            name::CACHE_CONTROL,
            name::CONTENT_TYPE,
            name::STATUS,
            name::ALLOW,
            name::DATE,
        ] {
            literal(name, b"x", &mut block);
        }
        let fields: Vec<_> = read(&block)
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            fields,
            [
                ":method=GET",
                ":scheme=http",
                ":status=200",
                ":status=400",
                ":status=404",
                ":authority=x",
                ":path=x",
                "accept=x",
                "cache-control=x",
                "content-type=x",
                ":status=x",
                "allow=x",
                "date=x"
            ]
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[a-z-]{1,300}", value in "[ -~]{0,300}", number in 1..62_u8) {
            let mut block = Vec::new();
            named(name.as_bytes(), value.as_bytes(), &mut block);
            literal(number, value.as_bytes(), &mut block);
            let fields = read(&block).unwrap();
            prop_assert_eq!(&fields[0], &(name, value.clone()));
            prop_assert_eq!(&fields[1].1, &value);
        }

        /// Whatever a peer sends, it is a head or an error.
        #[test]
        fn garbage_is_refused_or_read(block in vec(any::<u8>(), 0..400)) {
            let _ = read(&block);
        }
    }
}
