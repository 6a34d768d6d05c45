//! A stream that never ends.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const NEVER_ENDS: Exhibit = Exhibit {
    name: "never-ends",
    title: r#"A stream that never ends"#,
    meant: r#"Three events, then the end."#,
    intended: &[r#"message: "1""#, r#"message: "2""#, r#"message: "3""#],
    written: r#"clearInterval(timer); return"#,
    why: r#"Nothing tells the client that this was all: the response stays open until somebody gives up, and holds a connection, of which a browser has six for a host."#,
    fix: r#"clearInterval(timer); res.end()"#,
    modules: &[],
    kind: Kind::Server,
};
