//! Rules for `GET /sse`, and the format of its stream.

use super::site::Site;
use super::stream::{Stream, cursors, head, refuses};
use super::subscriber::Delivered;
use super::wire::quoted;
use super::{Outcome, Rule, broken, instead_of};

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

/// Byte for byte, but for comments and `retry`, which a server may add.
fn form(site: &Site) -> Outcome {
    site.needs_numbers()?;
    let (mut stream, mut wire) = Stream::open(site, "", "").map_err(instead_of("a stream"))?;
    let posted = site.small(1);
    site.publish(&posted)?;
    let text = String::from_utf8_lossy(&posted[0].body);
    let expected = format!("id: {}\ndata: {text}\n\n", posted[0].seq);
    loop {
        let block = stream
            .block(&mut wire)
            .map_err(|came| broken(quoted(expected.as_bytes()), came))?;
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
