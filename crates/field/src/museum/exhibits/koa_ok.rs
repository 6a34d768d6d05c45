//! Koa writes OK behind the stream.

use crate::museum::exhibit::{Exhibit, Kind};

pub(super) const KOA_OK: Exhibit = Exhibit {
    name: "koa-ok",
    title: r#"Koa writes OK behind the stream"#,
    meant: r#"Three events, then one that says that it was all."#,
    intended: &[
        r#"message: "{\"count\":1}""#,
        r#"message: "{\"count\":2}""#,
        r#"message: "{\"count\":3}""#,
        r#"done: """#,
    ],
    written: r#"ctx.res.write(':done\n\n')"#,
    why: r#"The handler wrote to the raw response, returned, and set no body: Koa ends the response with the text of its status, OK, behind the last event. And a comment such as :done reaches no program."#,
    fix: r#"ctx.respond = false … ctx.res.end('event: done\ndata:\n\n')"#,
    modules: &["koa"],
    kind: Kind::Server,
};
