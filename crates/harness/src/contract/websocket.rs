//! Rules for `GET /ws`, its handshake and its frames (RFC 6455).

use std::collections::VecDeque;

use super::http::{Head, get};
use super::site::{Posted, Site};
use super::subscriber::Cursor;
use super::wire::{Wire, quoted};
use super::{Outcome, Rule, broken, delivery, instead_of, not_applicable};

pub(super) const RULES: [Rule; 6] = [
    ("websocket: the handshake is answered", handshake),
    ("websocket: nothing is compressed by default", uncompressed),
    ("websocket: pings are answered", pings),
    ("websocket: what is no number is refused", refuses),
    (
        "websocket: what a client says is published with say=1",
        says,
    ),
    (
        "websocket: what a client says is nothing without it",
        is_silent,
    ),
];

/// The key of RFC 6455, 1.3, and what it says the answer is.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Asks for an upgrade and reads the head of the answer.
pub(super) fn shake(
    site: &Site,
    wire: &mut Wire,
    query: &str,
    fields: &str,
) -> Result<Head, String> {
    let path = delivery::with_query(site.path(), query);
    shake_at(site, wire, &path, fields)
}

/// The same at another path.
pub(super) fn shake_at(
    site: &Site,
    wire: &mut Wire,
    path: &str,
    fields: &str,
) -> Result<Head, String> {
    let fields = format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{fields}"
    );
    wire.send(get(&site.data, path, &fields))?;
    Head::read(wire)
}

fn shaken(site: &Site, query: &str, fields: &str) -> Result<(Head, Wire), String> {
    let mut wire = Wire::connect(&site.data)?;
    let head = shake(site, &mut wire, query, fields)?;
    Ok((head, wire))
}

fn handshake(site: &Site) -> Outcome {
    let expected = format!("101 with Sec-WebSocket-Accept: {ACCEPT}");
    let (head, _) = shaken(site, "", "").map_err(instead_of(expected.clone()))?;
    let lists = |name, token: &str| {
        let value = head.field(name).unwrap_or_default();
        value
            .split(',')
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    };
    let upgrades = lists("upgrade", "websocket") && lists("connection", "upgrade");
    if head.status != 101 || head.field("sec-websocket-accept") != Some(ACCEPT) || !upgrades {
        return Err(broken(expected, quoted(head.text.as_bytes())));
    }
    match head
        .field("sec-websocket-extensions")
        .or(head.field("sec-websocket-protocol"))
    {
        Some(extension) => Err(broken(
            "no extension and no subprotocol that nobody asked for",
            extension,
        )),
        None => Ok(()),
    }
}

fn uncompressed(site: &Site) -> Outcome {
    if !site.by_sequence {
        return Err(not_applicable(
            "what it has on by default is its own affair",
        ));
    }
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let expected = "no extension in the answer to a client that offers permessage-deflate";
    let (head, _) = shaken(site, "", offer).map_err(instead_of(expected))?;
    match head.field("sec-websocket-extensions") {
        Some(extension) => Err(broken(expected, extension)),
        None => Ok(()),
    }
}

fn pings(site: &Site) -> Outcome {
    let expected = "a pong with the payload of the ping";
    let (_, mut wire) = shaken(site, "", "").map_err(instead_of(expected))?;
    for payload in [&b""[..], b"some payload"] {
        let came = ping(&mut wire, payload).map_err(instead_of(expected))?;
        if came != payload {
            return Err(broken(expected, quoted(&came)));
        }
    }
    Ok(())
}

fn refuses(site: &Site) -> Outcome {
    site.needs_numbers()?;
    for query in ["after=x", "after=-1"] {
        let expected = format!("400 to ?{query}");
        let (head, _) = shaken(site, query, "").map_err(|came| broken(&expected, came))?;
        if head.status != 400 {
            return Err(broken(expected, head.first_line()));
        }
    }
    Ok(())
}

/// A text and a binary message, said by a subscriber, reach it and another one byte for byte, before what is posted then.
fn says(site: &Site) -> Outcome {
    let expected = "what was said, as it was said, to a subscriber beside";
    // Who does not claim to publish it may do with it what it likes.
    let without = |came: String| {
        if site.says {
            broken(expected, came)
        } else {
            not_applicable(format!("it does not publish what subscribers say: {came}"))
        }
    };
    let mut beside = site.subscribe(Cursor::Now)?;
    let (head, mut speaker) = shaken(site, "say=1", "").map_err(without)?;
    if head.status != 101 {
        return Err(without(head.first_line().to_owned()));
    }
    let mut said = site.small(1);
    let mut binary = site.binary(b"\x00\xffbytes");
    binary.seq += 1;
    said.push(binary);
    let mut heard = say(&mut speaker, &said).map_err(without)?;
    let mut marker = site.small(1);
    marker[0].seq += 2;
    site.publish(&marker)?;
    let first = beside.next(site).map_err(instead_of(expected))?;
    if first.body == marker[0].body {
        return Err(without(
            "nothing of it came, only what was posted then".into(),
        ));
    }
    site.was_said(2);
    if first.body != said[0].body || first.binary != Some(false) {
        return Err(broken(expected, format!("{first:?}")));
    }
    beside.expect(site, &[&said[1..], &marker].concat())?;
    beside.expect_only(site, &[])?;
    let expected = "what was said, also to who said it";
    for said in said.iter().chain(&marker) {
        let frame = match heard.pop_front() {
            Some(frame) => frame,
            None => Frame::read(&mut speaker).map_err(instead_of(expected))?,
        };
        let wanted = Frame::Message {
            binary: said.binary,
            body: said.body.clone(),
        };
        if frame != wanted {
            return Err(broken(expected, format!("{frame:?}")));
        }
    }
    Ok(())
}

/// Without `say`, what a client sends is read and forgotten.
fn is_silent(site: &Site) -> Outcome {
    site.needs_numbers()?;
    let expected = "nothing of what was said, and what was posted then";
    let mut beside = site.subscribe(Cursor::Now)?;
    let (_, mut speaker) = shaken(site, "", "").map_err(instead_of(expected))?;
    say(&mut speaker, &site.small(1)).map_err(instead_of(expected))?;
    let posted = site.small(1);
    site.publish(&posted)?;
    beside.expect_only(site, &posted)
}

/// Says `messages`, and waits until the server has read them, which a pong tells. What came before it is returned.
fn say(wire: &mut Wire, messages: &[Posted]) -> Result<VecDeque<Frame>, String> {
    for said in messages {
        let opcode = if said.binary { BINARY } else { TEXT };
        wire.send(masked(opcode, &said.body))?;
    }
    wire.send(masked(PING, b"read"))?;
    let mut came = VecDeque::new();
    loop {
        match Frame::read(wire)? {
            Frame::Pong(_) => return Ok(came),
            Frame::Ping(payload) => wire.send(pong(&payload))?,
            other => came.push_back(other),
        }
    }
}

/// Sends a ping and returns the payload of the pong that comes.
pub(super) fn ping(wire: &mut Wire, payload: &[u8]) -> Result<Vec<u8>, String> {
    wire.send(masked(PING, payload))?;
    match Frame::read(wire)? {
        Frame::Pong(payload) => Ok(payload),
        other => Err(format!("{other:?}")),
    }
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    masked(PONG, payload)
}

/// A text message of a client.
pub(super) fn text(payload: &[u8]) -> Vec<u8> {
    masked(TEXT, payload)
}

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A frame of a client, of up to 65,535 bytes: with a mask, here of zeros, which changes nothing.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let mut frame = vec![0x80 | opcode];
    match len {
        0..=125 => frame.push(0x80 | len as u8),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(len.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(&payload[..len.into()]);
    frame
}

/// What a server sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Message { binary: bool, body: Vec<u8> },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Vec<u8>),
}

impl Frame {
    /// Reads one frame. Each message is one, without a mask, an extension or a longer length than it needs.
    pub(super) fn read(wire: &mut Wire) -> Result<Self, String> {
        let head = wire.take(2)?;
        let (first, second) = (head[0], head[1]);
        if first & 0xF0 != 0x80 || second & 0x80 != 0 {
            return Err(format!(
                "a frame that begins with {first:02x} {second:02x}: whole and unmasked, please"
            ));
        }
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte))
        };
        let (length, least) = match second {
            126 => (number(&wire.take(2)?), 126),
            127 => (number(&wire.take(8)?), 65_536),
            short => (usize::from(short), 0),
        };
        if length < least || length > MAX_FRAME {
            return Err(format!(
                "a frame that says that it has {length} bytes ({second} in its head)"
            ));
        }
        let body = wire.take(length)?;
        match first & 0xF {
            TEXT => Ok(Self::Message {
                binary: false,
                body,
            }),
            BINARY => Ok(Self::Message { binary: true, body }),
            PING => Ok(Self::Ping(body)),
            PONG => Ok(Self::Pong(body)),
            CLOSE => Ok(Self::Close(body)),
            other => Err(format!("a frame with opcode {other}")),
        }
    }
}

/// Longest body of a message, bytes.
const MAX_FRAME: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;
    use crate::contract::wire::Origin;

    fn read(bytes: &[u8]) -> Result<Frame, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut wire = Wire::connect(&Origin::parse(&url).unwrap()).unwrap();
        listener.accept().unwrap().0.write_all(bytes).unwrap();
        Frame::read(&mut wire)
    }

    #[test]
    fn frames_are_read_in_each_length() {
        assert_eq!(
            read(b"\x81\x02hi"),
            Ok(Frame::Message {
                binary: false,
                body: b"hi".to_vec()
            })
        );
        assert_eq!(read(b"\x89\x00"), Ok(Frame::Ping(Vec::new())));
        let long = [&[0x82, 126, 0, 200][..], &[7; 200]].concat();
        assert_eq!(
            read(&long),
            Ok(Frame::Message {
                binary: true,
                body: vec![7; 200]
            })
        );
        let longer = [&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0][..], &[7; 65_536]].concat();
        assert_eq!(
            read(&longer),
            Ok(Frame::Message {
                binary: true,
                body: vec![7; 65_536]
            })
        );
    }

    #[test]
    fn frames_that_break_rules_are_refused() {
        for bytes in [
            &b"\x01\x02hi"[..],
            b"\xC1\x02hi",
            b"\x81\x82\0\0\0\0hi",
            b"\x81\x7E\0\x02hi",
            b"\x83\x02hi",
            b"\x81\x02h",
        ] {
            read(bytes).unwrap_err();
        }
    }
}
