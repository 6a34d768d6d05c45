//! Spaces and line ends are lost.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const LOST_SPACES: Exhibit = Exhibit {
    name: "lost-spaces",
    title: r#"Spaces and line ends are lost"#,
    meant: r#"A text, character by character, with its spaces and line ends."#,
    intended: &[
        r#"lol: "a""#,
        r#"lol: " ""#,
        r#"lol: "b""#,
        r#"lol: "\n""#,
        r#"lol: "c""#,
    ],
    written: r#"res.write(`data:${char}\n\n`)"#,
    why: r#"One space behind the colon belongs to the syntax and is taken away: with no space written, that is the one of the text. A line end in the text ends the field."#,
    fix: r#"res.write(`data: ${char.split('\n').join('\ndata: ')}\n\n`)"#,
    modules: &[],
    kind: Kind::Server,
};
