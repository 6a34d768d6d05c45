//! The floor, as docs/PROTOCOL.md says.

use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::tcp::frame::FrameDecoder;

use super::http::{broken, ended};
use super::{Resume, Sink, Stop};

/// Bytes of a cursor, in both directions.
const GREETING: usize = 8;

pub(in crate::drive) struct Tcp {
    greeting_left: usize,
    frames: FrameDecoder,
}

impl Tcp {
    pub(super) fn open(resume: &Resume, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&resume.after.unwrap_or(u64::MAX).to_le_bytes());
        Self {
            greeting_left: GREETING,
            frames: FrameDecoder::new(MAX_MESSAGE),
        }
    }

    pub(super) fn receive(&mut self, mut bytes: &[u8], sink: &mut impl Sink) -> Result<(), Stop> {
        if self.greeting_left > 0 {
            let taken = self.greeting_left.min(bytes.len());
            self.greeting_left -= taken;
            bytes = &bytes[taken..];
            if self.greeting_left == 0 {
                sink.subscribed();
            }
        }
        self.frames
            .feed(bytes, &mut |body| {
                sink.message(body);
            })
            .map_err(|error| broken(&error))
    }

    pub(super) fn end(&mut self) -> Stop {
        ended(if self.greeting_left > 0 {
            "before it had answered"
        } else {
            "between two messages"
        })
    }
}
