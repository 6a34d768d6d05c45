//! The server half on the stack `bare`.

use crate::bare::{Asked, Common, Guise, Heard, Protocol};

use super::{GREETING, LIVE};

/// A greeting, then frames as the hub encodes them.
pub(super) struct Tcp;

impl Protocol for Tcp {
    type State = ();

    const LINES: bool = false;

    fn open(
        &mut self,
        (): &mut (),
        bytes: &[u8],
        _: &mut Common,
        _: u64,
        _: &mut Vec<u8>,
    ) -> Asked {
        let Some(cursor) = bytes.first_chunk() else {
            return Asked::More;
        };
        let after = u64::from_le_bytes(*cursor);
        Asked::Stream {
            used: GREETING,
            after: Some(after).filter(|&after| after != LIVE),
            guise: Guise::default(),
            packing: None,
        }
    }

    fn welcome(&mut self, newest: u64, reply: &mut Vec<u8>) {
        reply.extend_from_slice(&newest.to_le_bytes());
    }

    fn hear(&mut self, (): &mut (), _: &[u8], _: &mut Vec<u8>) -> Heard {
        // Subscribers send nothing after their greeting.
        Heard::End
    }
}
