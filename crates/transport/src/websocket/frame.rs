//! WebSocket frames (RFC 6455, section 5), as a client reads them.
//!
//! Header of a server frame: 2, 4 or 10 bytes by payload length; a client frame adds a mask of 4.

use std::mem;

use crate::ascii::is_ascii;

use super::utf8::Utf8;

mod encode;
mod error;
mod item;
#[cfg(test)]
mod tests;

pub use encode::{Opcode, encode_client, encode_server, encode_server_fragment};
pub use encode::{client_frame_header_len, server_frame_header_len};
pub(crate) use encode::{encode_deflated, whole_frame};
pub use error::FrameError;
pub use item::Item;
use item::Plain;
pub(in crate::websocket) use item::Sink;

/// Longest payload of a control frame (section 5.5).
pub const MAX_CONTROL: usize = 125;

/// The reserved bit that says that a message is compressed (RFC 7692 §6), where that was agreed on.
pub(in crate::websocket) const DEFLATED: u8 = 0x40;

/// An incremental decoder of server frames: any cut of the stream into reads gives the same items.
///
/// After an error the connection is to be dropped.
#[derive(Debug)]
pub struct FrameDecoder {
    /// The start of a frame that the last read cut.
    cut: Vec<u8>,
    /// The fragments so far of an unfinished message.
    message: Vec<u8>,
    /// Whether there is such a message, and of which kind.
    unfinished: Option<Kind>,
    /// The check of a text that does not lie whole in one frame and one read: all bytes of it that have come are checked.
    text: Utf8,
    closed: bool,
    /// Messages may be compressed.
    deflates: bool,
    max_message: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
    Deflated { text: bool },
}

struct Header {
    fin: bool,
    deflated: bool,
    opcode: Opcode,
    /// Bytes of the header itself.
    start: usize,
    /// Bytes of header and payload.
    end: usize,
}

impl FrameDecoder {
    /// A decoder at the first byte after the handshake. `max_message` bounds a whole message.
    #[must_use]
    pub const fn new(max_message: usize) -> Self {
        Self {
            cut: Vec::new(),
            message: Vec::new(),
            unfinished: None,
            text: Utf8::NEW,
            closed: false,
            deflates: false,
            max_message,
        }
    }

    /// The same where it was agreed that messages may be compressed; `max_message` bounds them as they come.
    #[must_use]
    pub(crate) const fn deflating(max_message: usize) -> Self {
        let mut decoder = Self::new(max_message);
        decoder.deflates = true;
        decoder
    }

    /// Whether a close frame has arrived; later bytes are ignored.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Reads on, calling `on_item` for every message and control frame that `bytes` completes.
    ///
    /// # Errors
    ///
    /// [`FrameError`] names the first rule that the server broke.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        on_item: &mut impl FnMut(Item<'_>),
    ) -> Result<(), FrameError> {
        self.feed_into(bytes, &mut Plain(on_item))
    }

    /// The same where messages may be compressed.
    pub(in crate::websocket) fn feed_into(
        &mut self,
        bytes: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), FrameError> {
        let mut rest = bytes;
        if !self.cut.is_empty() {
            let mut frame = mem::take(&mut self.cut);
            let before = frame.len();
            let Some(header) = self.complete(&mut frame, &mut rest)? else {
                self.check_cut(&frame, before)?;
                self.cut = frame;
                return Ok(());
            };
            let checked = before.saturating_sub(header.start);
            self.frame(&header, &frame[header.start..], checked, sink)?;
        }
        if !self.closed && self.unfinished.is_none() {
            while let Some((item, len)) = self.whole_message(rest) {
                sink.item(item);
                rest = &rest[len..];
            }
        }
        while !self.closed {
            let Some(header) = self.header(rest)? else {
                break;
            };
            let Some(payload) = rest.get(header.start..header.end) else {
                break;
            };
            self.frame(&header, payload, 0, sink)?;
            rest = &rest[header.end..];
        }
        if !self.closed && !rest.is_empty() {
            self.check_cut(rest, 0)?;
            self.cut.extend_from_slice(rest);
        }
        Ok(())
    }

    /// The message at the start of `bytes` if it lies there in one frame, is binary or ASCII, and shorter than 64 KiB, as
    /// nearly all are; and the length of the frame. To be asked where a message may begin.
    #[inline]
    fn whole_message<'a>(&self, bytes: &'a [u8]) -> Option<(Item<'a>, usize)> {
        let (start, len) = match bytes {
            [_, len @ 0..=125, ..] => (2, usize::from(*len)),
            [_, 126, high, low, ..] => match u16::from_be_bytes([*high, *low]) {
                0..=125 => return None,
                len => (4, usize::from(len)),
            },
            _ => return None,
        };
        let payload = bytes.get(start..start + len)?;
        if len > self.max_message {
            return None;
        }
        let item = match bytes[0] {
            0x81 if is_ascii(payload) => Item::Text(payload),
            0x82 => Item::Binary(payload),
            _ => return None,
        };
        Some((item, start + len))
    }

    /// Moves bytes from `rest` to `frame` until that is one whole frame.
    fn complete(
        &self,
        frame: &mut Vec<u8>,
        rest: &mut &[u8],
    ) -> Result<Option<Header>, FrameError> {
        loop {
            // Without a header nobody knows what is missing, so take one byte and look again.
            let header = self.header(frame)?;
            let missing = header.as_ref().map_or(1, |header| header.end - frame.len());
            if missing == 0 {
                return Ok(header);
            }
            if rest.is_empty() {
                return Ok(None);
            }
            let (taken, after) = rest.split_at(missing.min(rest.len()));
            frame.extend_from_slice(taken);
            *rest = after;
        }
    }

    /// The header at the start of `bytes`; `None` if it is cut. A fault is reported with the first
    /// byte that shows it, so that the error does not depend on how the stream was cut.
    #[inline]
    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, FrameError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        if first & 0x70 != 0 && !self.may_be_deflated(first) {
            return Err(FrameError::ReservedBits(first));
        }
        let fin = first & 0x80 != 0;
        let opcode = Opcode::new(first & 0x0f).ok_or(FrameError::ReservedOpcode(first & 0x0f))?;
        match (opcode, self.unfinished) {
            (Opcode::Continuation, None) => return Err(FrameError::NothingToContinue),
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(FrameError::Interleaved(opcode));
            }
            _ if opcode.is_control() && !fin => return Err(FrameError::FragmentedControl(opcode)),
            _ => {}
        }

        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        if second & 0x80 != 0 {
            return Err(FrameError::Masked);
        }
        if opcode.is_control() && usize::from(second) > MAX_CONTROL {
            return Err(FrameError::LongControl(opcode));
        }
        let (start, len, shorter) = match second {
            126 => {
                let Some(len) = bytes[2..].first_chunk() else {
                    return Ok(None);
                };
                (4, u64::from(u16::from_be_bytes(*len)), 125)
            }
            127 => {
                let Some(len) = bytes[2..].first_chunk() else {
                    return Ok(None);
                };
                (10, u64::from_be_bytes(*len), u64::from(u16::MAX))
            }
            len => return self.sized(first, opcode, 2, u64::from(len)).map(Some),
        };
        if len >> 63 != 0 {
            return Err(FrameError::LengthOverflow(len));
        }
        if len <= shorter {
            return Err(FrameError::NotMinimal(len));
        }
        self.sized(first, opcode, start, len).map(Some)
    }

    /// Whether the bits beside the opcode are the one that was agreed on, at the start of a message (RFC 7692 §6.2).
    #[cold]
    const fn may_be_deflated(&self, first: u8) -> bool {
        self.deflates && first & 0x70 == DEFLATED && matches!(first & 0x0f, 0x1 | 0x2)
    }

    #[inline]
    fn sized(
        &self,
        first: u8,
        opcode: Opcode,
        start: usize,
        len: u64,
    ) -> Result<Header, FrameError> {
        let before = if opcode.is_control() {
            0
        } else {
            self.message.len() as u64
        };
        let limit = if opcode.is_control() {
            MAX_CONTROL
        } else {
            self.max_message
        };
        // Cannot overflow: a length has at most 63 bits, and so has a Vec.
        let whole = before + len;
        if whole > limit as u64 {
            return Err(FrameError::TooLong { len: whole, limit });
        }
        Ok(Header {
            fin: first & 0x80 != 0,
            deflated: first & DEFLATED != 0,
            opcode,
            start,
            end: start + len as usize,
        })
    }

    /// Takes a whole frame; `checked` bytes of its payload have gone through [`Self::text`].
    #[inline]
    fn frame(
        &mut self,
        header: &Header,
        payload: &[u8],
        checked: usize,
        sink: &mut impl Sink,
    ) -> Result<(), FrameError> {
        if header.deflated {
            let text = header.opcode == Opcode::Text;
            if header.fin {
                sink.deflated(text, payload);
            } else {
                self.begin(Kind::Deflated { text }, payload);
            }
            return Ok(());
        }
        match (header.opcode, self.unfinished) {
            (Opcode::Text, _) if header.fin && checked == 0 => {
                whole_text(payload)?;
                sink.item(Item::Text(payload));
            }
            (Opcode::Text, _) => {
                self.check_text(payload, checked)?;
                if header.fin {
                    self.end_text(payload.len())?;
                    sink.item(Item::Text(payload));
                } else {
                    self.begin(Kind::Text, payload);
                }
            }
            (Opcode::Binary, _) if header.fin => sink.item(Item::Binary(payload)),
            (Opcode::Binary, _) => self.begin(Kind::Binary, payload),
            (Opcode::Continuation, kind) => {
                if kind == Some(Kind::Text) {
                    self.check_text(payload, checked)?;
                }
                self.message.extend_from_slice(payload);
                if header.fin {
                    self.unfinished = None;
                    let whole = mem::take(&mut self.message);
                    match kind {
                        Some(Kind::Text) => {
                            self.end_text(whole.len())?;
                            sink.item(Item::Text(&whole));
                        }
                        Some(Kind::Deflated { text }) => sink.deflated(text, &whole),
                        Some(Kind::Binary) | None => sink.item(Item::Binary(&whole)),
                    }
                }
            }
            (Opcode::Ping, _) => sink.item(Item::Ping(payload)),
            (Opcode::Pong, _) => sink.item(Item::Pong(payload)),
            (Opcode::Close, _) => {
                let close = close(payload)?;
                self.closed = true;
                // An unfinished message will not be finished.
                self.message = Vec::new();
                sink.item(Item::Close(close));
            }
        }
        Ok(())
    }

    fn begin(&mut self, kind: Kind, payload: &[u8]) {
        self.unfinished = Some(kind);
        self.message.extend_from_slice(payload);
    }

    /// Checks what has come of a frame of text that is not whole; its first `before` bytes were seen by an earlier call.
    #[cold]
    fn check_cut(&mut self, frame: &[u8], before: usize) -> Result<(), FrameError> {
        let Some(header) = self.header(frame)? else {
            return Ok(());
        };
        let is_text = match header.opcode {
            Opcode::Text => !header.deflated,
            Opcode::Continuation => self.unfinished == Some(Kind::Text),
            _ => false,
        };
        if is_text && let Some(payload) = frame.get(header.start..) {
            self.check_text(payload, before.saturating_sub(header.start))?;
        }
        Ok(())
    }

    /// Checks the part of a payload after its first `checked` bytes.
    fn check_text(&mut self, payload: &[u8], checked: usize) -> Result<(), FrameError> {
        let begun = self.message.len() + checked - self.text.pending();
        self.text
            .check(&payload[checked..])
            .map_err(|valid| FrameError::TextNotUtf8 {
                valid: begun + valid,
            })
    }

    /// A text of `len` bytes has ended; none of its code points may be cut.
    fn end_text(&mut self, len: usize) -> Result<(), FrameError> {
        let valid = len - self.text.pending();
        if self.text.finish() {
            Ok(())
        } else {
            Err(FrameError::TextNotUtf8 { valid })
        }
    }
}

/// Checks a text that lies whole in one frame. ASCII, which is most of what is sent, is recognised many bytes at a time.
#[inline]
pub(in crate::websocket) fn whole_text(payload: &[u8]) -> Result<(), FrameError> {
    if is_ascii(payload) {
        return Ok(());
    }
    match str::from_utf8(payload) {
        Ok(_) => Ok(()),
        Err(error) => Err(FrameError::TextNotUtf8 {
            valid: error.valid_up_to(),
        }),
    }
}

/// Section 7.4 and the IANA registry: 1004 to 1006 and 1015 are never sent, 1016 to 2999 have no
/// meaning yet.
pub(super) fn close(payload: &[u8]) -> Result<Option<(u16, &str)>, FrameError> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(FrameError::ShortClose),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(FrameError::CloseCode(code));
    }
    let reason = str::from_utf8(reason).map_err(|_| FrameError::CloseReason(code))?;
    Ok(Some((code, reason)))
}
