//! Writing frames.

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// More of a fragmented message.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The end of the connection.
    Close = 0x8,
    /// A request for a pong.
    Ping = 0x9,
    /// The answer to a ping.
    Pong = 0xa,
}

impl Opcode {
    #[inline]
    pub(in crate::websocket) const fn new(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    /// Whether this is a close, ping or pong.
    #[must_use]
    #[inline]
    pub const fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// Header bytes of an unmasked frame with `len` bytes of payload.
#[must_use]
pub const fn server_frame_header_len(len: usize) -> usize {
    match len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// Header bytes of a masked frame with `len` bytes of payload.
#[must_use]
pub const fn client_frame_header_len(len: usize) -> usize {
    server_frame_header_len(len) + 4
}

/// Appends one whole message or control frame as a server sends it: unmasked.
pub fn encode_server(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    encode_server_fragment(true, opcode, payload, out);
}

/// Appends one frame as a server sends it; `fin` is false for all but the last of a message.
pub fn encode_server_fragment(fin: bool, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(server_frame_header_len(payload.len()) + payload.len());
    header(fin, opcode, 0, payload.len(), out);
    out.extend_from_slice(payload);
}

/// Appends one whole message or control frame as a client sends it: masked with `mask`, which a
/// real client draws at random for every frame (section 5.3).
pub fn encode_client(opcode: Opcode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    out.reserve(client_frame_header_len(payload.len()) + payload.len());
    header(true, opcode, 0x80, payload.len(), out);
    out.extend_from_slice(&mask);
    let start = out.len();
    out.extend_from_slice(payload);
    for word in out[start..].chunks_mut(mask.len()) {
        for (byte, mask) in word.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

/// Appends one whole message as a server sends it that was compressed (RFC 7692 §6.1): the first reserved bit is set.
pub(crate) fn encode_deflated(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    encode_server(opcode, payload, out);
    out[start] |= super::DEFLATED;
}

/// The frame at the start of `bytes`, which are whole frames of our own: what it is, its payload and its length.
pub(crate) fn whole_frame(bytes: &[u8]) -> Option<(Opcode, &[u8], usize)> {
    let opcode = Opcode::new(bytes.first()? & 0x0f)?;
    let (start, len) = match *bytes.get(1)? {
        126 => (
            4,
            usize::from(u16::from_be_bytes(*bytes[2..].first_chunk()?)),
        ),
        127 => (10, u64::from_be_bytes(*bytes[2..].first_chunk()?) as usize),
        len => (2, usize::from(len)),
    };
    let payload = bytes.get(start..)?.get(..len)?;
    Some((opcode, payload, start + len))
}

fn header(fin: bool, opcode: Opcode, mask_bit: u8, len: usize, out: &mut Vec<u8>) {
    out.push(u8::from(fin) << 7 | opcode as u8);
    if len <= super::MAX_CONTROL {
        out.push(mask_bit | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(mask_bit | 126);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(mask_bit | 127);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
}
