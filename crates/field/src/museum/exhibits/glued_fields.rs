//! A value behind the end of an event.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const GLUED_FIELDS: Exhibit = Exhibit {
    name: "glued-fields",
    title: r#"A value behind the end of an event"#,
    meant: r#"Four events named test, each with a number."#,
    intended: &[
        r#"test: "hello 1""#,
        r#"test: "hello 2""#,
        r#"test: "hello 3""#,
        r#"test: "hello 4""#,
    ],
    written: r#"res.write('data: hello\n\n' + count)"#,
    why: r#"What is written behind the empty line begins the next line: it becomes `1event: test`, a field that nobody knows. So only the first event has its name, all others are called message, and no number arrives."#,
    fix: r#"res.write(`data: hello ${count}\n\n`)"#,
    modules: &[],
    kind: Kind::Server,
};
