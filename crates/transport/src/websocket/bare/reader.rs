//! Reading what a client sends (RFC 6455, section 5). Messages are checked as they come; unless they are to be sent back,
//! nothing of them is kept.

use crate::limits::MAX_MESSAGE;
use crate::websocket::frame::{DEFLATED, MAX_CONTROL, Opcode};
use crate::websocket::utf8::Utf8;

/// Longest message of a client, bytes, where none is expected at all.
const MAX_RECEIVED: u64 = 64 * 1024;
/// Bytes unmasked at once.
const PIECE: usize = 512;

/// What becomes of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Messages {
    /// They are checked and forgotten.
    Ignored,
    /// They are handed out whole.
    Kept,
}

impl Messages {
    const fn max(self) -> u64 {
        match self {
            Self::Ignored => MAX_RECEIVED,
            Self::Kept => MAX_MESSAGE as u64,
        }
    }
}

/// What a client did that ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It broke a rule of the framing.
    Protocol,
    /// A text message, or a reason, is not UTF-8.
    Text,
    /// A message is longer than allowed.
    TooBig,
}

impl Fault {
    /// The close code that says so (section 7.4.1).
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Text => 1007,
            Self::TooBig => 1009,
        }
    }
}

/// What a step of reading found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Nothing that wants an answer.
    Nothing,
    /// A whole message: whether it is binary, and its bytes.
    Message(bool, Vec<u8>),
    /// A ping, to be answered with the same bytes.
    Ping(Vec<u8>),
    /// The close frame, to be answered with the same bytes.
    Close(Vec<u8>),
}

/// Where in the stream of a client's frames the reading stands.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// What the client sends is published.
    pub(crate) says: bool,
    /// It was agreed that its messages may be compressed. Nothing is made of them, so that nothing is inflated.
    pub(crate) deflates: bool,
    /// When a ping was sent after which nothing has come; 0 if something has. Nanoseconds of the clock.
    pub(crate) pinged_ns: u64,
    /// Bytes of the present data frame that are still to come.
    left: u64,
    mask: [u8; 4],
    /// Whether the present data frame is the last of its message.
    fin: bool,
    /// Set aside only while there is one: most clients never send any.
    message: Option<Box<Message>>,
}

#[derive(Debug)]
struct Message {
    len: u64,
    /// The check of a text.
    text: Option<Utf8>,
    body: Vec<u8>,
}

struct Header {
    fin: bool,
    deflated: bool,
    opcode: Opcode,
    mask: [u8; 4],
    /// Bytes of the header itself.
    start: usize,
    /// Bytes of the payload.
    len: u64,
}

impl Reader {
    /// Reads the start of `bytes`: how many of them were read, and what they are. `None` when it takes more to tell.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        messages: Messages,
    ) -> Result<Option<(usize, Received)>, Fault> {
        if self.left > 0 {
            if bytes.is_empty() {
                return Ok(None);
            }
            let used = self.left.min(bytes.len() as u64) as usize;
            return Ok(Some((used, self.payload(&bytes[..used], messages)?)));
        }
        let Some(header) = self.header(bytes, messages.max())? else {
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
        let received = self.begin(&header, messages)?;
        Ok(Some((header.start, received)))
    }

    /// The header at the start of `bytes`; a fault shows with the first byte that has it.
    fn header(&self, bytes: &[u8], max: u64) -> Result<Option<Header>, Fault> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let fin = first & 0x80 != 0;
        // Without an extension no reserved bit may be set.
        let plain = first & 0x70 == 0 || self.may_be_deflated(first);
        let opcode = Opcode::new(first & 0x0f).filter(|_| plain);
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
        if !opcode.is_control() && before.saturating_add(len) > max {
            return Err(Fault::TooBig);
        }
        Ok(bytes[mask_at..].first_chunk().map(|mask| Header {
            fin,
            deflated: first & DEFLATED != 0,
            opcode,
            mask: *mask,
            start: mask_at + mask.len(),
            len,
        }))
    }

    /// Whether the bits beside the opcode are the one that was agreed on, at the start of a message (RFC 7692 §6.2).
    const fn may_be_deflated(&self, first: u8) -> bool {
        self.deflates && first & 0x70 == DEFLATED && matches!(first & 0x0f, 0x1 | 0x2)
    }

    fn begin(&mut self, header: &Header, messages: Messages) -> Result<Received, Fault> {
        let message = self.message.get_or_insert_with(|| {
            Box::new(Message {
                len: 0,
                text: (header.opcode == Opcode::Text && !header.deflated).then_some(Utf8::NEW),
                body: Vec::new(),
            })
        });
        message.len += header.len;
        (self.left, self.mask, self.fin) = (header.len, header.mask, header.fin);
        self.end_frame(messages)
    }

    fn payload(&mut self, bytes: &[u8], messages: Messages) -> Result<Received, Fault> {
        if let Some(message) = self.message.as_deref_mut()
            && (message.text.is_some() || messages == Messages::Kept)
        {
            for piece in bytes.chunks(PIECE) {
                let mut plain = [0; PIECE];
                let plain = &mut plain[..piece.len()];
                plain.copy_from_slice(piece);
                unmask(plain, self.mask);
                self.mask.rotate_left(piece.len() % 4);
                if let Some(text) = &mut message.text {
                    text.check(plain).map_err(|_| Fault::Text)?;
                }
                if messages == Messages::Kept {
                    message.body.extend_from_slice(plain);
                }
            }
        }
        self.left -= bytes.len() as u64;
        self.end_frame(messages)
    }

    fn end_frame(&mut self, messages: Messages) -> Result<Received, Fault> {
        if self.left > 0 || !self.fin {
            return Ok(Received::Nothing);
        }
        let Some(mut message) = self.message.take() else {
            return Ok(Received::Nothing);
        };
        if message.text.as_mut().is_some_and(|text| !text.finish()) {
            return Err(Fault::Text);
        }
        Ok(match messages {
            Messages::Ignored => Received::Nothing,
            Messages::Kept => Received::Message(message.text.is_none(), message.body),
        })
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
