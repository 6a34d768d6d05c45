//! The subscriber half of the floor.

use std::rc::Rc;

use pushbench_model::theory;

use crate::limits::MAX_MESSAGE;
use crate::subscriber::{Nonce, Progress, Protocol, Request, SubscribeError};

use super::frame::FrameDecoder;
use super::{GREETING, LIVE};

/// A subscription over plain TCP.
#[derive(Debug)]
pub(super) struct TcpProtocol {
    /// Bytes of the server's greeting still to come.
    greeting_left: usize,
    frames: FrameDecoder,
    progress: Progress,
}

impl Protocol for TcpProtocol {
    type Common = ();

    fn open(request: &Rc<Request>, _nonce: Nonce, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&request.after.unwrap_or(LIVE).to_le_bytes());
        Self {
            greeting_left: GREETING,
            frames: FrameDecoder::new(MAX_MESSAGE),
            progress: Progress {
                expected_up: GREETING as u64,
                ..Progress::default()
            },
        }
    }

    #[inline]
    fn receive(
        &mut self,
        (): &mut (),
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

    fn end(&mut self) -> SubscribeError {
        SubscribeError::Ended(if self.greeting_left > 0 {
            "before it had answered"
        } else if self.frames.is_at_boundary() {
            "between two frames"
        } else {
            "inside a frame"
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::pieces::{Received, cuts, receive};
    use crate::tcp::frame::encode;

    fn whole(stream: &[u8]) -> Received {
        receive::<TcpProtocol>("", [stream])
    }

    fn stream(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut out = 7_u64.to_le_bytes().to_vec();
        for message in messages {
            encode(message, &mut out).unwrap();
        }
        out
    }

    #[test]
    fn a_stream_costs_what_the_formula_says() {
        let messages = [b"{}".to_vec(), vec![], vec![7; 300]];
        let stream = stream(&messages);
        let got = whole(&stream);
        assert_eq!(got.messages, messages);
        assert!(got.progress.subscribed);
        assert_eq!(got.sent, [0; 8]);
        assert_eq!(got.progress.expected_down, stream.len() as u64);
        assert_eq!(got.progress.expected_up, 8);
    }

    #[test]
    fn an_end_is_named_by_its_place() {
        let stream = stream(&[b"x".to_vec()]);
        for (len, place) in [
            (0, "before it had answered"),
            (7, "before it had answered"),
            (8, "between two frames"),
            (11, "inside a frame"),
            (12, "inside a frame"),
            (13, "between two frames"),
        ] {
            let ended = whole(&stream[..len]).ended;
            assert_eq!(ended, format!("the server ended the connection {place}"));
        }
    }

    proptest! {
        #[test]
        fn any_cut_is_received_the_same(
            messages in vec(vec(any::<u8>(), 0..40), 0..6),
            tail in vec(any::<u8>(), 0..9),
            cuts in cuts(),
        ) {
            let stream = [stream(&messages), tail].concat();
            let cut = receive::<TcpProtocol>("", cuts.of(&stream));
            prop_assert_eq!(whole(&stream), cut);
        }
    }
}
