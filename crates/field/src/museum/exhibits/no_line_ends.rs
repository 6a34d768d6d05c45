//! Lines without their ends, and a crash.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const NO_LINE_ENDS: Exhibit = Exhibit {
    name: "no-line-ends",
    title: r#"Lines without their ends, and a crash"#,
    meant: r#"Two events, line by line, then the end."#,
    intended: &[r#"message: "one""#, r#"message: "two""#],
    written: r#"res.write(lines[current]) … else ClearInterval(timer)"#,
    why: r#"Splitting a text at its line ends takes them away, so that all is one line that never ends. The misspelt ClearInterval is an exception inside a timer: nobody catches it, and the whole process ends, with all of its connections."#,
    fix: r#"res.write(`${lines[current]}\n`) … else { clearInterval(timer); res.end() }"#,
    modules: &[],
    kind: Kind::Server,
};
