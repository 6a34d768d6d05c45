//! WebSocket frames (RFC 6455, section 5), of a server or of a client.

use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::websocket::frame::{FrameDecoder, Item};

use super::{Class, Entry, Found, Layer, Unread};

pub(super) struct Frames {
    unread: Unread,
    /// Reads frames of servers. Those of clients are given to it without their mask: all other rules are the same.
    decoder: FrameDecoder,
    /// Whether the first frame was masked, so that all must be.
    masked: Option<bool>,
    broken: bool,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            unread: Unread::default(),
            decoder: FrameDecoder::new(MAX_MESSAGE),
            masked: None,
            broken: false,
        }
    }
}

/// Lengths of the parts of a frame, as far as they can be told.
struct Layout {
    first: u8,
    second: u8,
    /// Bytes of a longer length.
    length: usize,
    mask: usize,
    payload: u64,
}

impl Layout {
    /// `None` if it takes more bytes to tell.
    fn of(bytes: &[u8]) -> Option<Self> {
        let (first, second) = (*bytes.first()?, *bytes.get(1)?);
        let (length, payload) = match second & 0x7F {
            126 => (2, u64::from(u16::from_be_bytes(*bytes[2..].first_chunk()?))),
            127 => (8, u64::from_be_bytes(*bytes[2..].first_chunk()?)),
            short => (0, u64::from(short)),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        Some(Self {
            first,
            second,
            length,
            mask,
            payload,
        })
    }

    fn header(&self) -> usize {
        2 + self.length + self.mask
    }
}

fn opcode(first: u8) -> &'static str {
    match first & 0x0F {
        0x0 => "continuation",
        0x1 => "text",
        0x2 => "binary",
        0x8 => "close",
        0x9 => "ping",
        0xA => "pong",
        _ => "a reserved opcode",
    }
}

fn first_byte(first: u8) -> String {
    let fin = if first & 0x80 == 0 {
        "no FIN: more of the message follows"
    } else {
        "FIN: the message ends with this frame"
    };
    let reserved = match first >> 4 & 7 {
        0 => String::new(),
        bits => format!(", reserved bits {bits:03b}"),
    };
    format!("{fin}; {}{reserved}", opcode(first))
}

fn second_byte(layout: &Layout) -> String {
    let mask = if layout.mask > 0 {
        "masked"
    } else {
        "not masked"
    };
    match layout.second & 0x7F {
        126 => format!("{mask}; the length follows in 2 bytes"),
        127 => format!("{mask}; the length follows in 8 bytes"),
        1 => format!("{mask}; 1 byte of payload"),
        length => format!("{mask}; {length} bytes of payload"),
    }
}

/// What a close code says (section 7.4.1 and the registry of IANA).
fn close_code(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1007 => "invalid payload: not UTF-8",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "an extension is missing",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1004..=1006 | 1015 => "must not be sent",
        3000..=3999 => "registered by a library",
        4000..=4999 => "of the application",
        _ => "without a meaning",
    }
}

/// The bytes of a masked frame as a server would have sent them.
fn unmasked(layout: &Layout, bytes: &[u8]) -> Vec<u8> {
    if layout.mask == 0 {
        return bytes.to_vec();
    }
    let mut plain = bytes[..2 + layout.length].to_vec();
    plain[1] &= 0x7F;
    let (mask, payload) = bytes[2 + layout.length..].split_at(layout.mask);
    plain.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    plain
}

fn found(item: &Item<'_>) -> Found {
    match item {
        Item::Text(body) => Found::Message {
            body: body.to_vec(),
            binary: false,
        },
        Item::Binary(body) => Found::Message {
            body: body.to_vec(),
            binary: true,
        },
        Item::Ping(body) => Found::Control("ping", body.to_vec()),
        Item::Pong(body) => Found::Control("pong", body.to_vec()),
        Item::Close(reason) => Found::Close(reason.map(|(code, reason)| (code, reason.to_owned()))),
    }
}

impl Frames {
    /// Takes the frame at the start apart, of which `len` bytes are there.
    fn frame(&mut self, layout: &Layout, len: usize, out: &mut Vec<Entry>) {
        let bytes = self.unread.peek()[..len].to_vec();
        let plain = unmasked(layout, &bytes);
        let mut left = len;
        let mut part = |wanted: usize, class, meaning: String| {
            let len = wanted.min(left);
            if len > 0 {
                left -= len;
                out.push(self.unread.piece(len, class, meaning).into());
            }
        };
        part(1, Class::Framing, first_byte(layout.first));
        part(1, Class::Framing, second_byte(layout));
        part(
            layout.length,
            Class::Framing,
            format!("length: {}", layout.payload),
        );
        part(
            layout.mask,
            Class::Mask,
            "mask: payload is XORed with it".into(),
        );
        let payload = plain.get(2 + layout.length..).unwrap_or_default();
        if layout.first & 0x0F == 0x8 && payload.len() >= 2 {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            part(
                2,
                Class::Value,
                format!("close code {code}: {}", close_code(code)),
            );
            let reason = crate::escape::text(&payload[2..]);
            part(payload.len() - 2, Class::Value, format!("reason: {reason}"));
        } else {
            let meaning = match opcode(layout.first) {
                "close" => "half of a close code".into(),
                name if layout.mask == 0 => format!("payload ({name})"),
                name => format!(
                    "payload ({name}), unmasked: {}",
                    crate::escape::text(payload)
                ),
            };
            part(payload.len(), Class::Value, meaning);
        }
        let mut all = Vec::new();
        if *self.masked.get_or_insert(layout.mask > 0) != (layout.mask > 0) {
            self.broken = true;
            let reason =
                "websocket: one side masks its frames and the other does not; here they are mixed";
            all.push(Found::Fault(reason.into()));
        } else if let Err(error) = self
            .decoder
            .feed(&plain, &mut |item| all.push(found(&item)))
        {
            self.broken = true;
            all.push(Found::Fault(error.to_string()));
        }
        if let Some(last) = out.last_mut() {
            if self.broken {
                last.piece.class = Class::Fault;
            }
            last.found = all;
        }
    }
}

impl Layer for Frames {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Entry>) {
        self.unread.push(bytes);
        loop {
            let unread = self.unread.peek();
            let there = unread.len();
            if there == 0 {
                return;
            }
            if self.broken || self.decoder.is_closed() {
                let meaning = if self.broken {
                    "not read"
                } else {
                    "after a close: ignored"
                };
                out.push(self.unread.piece(there, Class::Fault, meaning).into());
                return;
            }
            let Some(layout) = Layout::of(unread) else {
                return;
            };
            // A frame that is longer than is read is taken apart as far as it goes.
            let wanted = layout.payload.saturating_add(layout.header() as u64);
            let whole = if layout.payload > MAX_MESSAGE as u64 {
                layout.header() as u64
            } else {
                wanted
            };
            if whole > there as u64 {
                return;
            }
            self.frame(&layout, whole as usize, out);
        }
    }

    fn finish(&mut self, is_left: bool, out: &mut Vec<Entry>) {
        if is_left {
            return self.unread.leave(out);
        }
        let bytes = self.unread.peek();
        let there = bytes.len();
        if there == 0 {
            return;
        }
        match Layout::of(bytes) {
            Some(layout) if layout.header() <= there => {
                self.frame(&layout, there, out);
                if let Some(last) = out.last_mut() {
                    last.piece.class = Class::Fault;
                    last.piece.meaning.push_str(", cut");
                }
            }
            _ => out.push(
                self.unread
                    .piece(there, Class::Fault, "a frame header, cut")
                    .into(),
            ),
        }
    }
}
