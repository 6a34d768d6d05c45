//! Text without data: in front.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const NO_PREFIX: Exhibit = Exhibit {
    name: "no-prefix",
    title: r#"Text without data: in front"#,
    meant: r#"An answer, character by character."#,
    intended: &[
        r#"message: "H""#,
        r#"message: "e""#,
        r#"message: "y""#,
        r#"message: "!""#,
    ],
    written: r#"res.write(`${char}\n\n`)"#,
    why: r#"A line of an event stream is a field: a name, a colon, a value. A line without a colon is a field that nobody knows, and an event without data is none. A reader that never parses, such as fetch with getReader, shows something, which hides the mistake."#,
    fix: r#"res.write(`data: ${char}\n\n`)"#,
    modules: &["express"],
    kind: Kind::Server,
};
