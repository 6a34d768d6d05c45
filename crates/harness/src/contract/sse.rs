//! Rules for `GET /sse`, and the format of its stream.

use super::http::{Body, Head, get};
use super::site::Site;
use super::subscriber::{Cursor, Delivered};
use super::wire::{Wire, quoted};
use super::{Outcome, Rule, broken, delivery, instead_of};

pub(super) const RULES: [Rule; 4] = [
    ("sse: the head comes at once", head),
    (
        "sse: a message is one event of one data line with its id",
        form,
    ),
    (
        "sse: the cursor in the query, and the header before it",
        cursors,
    ),
    ("sse: what is no number is refused", refuses),
];

/// A subscription with this query and these fields, each with its line end.
pub(super) fn request(site: &Site, query: &str, fields: &str) -> String {
    let fields = format!("Accept: text/event-stream\r\n{fields}");
    get(
        &site.data,
        &delivery::with_query(site.path(), query),
        &fields,
    )
}

fn head(site: &Site) -> Outcome {
    let expected = "200 with Content-Type: text/event-stream before any message";
    let read = || {
        let mut wire = Wire::connect(&site.data)?;
        wire.send(request(site, "", ""))?;
        Head::read(&mut wire)
    };
    let head = read().map_err(instead_of(expected))?;
    if head.status != 200 || head.essence() != "text/event-stream" {
        return Err(broken(expected, quoted(head.text.as_bytes())));
    }
    if let Some(coding) = head.field("content-encoding") {
        return Err(broken("no Content-Encoding that nobody asked for", coding));
    }
    Body::of(&head)
        .map(drop)
        .map_err(instead_of("a body in chunks, or to the end"))
}

/// Byte for byte, but for comments and `retry`, which a server may add.
fn form(site: &Site) -> Outcome {
    site.needs_numbers()?;
    let read = |query: &str| {
        let mut wire = Wire::connect(&site.data)?;
        wire.send(request(site, query, ""))?;
        let head = Head::read(&mut wire)?;
        Ok((Body::of(&head)?, wire))
    };
    let (mut body, mut wire) = read("").map_err(instead_of("a stream"))?;
    let posted = site.small(1);
    site.publish(&posted)?;
    let text = String::from_utf8_lossy(&posted[0].body);
    let expected = format!("id: {}\ndata: {text}\n\n", posted[0].seq);
    let mut blocks = Blocks::default();
    loop {
        let Some(block) = blocks.next() else {
            let piece = body
                .piece(&mut wire)
                .map_err(|came| broken(quoted(expected.as_bytes()), came))?;
            let end = || broken(quoted(expected.as_bytes()), "the end of the stream");
            blocks.feed(&piece.ok_or_else(end)?);
            continue;
        };
        let adds_nothing = |line: &[u8]| line.starts_with(b":") || line.starts_with(b"retry:");
        if block
            .split(|&byte| byte == b'\n')
            .all(|line| line.is_empty() || adds_nothing(line))
        {
            continue;
        }
        return match block == expected.as_bytes() {
            true => Ok(()),
            false => Err(broken(quoted(expected.as_bytes()), quoted(&block))),
        };
    }
}

fn cursors(site: &Site) -> Outcome {
    site.needs_numbers()?;
    let kept = site.small(3);
    site.publish(&kept)?;
    let (before, last) = (kept[0].seq - 1, kept[2].seq);
    for (query, fields, first) in [
        (format!("after={before}"), String::new(), 0),
        (format!("after={}", before + 2), String::new(), 2),
        (
            format!("after={before}"),
            format!("Last-Event-ID: {}\r\n", before + 1),
            1,
        ),
        (
            format!("after={last}"),
            format!("Last-Event-ID: {before}\r\n"),
            0,
        ),
    ] {
        let asked = format!("with ?{query} {fields:?}");
        let stream = || {
            let mut wire = Wire::connect(&site.data)?;
            wire.send(request(site, &query, &fields))?;
            let head = Head::read(&mut wire)?;
            let mut body = Body::of(&head)?;
            let mut blocks = Blocks::default();
            loop {
                while let Some(block) = blocks.next() {
                    if let Some(delivered) = event(&block)? {
                        return Ok(delivered);
                    }
                }
                let piece = body.piece(&mut wire)?;
                blocks.feed(&piece.ok_or("the end of the stream")?);
            }
        };
        let expected = format!("{asked} first message {}", kept[first].seq);
        let came: Delivered = stream().map_err(|came: String| broken(&expected, came))?;
        if came.body != kept[first].body {
            return Err(broken(expected, quoted(&came.body)));
        }
    }
    Ok(())
}

fn refuses(site: &Site) -> Outcome {
    site.needs_numbers()?;
    for (query, field) in [
        ("after=x", ""),
        ("after=-1", ""),
        ("", "Last-Event-ID: x\r\n"),
    ] {
        let read = || {
            let mut wire = Wire::connect(&site.data)?;
            wire.send(request(site, query, field))?;
            Head::read(&mut wire)
        };
        let expected = format!("400 to ?{query} {field:?}");
        let head = read().map_err(|came| broken(&expected, came))?;
        if head.status != 400 {
            return Err(broken(expected, head.first_line()));
        }
    }
    // A cursor that is one is still taken.
    site.subscribe(Cursor::After(site.published())).map(drop)
}

/// Cuts a stream into blocks: what is between empty lines, the empty line with them.
#[derive(Default)]
pub(super) struct Blocks {
    bytes: Vec<u8>,
}

impl Blocks {
    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.end().is_some()
    }

    fn end(&self) -> Option<usize> {
        let at = self.bytes.windows(2).position(|pair| pair == b"\n\n")?;
        Some(at + 2)
    }

    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let rest = self.bytes.split_off(self.end()?);
        Some(std::mem::replace(&mut self.bytes, rest))
    }
}

/// Fields of a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) event: Option<String>,
    pub(super) id: Option<String>,
    pub(super) data: Vec<String>,
}

/// Takes a block apart, by the rules of the format (WHATWG HTML, 9.2.6) for lines that end with LF.
pub(super) fn fields(block: &[u8]) -> Result<Fields, String> {
    let text =
        str::from_utf8(block).map_err(|_| format!("{}, which is no UTF-8", quoted(block)))?;
    let mut fields = Fields::default();
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match name {
            "event" => fields.event = Some(value),
            "id" => fields.id = Some(value),
            "data" => fields.data.push(value),
            _ => {}
        }
    }
    Ok(fields)
}

/// The message that a block carries, if it has any data.
pub(super) fn event(block: &[u8]) -> Result<Option<Delivered>, String> {
    let fields = fields(block)?;
    if fields.data.is_empty() {
        return Ok(None);
    }
    Ok(Some(Delivered {
        seq: fields.id,
        body: fields.data.join("\n").into_bytes(),
        binary: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_cut_at_empty_lines() {
        let mut blocks = Blocks::default();
        let mut found = Vec::new();
        for byte in b": hi\n\nid: 1\ndata: a\n\ndata: cut" {
            blocks.feed(&[*byte]);
            found.extend(blocks.next());
        }
        assert_eq!(found, [&b": hi\n\n"[..], b"id: 1\ndata: a\n\n"]);
        assert!(!blocks.is_waiting());
    }

    #[test]
    fn blocks_are_taken_apart() {
        assert_eq!(event(b": hi\nretry: 5\n\n"), Ok(None));
        let delivered = event(b"id: 7\nevent: x\ndata:  two\ndata:\n\n")
            .unwrap()
            .unwrap();
        assert_eq!(
            (delivered.seq.as_deref(), &delivered.body[..]),
            (Some("7"), &b" two\n"[..])
        );
        assert_eq!(fields(b"data\nevent: \n\n").unwrap().data, [""]);
        assert!(
            event(b"data: \xf0\x9f\n\n")
                .unwrap_err()
                .contains("no UTF-8")
        );
    }
}
