//! The client's side of a connection, without its socket: bytes in, bytes out, and all of them counted.

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};
use std::mem;

use pushbench_model::theory;
use rustls::{ClientConnection, HandshakeKind};

use super::Trust;
use super::records::{NoRecord, Records};
use crate::subscriber::{Progress, SubscribeError};

/// What all connections of a thread have agreed on, and what their records carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Handshakes in which the server showed its certificate.
    pub full: u64,
    /// Handshakes that resumed a session by a ticket.
    pub resumed: u64,
    /// Handshakes that took another round trip, because the server wanted another key than was offered.
    pub retried: u64,
    /// Records with bytes of the transport, server to client.
    pub records_down: u64,
    /// The same, client to server.
    pub records_up: u64,
    /// Bytes of all other records, server to client: handshakes, tickets.
    pub handshake_down: u64,
    /// The same, client to server.
    pub handshake_up: u64,
    /// The suite that the last handshake agreed on, by its name in RFC 8446.
    pub suite: Option<&'static str>,
    /// The group of its key exchange, likewise.
    pub group: Option<&'static str>,
}

impl Tally {
    /// What came after `earlier` on the same thread.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            full: self.full - earlier.full,
            resumed: self.resumed - earlier.resumed,
            retried: self.retried - earlier.retried,
            records_down: self.records_down - earlier.records_down,
            records_up: self.records_up - earlier.records_up,
            handshake_down: self.handshake_down - earlier.handshake_down,
            handshake_up: self.handshake_up - earlier.handshake_up,
            suite: self.suite,
            group: self.group,
        }
    }

    /// Adds those of another thread.
    pub fn add(&mut self, other: &Self) {
        self.full += other.full;
        self.resumed += other.resumed;
        self.retried += other.retried;
        self.records_down += other.records_down;
        self.records_up += other.records_up;
        self.handshake_down += other.handshake_down;
        self.handshake_up += other.handshake_up;
        self.suite = self.suite.or(other.suite);
        self.group = self.group.or(other.group);
    }
}

/// One connection.
pub(crate) struct Session {
    tls: Box<ClientConnection>,
    records: Records,
    /// What the transport has to say as soon as the handshake is done.
    waiting: Vec<u8>,
    handshaking: bool,
    /// The server has said that nothing follows.
    pub(crate) closed: bool,
    records_down: u64,
    records_up: u64,
    handshake_down: u64,
    handshake_up: u64,
}

fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> SubscribeError {
    SubscribeError::Tls(error.into().to_string())
}

impl Session {
    pub(crate) fn begin(trust: &Trust) -> io::Result<Self> {
        Ok(Self {
            tls: Box::new(trust.begin().map_err(io::Error::other)?),
            records: Records::default(),
            waiting: Vec::new(),
            handshaking: true,
            closed: false,
            records_down: 0,
            records_up: 0,
            handshake_down: 0,
            handshake_up: 0,
        })
    }

    pub(crate) const fn is_handshaking(&self) -> bool {
        self.handshaking
    }

    /// Whether there is something to send that the transport knows nothing of.
    pub(crate) fn wants_write(&self) -> bool {
        self.tls.wants_write() || !(self.handshaking || self.waiting.is_empty())
    }

    /// Puts in place of `out`, which the transport wants to say, the records that say it, behind those that TLS has to send by
    /// itself. What cannot be said yet is kept.
    pub(crate) fn seal(&mut self, out: &mut Vec<u8>, tally: &mut Tally) -> io::Result<()> {
        if self.handshaking {
            self.waiting.append(out);
        } else if !self.waiting.is_empty() {
            let later = mem::replace(out, mem::take(&mut self.waiting));
            out.extend_from_slice(&later);
        }
        let plain = mem::take(out);
        while self.tls.wants_write() {
            let written = self.tls.write_tls(out)?;
            self.handshake_up += written as u64;
            tally.handshake_up += written as u64;
        }
        let mut rest = &plain[..];
        while !rest.is_empty() {
            // As much as one record holds, so that it is known how many there are.
            let piece = &rest[..rest.len().min(theory::TLS_LARGEST as usize)];
            self.tls.writer().write_all(piece)?;
            while self.tls.wants_write() {
                self.tls.write_tls(out)?;
            }
            self.records_up += 1;
            tally.records_up += 1;
            rest = &rest[piece.len()..];
        }
        Ok(())
    }

    /// Hands what is in the records of `bytes` to `take`. What is to be sent then is what [`Self::seal`] makes of it.
    pub(crate) fn open(
        &mut self,
        mut bytes: &[u8],
        tally: &mut Tally,
        take: &mut impl FnMut(&[u8]) -> Result<(), SubscribeError>,
    ) -> Result<(), SubscribeError> {
        // What follows the end is nothing (RFC 8446 §6.1).
        while !bytes.is_empty() && !self.closed {
            let (mut piece, end) = self.records.next(&mut bytes).map_err(|NoRecord| {
                failed("what the server sends are no records: it does not speak TLS")
            })?;
            while !piece.is_empty() {
                self.tls.read_tls(&mut piece).map_err(failed)?;
            }
            // What is in a record is known when it is whole.
            let Some(len) = end else { break };
            let state = self.tls.process_new_packets().map_err(failed)?;
            self.closed |= state.peer_has_closed();
            if self.handshaking && !self.tls.is_handshaking() {
                self.handshaking = false;
                self.agreed(tally);
            }
            if state.plaintext_bytes_to_read() == 0 {
                self.handshake_down += len as u64;
                tally.handshake_down += len as u64;
                continue;
            }
            self.records_down += 1;
            tally.records_down += 1;
            let mut reader = self.tls.reader();
            let mut left = state.plaintext_bytes_to_read();
            while left > 0 {
                let plain = reader.fill_buf()?;
                let count = plain.len();
                take(plain)?;
                reader.consume(count);
                left -= count;
            }
        }
        Ok(())
    }

    fn agreed(&self, tally: &mut Tally) {
        match self.tls.handshake_kind() {
            Some(HandshakeKind::Resumed) => tally.resumed += 1,
            Some(HandshakeKind::Full) => tally.full += 1,
            _ => tally.retried += 1,
        }
        let suite = self.tls.negotiated_cipher_suite();
        tally.suite = suite.and_then(|suite| suite.suite().as_str());
        let group = self.tls.negotiated_key_exchange_group();
        tally.group = group.and_then(|group| group.name().as_str());
    }

    /// What the transport expects by formula, with what TLS adds: handshakes and tickets as they were, and so much per record.
    pub(crate) fn beside(&self, mut progress: Progress) -> Progress {
        progress.expected_down =
            self.handshake_down + theory::tls_stream(progress.expected_down, self.records_down);
        progress.expected_up =
            self.handshake_up + theory::tls_stream(progress.expected_up, self.records_up);
        progress
    }
}
