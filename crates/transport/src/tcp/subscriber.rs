//! The subscriber half of the floor.

use pushbench_model::theory;

use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Progress, Protocol, Request, SubscribeError};

use super::frame::FrameDecoder;
use super::{GREETING, LIVE};

/// A subscription over plain TCP.
#[derive(Debug)]
pub(super) struct TcpProtocol {
    after: Option<u64>,
    /// Bytes of the server's greeting still to come.
    greeting_left: usize,
    frames: FrameDecoder,
    progress: Progress,
}

impl TcpProtocol {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            after: request.after,
            greeting_left: GREETING,
            frames: FrameDecoder::new(MAX_MESSAGE),
            progress: Progress::default(),
        }
    }
}

impl Protocol for TcpProtocol {
    fn open(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.after.unwrap_or(LIVE).to_le_bytes());
        self.progress.expected_up += GREETING as u64;
    }

    #[inline]
    fn receive(
        &mut self,
        mut bytes: &[u8],
        _out: &mut Vec<u8>,
        deliver: &mut impl FnMut(&[u8]),
    ) -> Result<(), SubscribeError> {
        if self.greeting_left > 0 {
            let taken = self.greeting_left.min(bytes.len());
            self.greeting_left -= taken;
            bytes = &bytes[taken..];
            self.progress.subscribed = self.greeting_left == 0;
            self.progress.expected_down += taken as u64;
        }
        let expected_down = &mut self.progress.expected_down;
        self.frames.feed(bytes, &mut |body| {
            *expected_down += theory::tcp_frame(body.len() as u64);
            deliver(body);
        })?;
        Ok(())
    }

    fn progress(&self) -> Progress {
        self.progress
    }

    fn end(&mut self) -> Result<(), SubscribeError> {
        Err(SubscribeError::Ended(if self.frames.is_at_boundary() {
            "between two frames"
        } else {
            "inside a frame"
        }))
    }
}
