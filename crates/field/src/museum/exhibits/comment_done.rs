//! The end as a comment.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const COMMENT_DONE: Exhibit = Exhibit {
    name: "comment-done",
    title: r#"The end as a comment"#,
    meant: r#"An answer, then an event that says that it was all."#,
    intended: &[r#"message: "the answer""#, r#"done: "bye""#],
    written: r#"res.write(':done\n\n')"#,
    why: r#"A line that begins with a colon is a comment, made for keeping connections alive. EventSource drops it, and takes the end of the response for a fault: it connects again and gets the answer a second time."#,
    fix: r#"res.write('event: done\ndata: bye\n\n')"#,
    modules: &[],
    kind: Kind::Server,
};
