//! What the fuzz targets share: the fuzzer chooses a message limit, the cuts and the bytes.

/// Part of every fuzz input.
#[derive(Debug)]
pub struct Input<'a> {
    /// A limit for the codec: often small, so that the checks of it are reached.
    pub max_message: usize,
    /// The byte stream.
    pub stream: &'a [u8],
    sizes: &'a [u8],
}

impl<'a> Input<'a> {
    /// Takes a limit and eight piece sizes off the front of what the fuzzer made.
    pub fn new(data: &'a [u8]) -> Option<Self> {
        let (&limit, data) = data.split_first()?;
        let (sizes, stream) = data.split_at_checked(8)?;
        let max_message = if limit & 1 == 0 {
            16 << 20
        } else {
            usize::from(limit >> 1)
        };
        Some(Self {
            max_message,
            stream,
            sizes,
        })
    }

    /// The stream in reads of the chosen sizes, which repeat; a read may be empty.
    pub fn pieces(&self) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        let mut rest = self.stream;
        for size in self.sizes.iter().cycle() {
            if rest.is_empty() || self.sizes.iter().all(|size| *size == 0) {
                break;
            }
            let (piece, after) = rest.split_at(usize::from(*size).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        pieces
    }

    /// Checks that `decode` gives the same for the whole stream, for single bytes and for the
    /// chosen pieces.
    pub fn same_for_any_cut<T: PartialEq + std::fmt::Debug>(&self, decode: impl Fn(&[&[u8]]) -> T) {
        let whole = decode(&[self.stream]);
        assert_eq!(whole, decode(&self.pieces()), "pieces");
        assert_eq!(
            whole,
            decode(&self.stream.chunks(1).collect::<Vec<_>>()),
            "single bytes"
        );
    }
}
