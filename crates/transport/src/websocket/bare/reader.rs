//! Reading what a client sends (RFC 6455, section 5). None of it but control frames has a meaning here, so messages are
//! checked as they come and nothing of them is kept.

use crate::websocket::frame::{MAX_CONTROL, Opcode};

/// Longest message of a client, bytes; none is expected at all.
pub(super) const MAX_RECEIVED: u64 = 64 * 1024;
/// Bytes unmasked at once.
const PIECE: usize = 512;
/// Longest code point in UTF-8, bytes.
const MAX_POINT: usize = 4;

/// What a client did that ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It broke a rule of the framing.
    Protocol,
    /// A text message, or a reason, is not UTF-8.
    Text,
    /// A message is longer than [`MAX_RECEIVED`].
    TooBig,
}

impl Fault {
    /// The close code that says so (section 7.4.1).
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Text => 1007,
            Self::TooBig => 1009,
        }
    }
}

/// What a step of reading found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Nothing that wants an answer.
    Nothing,
    /// A ping, to be answered with the same bytes.
    Ping(Vec<u8>),
    /// The close frame, to be answered with the same bytes.
    Close(Vec<u8>),
}

/// Where in the stream of a client's frames the reading stands.
#[derive(Debug, Default)]
pub(in crate::websocket) struct Reader {
    /// Bytes of the present data frame that are still to come.
    left: u64,
    mask: [u8; 4],
    /// Whether the present data frame is the last of its message.
    fin: bool,
    message: Option<Message>,
}

#[derive(Debug)]
struct Message {
    len: u64,
    /// The code point that was cut, for text.
    text: Option<Point>,
}

/// The first bytes of a code point.
#[derive(Debug, Default)]
struct Point {
    bytes: [u8; MAX_POINT],
    len: usize,
}

struct Header {
    fin: bool,
    opcode: Opcode,
    mask: [u8; 4],
    /// Bytes of the header itself.
    start: usize,
    /// Bytes of the payload.
    len: u64,
}

impl Reader {
    /// Reads the start of `bytes`: how many of them were read, and what they are. `None` when it takes more to tell.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Option<(usize, Received)>, Fault> {
        if self.left > 0 {
            if bytes.is_empty() {
                return Ok(None);
            }
            let used = self.left.min(bytes.len() as u64) as usize;
            self.payload(&bytes[..used])?;
            return Ok(Some((used, Received::Nothing)));
        }
        let Some(header) = self.header(bytes)? else {
            return Ok(None);
        };
        if header.opcode.is_control() {
            let end = header.start + header.len as usize;
            let Some(payload) = bytes.get(header.start..end) else {
                return Ok(None);
            };
            let mut body = payload.to_vec();
            unmask(&mut body, header.mask);
            return Ok(Some((end, control(header.opcode, body)?)));
        }
        self.begin(&header)?;
        Ok(Some((header.start, Received::Nothing)))
    }

    /// The header at the start of `bytes`; a fault shows with the first byte that has it.
    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, Fault> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let fin = first & 0x80 != 0;
        // No extension was negotiated, so no reserved bit may be set.
        let opcode = Opcode::new(first & 0x0f).filter(|_| first & 0x70 == 0);
        let opcode = opcode.ok_or(Fault::Protocol)?;
        let fits = match opcode {
            Opcode::Continuation => self.message.is_some(),
            Opcode::Text | Opcode::Binary => self.message.is_none(),
            Opcode::Close | Opcode::Ping | Opcode::Pong => fin,
        };
        if !fits {
            return Err(Fault::Protocol);
        }
        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let short = second & 0x7f;
        // Section 5.1: a client masks every frame.
        if second & 0x80 == 0 || (opcode.is_control() && usize::from(short) > MAX_CONTROL) {
            return Err(Fault::Protocol);
        }
        let (mask_at, len, shorter) = match short {
            126 => match bytes[2..].first_chunk() {
                Some(len) => (4, u64::from(u16::from_be_bytes(*len)), Some(125)),
                None => return Ok(None),
            },
            127 => match bytes[2..].first_chunk() {
                Some(len) => (10, u64::from_be_bytes(*len), Some(u64::from(u16::MAX))),
                None => return Ok(None),
            },
            len => (2, u64::from(len), None),
        };
        // The shortest form is the only one, and the highest bit is never set.
        if shorter.is_some_and(|shorter| len <= shorter) || len >> 63 != 0 {
            return Err(Fault::Protocol);
        }
        let before = self.message.as_ref().map_or(0, |message| message.len);
        if !opcode.is_control() && before.saturating_add(len) > MAX_RECEIVED {
            return Err(Fault::TooBig);
        }
        Ok(bytes[mask_at..].first_chunk().map(|mask| Header {
            fin,
            opcode,
            mask: *mask,
            start: mask_at + mask.len(),
            len,
        }))
    }

    fn begin(&mut self, header: &Header) -> Result<(), Fault> {
        let message = self.message.get_or_insert_with(|| Message {
            len: 0,
            text: (header.opcode == Opcode::Text).then(Point::default),
        });
        message.len += header.len;
        (self.left, self.mask, self.fin) = (header.len, header.mask, header.fin);
        self.end_frame()
    }

    fn payload(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if let Some(Message {
            text: Some(point), ..
        }) = &mut self.message
        {
            for piece in bytes.chunks(PIECE) {
                let mut plain = [0; PIECE];
                let plain = &mut plain[..piece.len()];
                plain.copy_from_slice(piece);
                unmask(plain, self.mask);
                self.mask.rotate_left(piece.len() % 4);
                point.check(plain)?;
            }
        }
        self.left -= bytes.len() as u64;
        self.end_frame()
    }

    fn end_frame(&mut self) -> Result<(), Fault> {
        if self.left > 0 || !self.fin {
            return Ok(());
        }
        let message = self.message.take();
        let cut = message.and_then(|message| message.text);
        if cut.is_some_and(|point| point.len > 0) {
            return Err(Fault::Text);
        }
        Ok(())
    }
}

impl Point {
    /// Checks the text that follows, and keeps the code point that it cuts.
    fn check(&mut self, mut text: &[u8]) -> Result<(), Fault> {
        while self.len > 0 {
            let [next, rest @ ..] = text else {
                return Ok(());
            };
            text = rest;
            self.bytes[self.len] = *next;
            self.len += 1;
            match str::from_utf8(&self.bytes[..self.len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(Fault::Text),
            }
        }
        let Err(error) = str::from_utf8(text) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(Fault::Text);
        }
        let cut = &text[error.valid_up_to()..];
        self.bytes[..cut.len()].copy_from_slice(cut);
        self.len = cut.len();
        Ok(())
    }
}

fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    for word in bytes.chunks_mut(mask.len()) {
        for (byte, mask) in word.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
}

fn control(opcode: Opcode, body: Vec<u8>) -> Result<Received, Fault> {
    match opcode {
        Opcode::Ping => Ok(Received::Ping(body)),
        Opcode::Close => {
            // The codes that may be sent are the same in both directions.
            match super::super::frame::close(&body) {
                Ok(_) => Ok(Received::Close(body)),
                Err(super::super::frame::FrameError::CloseReason(_)) => Err(Fault::Text),
                Err(_) => Err(Fault::Protocol),
            }
        }
        _ => Ok(Received::Nothing),
    }
}
