//! Rules about messages that are the same for every transport.

use std::io::Write as _;
use std::thread;

use super::control::MANY;
use super::site::Site;
use super::subscriber::Cursor;
use super::{Outcome, Rule, instead_of};

pub(super) const RULES: [Rule; 5] = [
    (
        "{transport}: without a cursor only what is published from then on",
        live,
    ),
    (
        "{transport}: pipelined posts arrive once and in their order",
        in_order,
    ),
    ("{transport}: bodies arrive byte for byte", byte_for_byte),
    ("{transport}: resumes after a number", resumes),
    (
        "{transport}: nothing lost or twice where kept messages end",
        seam,
    ),
];

/// Bytes of the largest payload.
const LARGE: usize = 64 * 1024;
/// How often it is tried to hit the place where kept messages end.
const SEAMS: usize = 5;

/// A path with more of a query.
pub(super) fn with_query(path: &str, query: &str) -> String {
    let joint = match path.contains('?') {
        _ if query.is_empty() => "",
        true => "&",
        false => "?",
    };
    format!("{path}{joint}{query}")
}

/// One message that is published reaches who subscribed before.
pub(super) fn live(site: &Site) -> Outcome {
    site.publish(&site.small(1))?;
    let mut subscriber = site.subscribe(Cursor::Now)?;
    let posted = site.small(1);
    site.publish(&posted)?;
    subscriber.expect_only(site, &posted)
}

fn in_order(site: &Site) -> Outcome {
    let mut subscriber = site.subscribe(Cursor::Now)?;
    let posted = site.small(MANY);
    site.publish(&posted)?;
    subscriber.expect_only(site, &posted)
}

fn byte_for_byte(site: &Site) -> Outcome {
    let mut subscriber = site.subscribe(Cursor::Now)?;
    let large = "0123456789abcdef".repeat(LARGE / 16);
    // Cut anywhere, by reads and buffers of any size, these must stay whole.
    let wide = "\u{4e2d}\u{6587} \u{1f600} ".repeat(LARGE / 12);
    let data = [
        "",
        " ",
        "  two spaces   and three ",
        "caf\u{e9} cafe\u{301} \u{a0} \u{2028} \u{feff}",
        "\u{4e2d}\u{6587}\u{ff0c}\u{4e00}\u{4e2a}\u{4e5f}\u{4e0d}\u{80fd}\u{5c11}",
        "\u{1f600} \u{1f469}\u{200d}\u{1f4bb} \u{1f1e9}\u{1f1ea}",
        "data: id: 7 event: : retry:",
        large.as_str(),
        wide.as_str(),
    ];
    let posted = site.texts(&data);
    site.publish(&posted)?;
    subscriber.expect(site, &posted)?;
    if site.carries_binary() {
        let payload: Vec<u8> = (0..LARGE).map(|at| at as u8).collect();
        let posted = [site.binary(&payload)];
        site.publish(&posted)?;
        subscriber.expect(site, &posted)?;
    }
    subscriber.expect_only(site, &[])
}

fn resumes(site: &Site) -> Outcome {
    site.needs_numbers()?;
    let posted = site.small(10);
    site.publish(&posted)?;
    let before = posted[0].seq - 1;
    for has in [0, 1, 9] {
        let mut subscriber = site.subscribe(Cursor::After(before + has))?;
        subscriber.expect_only(site, &posted[has as usize..])?;
    }
    // Who has everything gets what is published next.
    let mut subscriber = site.subscribe(Cursor::After(before + 10))?;
    let next = site.small(1);
    site.publish(&next)?;
    subscriber.expect_only(site, &next)
}

fn seam(site: &Site) -> Outcome {
    site.needs_numbers()?;
    for _ in 0..SEAMS {
        let kept = site.small(MANY / 4);
        site.publish(&kept)?;
        let live = site.small(MANY);
        let requests = site.requests(&live);
        let mut poster = site
            .poster()
            .map_err(instead_of("a connection to post on"))?;
        let mut writer = poster.writer().map_err(instead_of("a socket"))?;
        let posting = thread::spawn(move || {
            // In pieces, so that they come while the subscriber does.
            requests
                .chunks(512)
                .try_for_each(|piece| writer.write_all(piece))
        });
        let mut subscriber = site.subscribe(Cursor::After(kept[0].seq))?;
        site.accepted(&mut poster, live.len())?;
        // What was answered was written.
        drop(posting.join());
        subscriber.expect(site, &kept[1..])?;
        subscriber.expect_only(site, &live)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::with_query;

    #[test]
    fn queries_are_joined() {
        assert_eq!(with_query("/sse", ""), "/sse");
        assert_eq!(with_query("/sse", "after=1"), "/sse?after=1");
        assert_eq!(with_query("/sub?id=1", "after=1"), "/sub?id=1&after=1");
    }
}
