//! How wide text is, without a font.
//!
//! The browser sets the text, in whatever font the system has. The widths here are those of a wide system font, so
//! that a label that fits by this estimate fits in practice.

/// Width of `text` at `size`, in the unit of `size`.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(character).sum::<f64>() * size
}

/// Width of a character as a share of the size, after DejaVu Sans, which is wider than most.
fn character(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 0.28,
        '\u{202f}' => 0.2,
        'f' | 't' | 'r' | ' ' | '.' | ',' | ':' | ';' | '/' | '-' | '(' | ')' | 'I' => 0.39,
        'm' | 'w' | 'M' | 'W' | '%' | '×' | '−' | '–' | '@' => 0.9,
        'A'..='Z' => 0.7,
        c if (c as u32) >= 0x2e80 => 1.0,
        _ => 0.62,
    }
}
