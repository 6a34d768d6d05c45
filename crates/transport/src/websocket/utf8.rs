//! Whether text that comes in pieces is UTF-8, told with the first byte that shows that it is not.

/// Longest code point in UTF-8, bytes.
const MAX_POINT: usize = 4;

/// The check of one text. It holds the start of a code point that a piece has cut, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Utf8 {
    cut: [u8; MAX_POINT - 1],
    len: u8,
}

impl Utf8 {
    /// At the start of a text.
    pub(super) const NEW: Self = Self {
        cut: [0; MAX_POINT - 1],
        len: 0,
    };

    /// Bytes of the code point that the last piece has cut.
    pub(super) const fn pending(&self) -> usize {
        self.len as usize
    }

    /// Checks the next piece.
    ///
    /// # Errors
    ///
    /// How many bytes are valid, counted from the first one that was pending.
    pub(super) fn check(&mut self, mut text: &[u8]) -> Result<(), usize> {
        let mut before = 0;
        while self.len > 0 {
            let [next, rest @ ..] = text else {
                return Ok(());
            };
            text = rest;
            let len = self.pending();
            let mut point = [0; MAX_POINT];
            point[..len].copy_from_slice(&self.cut[..len]);
            point[len] = *next;
            match str::from_utf8(&point[..=len]) {
                Ok(_) => {
                    before = len + 1;
                    self.len = 0;
                }
                // Four bytes are a code point or an error, so there is room for this one.
                Err(error) if error.error_len().is_none() => {
                    self.cut[len] = *next;
                    self.len += 1;
                }
                Err(_) => return Err(0),
            }
        }
        let Err(error) = str::from_utf8(text) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(before + error.valid_up_to());
        }
        let cut = &text[error.valid_up_to()..];
        self.cut[..cut.len()].copy_from_slice(cut);
        self.len = cut.len() as u8;
        Ok(())
    }

    /// Whether the text may end here; the next one may begin.
    pub(super) fn finish(&mut self) -> bool {
        std::mem::take(&mut self.len) == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Utf8;
    use crate::pieces::{cuts, soup};

    const TOKENS: &[&[u8]] = &[
        b"a",
        b"\xC3",
        b"\xA9",
        b"\xE2\x82",
        b"\xAC",
        b"\xF0\x9F\x98\x80",
        b"\xF0\x9F",
        b"\xED\xA0",
        b"\xC0",
        b"\xF4\x90",
        b"\xFF",
    ];

    proptest! {
        #[test]
        fn any_cut_agrees_with_the_whole(text in soup(TOKENS), cuts in cuts()) {
            let mut check = Utf8::NEW;
            let mut before = 0;
            let mut found = None;
            for piece in cuts.of(&text) {
                let begun = before - check.pending();
                if let Err(valid) = check.check(piece) {
                    found = Some(begun + valid);
                    break;
                }
                before += piece.len();
            }
            let pending = check.pending();
            let found = found.or_else(|| (!check.finish()).then(|| before - pending));
            let expected = str::from_utf8(&text).err().map(|error| error.valid_up_to());
            prop_assert_eq!(found, expected);
        }
    }
}
