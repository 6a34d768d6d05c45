//! Rules for `GET /ndjson`, and the format of its stream.

use super::site::Site;
use super::stream::{Stream, cursors, head, refuses};
use super::wire::quoted;
use super::{Outcome, Rule, broken, instead_of};

pub(super) const RULES: [Rule; 4] = [
    ("ndjson: the head comes at once", head),
    ("ndjson: a message is one line", form),
    (
        "ndjson: the cursor in the query, and the header before it",
        cursors,
    ),
    ("ndjson: what is no number is refused", refuses),
];

/// Byte for byte, but for empty lines, which a server may add.
fn form(site: &Site) -> Outcome {
    let (mut stream, mut wire) = Stream::open(site, "", "").map_err(instead_of("a stream"))?;
    let posted = site.small(2);
    site.publish(&posted)?;
    for posted in &posted {
        let expected = [&posted.body[..], b"\n"].concat();
        let mut line = b"\n".to_vec();
        while line == b"\n" {
            let next = stream.block(&mut wire);
            line = next.map_err(|came| broken(quoted(&expected), came))?;
        }
        if line != expected {
            return Err(broken(quoted(&expected), quoted(&line)));
        }
    }
    Ok(())
}
