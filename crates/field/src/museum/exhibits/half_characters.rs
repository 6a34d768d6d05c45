//! Characters cut in half.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const HALF_CHARACTERS: Exhibit = Exhibit {
    name: "half-characters",
    title: r#"Characters cut in half"#,
    meant: r#"A text with an emoji, character by character."#,
    intended: &[
        r#"message: "o""#,
        r#"message: "k""#,
        r#"message: " ""#,
        r#"message: "😀""#,
    ],
    written: r#"text.split('')"#,
    why: r#"A JavaScript string is a row of UTF-16 units, and split('') cuts between all of them. Half an emoji is no character: written as UTF-8 each half becomes U+FFFD."#,
    fix: r#"Array.from(text)"#,
    modules: &[],
    kind: Kind::Server,
};
