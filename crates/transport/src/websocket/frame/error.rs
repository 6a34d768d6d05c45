//! What can be wrong with a stream of frames.

use thiserror::Error;

use super::{MAX_CONTROL, Opcode};

/// What a server did that RFC 6455 forbids, or that passes the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// No extension was negotiated, so no reserved bit may be set.
    #[error("websocket: first byte {0:#04x} has reserved bits set, expected none (no extension)")]
    ReservedBits(u8),
    /// Opcodes 3 to 7 and 11 to 15 have no meaning.
    #[error("websocket: opcode {0:#x} is reserved, expected one of 0, 1, 2, 8, 9, 0xa")]
    ReservedOpcode(u8),
    /// A server must not mask.
    #[error("websocket: the server masked a frame, expected plain payload")]
    Masked,
    /// A control frame came in fragments.
    #[error("websocket: a {0:?} frame without FIN, control frames cannot be fragmented")]
    FragmentedControl(Opcode),
    /// A control frame is too long.
    #[error("websocket: a {0:?} frame of more than {MAX_CONTROL} bytes")]
    LongControl(Opcode),
    /// A length in a longer form than needed.
    #[error("websocket: length {0} in a longer form than needed, expected the shortest")]
    NotMinimal(u64),
    /// The highest bit of a 64 bit length is set.
    #[error("websocket: length {0:#x} has its highest bit set, expected at most 63 bits")]
    LengthOverflow(u64),
    /// More than the caller allows, in one frame or in the fragments of one message.
    #[error("websocket: a message of {len} bytes or more, the limit is {limit}")]
    TooLong {
        /// The bytes that the frames so far announce.
        len: u64,
        /// The limit given to [`FrameDecoder::new`](super::FrameDecoder::new).
        limit: usize,
    },
    /// A continuation frame with nothing to continue.
    #[error("websocket: a continuation frame, expected the start of a message")]
    NothingToContinue,
    /// A new message inside a fragmented one.
    #[error("websocket: a {0:?} frame inside a fragmented message, expected a continuation")]
    Interleaved(Opcode),
    /// A text message is not UTF-8. Said with the first byte that shows it, which may come before the end of the message.
    #[error("websocket: a text message is not UTF-8 after byte {valid}")]
    TextNotUtf8 {
        /// How much of it is valid, bytes.
        valid: usize,
    },
    /// A close frame with a payload of one byte, which cannot hold a code.
    #[error("websocket: a close frame of 1 byte, expected none or a code of 2 bytes")]
    ShortClose,
    /// A close code that must not be sent.
    #[error("websocket: close code {0}, expected 1000-1003, 1007-1014 or 3000-4999")]
    CloseCode(u16),
    /// The reason of a close frame is not UTF-8.
    #[error("websocket: the reason of close code {0} is not UTF-8")]
    CloseReason(u16),
}

impl FrameError {
    /// The close code that tells the peer (section 7.4.1).
    #[must_use]
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::TextNotUtf8 { .. } | Self::CloseReason(_) => 1007,
            Self::TooLong { .. } => 1009,
            _ => 1002,
        }
    }
}
