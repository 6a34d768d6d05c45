//! Rules that are the same for every response that never ends, and reading one: events, or lines of JSON.

use super::http::{Body, Head, get};
use super::site::Site;
use super::sse::{self, Blocks};
use super::subscriber::{Cursor, Delivered};
use super::wire::{Wire, quoted};
use super::{Outcome, broken, delivery, instead_of};

/// The transport whose messages are lines; those of the other are events.
pub(super) const LINES: &str = "ndjson";

/// One response.
pub(super) struct Stream {
    body: Body,
    pieces: Pieces,
}

/// What has come of it and was not looked at.
enum Pieces {
    Events(Blocks),
    Lines(Vec<u8>),
}

/// The type of the response.
fn content_type(site: &Site) -> &'static str {
    match site.transport {
        LINES => "application/x-ndjson",
        _ => "text/event-stream",
    }
}

/// A subscription with this query and these fields, each with its line end.
fn request(site: &Site, query: &str, fields: &str) -> String {
    let fields = format!("Accept: {}\r\n{fields}", content_type(site));
    let path = delivery::with_query(site.path(), query);
    get(&site.data, &path, &fields)
}

/// Asks on a connection of its own; the head that comes.
fn ask(site: &Site, query: &str, fields: &str) -> Result<(Head, Wire), String> {
    let mut wire = Wire::connect(&site.data)?;
    wire.send(request(site, query, fields))?;
    Ok((Head::read(&mut wire)?, wire))
}

impl Stream {
    /// Subscribes on a connection of its own.
    pub(super) fn open(site: &Site, query: &str, fields: &str) -> Result<(Self, Wire), String> {
        let (head, wire) = ask(site, query, fields)?;
        if head.status != 200 {
            return Err(head.first_line().to_owned());
        }
        let pieces = match site.transport {
            LINES => Pieces::Lines(Vec::new()),
            _ => Pieces::Events(Blocks::default()),
        };
        let body = Body::of(&head)?;
        Ok((Self { body, pieces }, wire))
    }

    /// The next block of the format, its end with it.
    pub(super) fn block(&mut self, wire: &mut Wire) -> Result<Vec<u8>, String> {
        loop {
            if let Some(block) = self.pieces.next() {
                return Ok(block);
            }
            match self.body.piece(wire)? {
                Some(piece) => self.pieces.feed(&piece),
                None => return Err("the end of the stream".to_owned()),
            }
        }
    }

    /// The next message.
    pub(super) fn next(&mut self, wire: &mut Wire) -> Result<Delivered, String> {
        loop {
            let block = self.block(wire)?;
            let delivered = match self.pieces {
                Pieces::Events(_) => sse::event(&block)?,
                Pieces::Lines(_) => line(&block),
            };
            // Otherwise a comment, a time to wait before reconnecting, or an empty line.
            if let Some(delivered) = delivered {
                return Ok(delivered);
            }
        }
    }

    /// Whether a block has come that was not looked at.
    pub(super) fn is_waiting(&self) -> bool {
        match &self.pieces {
            Pieces::Events(blocks) => blocks.is_waiting(),
            // Behind an empty line nothing need come.
            Pieces::Lines(bytes) => {
                let start = bytes.iter().take_while(|&&byte| byte == b'\n').count();
                bytes[start..].contains(&b'\n')
            }
        }
    }
}

impl Pieces {
    fn feed(&mut self, piece: &[u8]) {
        match self {
            Self::Events(blocks) => blocks.feed(piece),
            Self::Lines(bytes) => bytes.extend_from_slice(piece),
        }
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Events(blocks) => blocks.next(),
            Self::Lines(bytes) => {
                let end = bytes.iter().position(|&byte| byte == b'\n')? + 1;
                let rest = bytes.split_off(end);
                Some(std::mem::replace(bytes, rest))
            }
        }
    }
}

/// The message of a line, if it is not empty.
fn line(line: &[u8]) -> Option<Delivered> {
    let body = line.strip_suffix(b"\n").filter(|body| !body.is_empty())?;
    Some(Delivered {
        seq: None,
        body: body.to_vec(),
        binary: None,
    })
}

pub(super) fn head(site: &Site) -> Outcome {
    let wanted = content_type(site);
    let expected = format!("200 with Content-Type: {wanted} before any message");
    let (head, _wire) = ask(site, "", "").map_err(instead_of(&expected))?;
    if head.status != 200 || head.essence() != wanted {
        return Err(broken(expected, quoted(head.text.as_bytes())));
    }
    if let Some(coding) = head.field("content-encoding") {
        return Err(broken("no Content-Encoding that nobody asked for", coding));
    }
    Body::of(&head)
        .map(drop)
        .map_err(instead_of("a body in chunks, or to the end"))
}

pub(super) fn cursors(site: &Site) -> Outcome {
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
        let first_of = || {
            let (mut stream, mut wire) = Stream::open(site, &query, &fields)?;
            stream.next(&mut wire)
        };
        let asked = format!("with ?{query} {fields:?}");
        let expected = format!("{asked} first message {}", kept[first].seq);
        let came: Delivered = first_of().map_err(|came: String| broken(&expected, came))?;
        if came.body != kept[first].body {
            return Err(broken(expected, quoted(&came.body)));
        }
    }
    Ok(())
}

pub(super) fn refuses(site: &Site) -> Outcome {
    site.needs_numbers()?;
    for (query, field) in [
        ("after=x", ""),
        ("after=-1", ""),
        ("", "Last-Event-ID: x\r\n"),
    ] {
        let expected = format!("400 to ?{query} {field:?}");
        let (head, _wire) = ask(site, query, field).map_err(|came| broken(&expected, came))?;
        if head.status != 400 {
            return Err(broken(expected, head.first_line()));
        }
    }
    // A cursor that is one is still taken.
    site.subscribe(Cursor::After(site.published())).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_line_ends() {
        let mut pieces = Pieces::Lines(Vec::new());
        let mut found = Vec::new();
        for byte in b"{}\n\n[1]\n{" {
            pieces.feed(&[*byte]);
            found.extend(pieces.next());
        }
        assert_eq!(found, [&b"{}\n"[..], b"\n", b"[1]\n"]);
        let bodies: Vec<_> = found.iter().filter_map(|found| line(found)).collect();
        assert_eq!((bodies.len(), &bodies[1].body[..]), (2, &b"[1]"[..]));
    }
}
