//! What is between a socket and a [`Protocol`](super::Protocol): nothing, or TLS. Which of them is known when a loop is compiled, so
//! that one without TLS pays nothing for it.

use std::io;

use super::{Progress, SubscribeError};
use crate::tls::session::Session;
use crate::tls::{Tally, Trust};

/// Makes bytes of the wire of what a transport says, and the other way round.
pub(crate) trait Cover: Sized {
    /// What those of a thread share.
    type Trust;

    /// Whether it does anything.
    const SEALS: bool;

    /// The beginning of a connection.
    fn begin(trust: &Self::Trust) -> io::Result<Self>;

    /// Puts in place of `out` what goes over the wire, behind what has to be sent besides.
    fn seal(&mut self, _out: &mut Vec<u8>, _tally: &mut Tally) -> io::Result<()> {
        Ok(())
    }

    /// Hands what came over the wire to `take`, piece by piece.
    fn open(
        &mut self,
        bytes: &[u8],
        tally: &mut Tally,
        take: &mut impl FnMut(&[u8]) -> Result<(), SubscribeError>,
    ) -> Result<(), SubscribeError>;

    /// Whether there is something to send that the transport knows nothing of.
    fn wants_write(&self) -> bool {
        false
    }

    /// Whether the peer has said that nothing follows.
    fn is_closed(&self) -> bool {
        false
    }

    /// Whether the transport has not been heard at all yet.
    fn is_handshaking(&self) -> bool {
        false
    }

    /// What the transport expects by formula, with what this adds.
    fn beside(&self, progress: Progress) -> Progress {
        progress
    }
}

/// Nothing.
pub(crate) struct Clear;

impl Cover for Clear {
    type Trust = ();

    const SEALS: bool = false;

    fn begin((): &()) -> io::Result<Self> {
        Ok(Self)
    }

    #[inline]
    fn open(
        &mut self,
        bytes: &[u8],
        _: &mut Tally,
        take: &mut impl FnMut(&[u8]) -> Result<(), SubscribeError>,
    ) -> Result<(), SubscribeError> {
        take(bytes)
    }
}

impl Cover for Session {
    type Trust = Trust;

    const SEALS: bool = true;

    fn begin(trust: &Trust) -> io::Result<Self> {
        Self::begin(trust)
    }

    fn seal(&mut self, out: &mut Vec<u8>, tally: &mut Tally) -> io::Result<()> {
        self.seal(out, tally)
    }

    fn open(
        &mut self,
        bytes: &[u8],
        tally: &mut Tally,
        take: &mut impl FnMut(&[u8]) -> Result<(), SubscribeError>,
    ) -> Result<(), SubscribeError> {
        self.open(bytes, tally, take)
    }

    fn wants_write(&self) -> bool {
        self.wants_write()
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn is_handshaking(&self) -> bool {
        self.is_handshaking()
    }

    fn beside(&self, progress: Progress) -> Progress {
        self.beside(progress)
    }
}
