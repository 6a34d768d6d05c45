//! Bytes as the corpus writes them: text, with `\n`, `\r`, `\t`, `\0`, `\\` and `\xNN` for single bytes.

use std::fmt::Write as _;

/// The bytes that `text` stands for.
///
/// # Errors
///
/// A sentence that names the escape that there is not.
pub fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        let wrong = || {
            let shown: String = escape.chars().take(3).collect();
            format!("`\\{shown}` is no escape; there are \\n \\r \\t \\0 \\\\ and \\xNN")
        };
        let kind = escape.chars().next().ok_or_else(wrong)?;
        rest = &escape[kind.len_utf8()..];
        out.push(match kind {
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            '0' => 0,
            '\\' => b'\\',
            'x' => {
                let digits = rest.get(..2).ok_or_else(wrong)?;
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).map_err(|_| wrong())?
            }
            _ => return Err(wrong()),
        });
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// `bytes` so that [`bytes`] gives them back: what is printable stays.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            character(c, &mut out);
        }
        for &byte in chunk.invalid() {
            byte_in_hex(byte, &mut out);
        }
    }
    out
}

fn character(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0' => out.push_str("\\0"),
        '\\' => out.push_str("\\\\"),
        // What a terminal or a reader would not see as it is.
        '\u{FEFF}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}' => {
            in_bytes(c, out);
        }
        c if c.is_control() => in_bytes(c, out),
        c => out.push(c),
    }
}

fn in_bytes(c: char, out: &mut String) {
    for &byte in c.encode_utf8(&mut [0; 4]).as_bytes() {
        byte_in_hex(byte, out);
    }
}

fn byte_in_hex(byte: u8, out: &mut String) {
    // A String takes everything.
    let _ = write!(out, "\\x{byte:02X}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn escapes() {
        let bytes = super::bytes(r"a\n\r\t\0\\\x81\xFF\x0agrün").unwrap();
        assert_eq!(bytes, b"a\n\r\t\0\\\x81\xFF\ngr\xC3\xBCn");
        for wrong in [r"\", r"\q", r"\x1", r"\xgg", r"\x1ü"] {
            assert!(super::bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(super::text(b"a\x1B\xC3\xBC\xC3\n"), r"a\x1Bü\xC3\n");
    }

    proptest! {
        #[test]
        fn text_comes_back(bytes: Vec<u8>) {
            let text = super::text(&bytes);
            prop_assert!(!text.chars().any(char::is_control));
            prop_assert_eq!(super::bytes(&text), Ok(bytes));
        }
    }
}
