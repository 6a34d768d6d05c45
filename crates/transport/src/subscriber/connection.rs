//! One connection of the load generator.

use std::io::{self, Read as _, Write as _};
use std::iter;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use pushbench_model::measurement::WireCount;
use pushbench_model::sequence::SequenceCheck;
use pushbench_sys::clock;
use pushbench_sys::tcp::{begin_connect, tcp_info};
use socket2::SockRef;

use super::Progress;

/// One connection and what arrived on it: a subscriber, or as many as share it.
#[derive(Debug)]
pub struct Subscriber {
    stream: TcpStream,
    /// What it has received; the first of them, where several share the connection.
    pub check: SequenceCheck,
    /// What the others have received that share its connection.
    pub(super) others: Box<[SequenceCheck]>,
    /// When its connection was begun, CLOCK_MONOTONIC nanoseconds.
    pub started: u64,
    /// How long the connection took to be established, nanoseconds; 0 until it is.
    pub connect_ns: u64,
    /// Whether its TCP_NODELAY was set and read back as set.
    pub nodelay: bool,
    pub(super) stage: Stage,
    pub(super) subscribed: bool,
    /// The peer has ended its side: reading goes on until it shows.
    pub(super) ending: bool,
    /// It tells of its next message that is new.
    pub(super) tells: bool,
    /// Bytes until it is cut off.
    pub(super) left: u32,
    /// It was set aside, and may have ended since.
    pub(super) aside: bool,
    /// What the socket has not taken yet.
    pub(super) unsent: Vec<u8>,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not yet established.
    Connecting,
    /// Established, and all was sent that there is to send.
    Reading,
    /// Established; reads when the socket has taken what is unsent.
    Writing,
    /// Established, and read until it is cut off.
    Cutting,
    /// Established, and not read: it is slow on purpose.
    Aside,
    /// Of no use any more.
    Ended,
}

/// What the kernel counted on the connection `stream` so far, beside what formulas expect by `progress`.
///
/// # Errors
///
/// When the kernel does not tell.
pub fn wire(stream: &TcpStream, progress: &Progress) -> io::Result<WireCount> {
    let info = tcp_info(stream)?;
    Ok(WireCount {
        bytes_down: info.bytes_received,
        bytes_up: info.bytes_sent - info.bytes_retrans,
        segments_down: info.segs_in.into(),
        segments_up: info.segs_out.into(),
        data_segments_down: info.data_segs_in.into(),
        data_segments_up: info.data_segs_out.into(),
        retransmitted: info.total_retrans.into(),
        expected_down: Some(progress.expected_down),
        expected_up: Some(progress.expected_up),
    })
}

impl Subscriber {
    /// Begins a connection for as many subscribers as are `sharing` it, which is established ([`Stage::Reading`]) or being established when this returns.
    pub(super) fn connect(
        to: SocketAddr,
        from: Option<IpAddr>,
        sharing: usize,
    ) -> io::Result<Self> {
        let started = clock::now();
        let begun = begin_connect(to, from)?;
        let (stage, connect_ns) = if begun.established {
            (Stage::Reading, clock::now() - started)
        } else {
            (Stage::Connecting, 0)
        };
        Ok(Self {
            stream: begun.stream,
            check: SequenceCheck::starting_at(1),
            others: vec![SequenceCheck::starting_at(1); sharing.saturating_sub(1)].into(),
            started,
            connect_ns,
            nodelay: begun.nodelay,
            stage,
            subscribed: false,
            ending: false,
            tells: false,
            left: 0,
            aside: false,
            unsent: Vec::new(),
        })
    }

    /// What each of those has received that share the connection, which nearly always is one.
    pub fn checks(&self) -> impl Iterator<Item = &SequenceCheck> {
        iter::once(&self.check).chain(&*self.others)
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u64 {
        1 + self.others.len() as u64
    }

    /// Whether the server has accepted the subscription.
    #[must_use]
    pub const fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// Whether its connection has ended; what it misses will not come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether it is slow on purpose ([`super::Subscribers::set_aside`]); what it misses is no loss.
    #[must_use]
    pub const fn is_aside(&self) -> bool {
        self.aside
    }

    /// What the kernel counted on the connection so far, beside what formulas expect by `progress`.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn wire(&self, progress: &Progress) -> io::Result<WireCount> {
        wire(&self.stream, progress)
    }

    /// The port that it is known by to its peer.
    ///
    /// # Errors
    ///
    /// When the socket has none.
    pub fn local_port(&self) -> io::Result<u16> {
        Ok(self.stream.local_addr()?.port())
    }

    /// How long nothing has come that carried anything.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn silent(&self) -> io::Result<Duration> {
        let info = tcp_info(&self.stream)?;
        Ok(Duration::from_millis(info.last_data_recv_ms.into()))
    }

    /// Another descriptor of its socket, which does not block, to write on.
    ///
    /// # Errors
    ///
    /// When there are no file descriptors left.
    pub fn try_clone_stream(&self) -> io::Result<TcpStream> {
        self.stream.try_clone()
    }

    pub(super) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    #[inline]
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.stream).read(buffer)
    }

    /// To be called when the socket has become writable: whether the connection is established.
    pub(super) fn established(&mut self) -> io::Result<()> {
        match self.stream.take_error()? {
            Some(error) => Err(error),
            None => {
                self.connect_ns = clock::now() - self.started;
                Ok(())
            }
        }
    }

    /// Sends `out`; returns how much of it the socket took, which is nearly always all.
    pub(super) fn send(&self, out: &[u8]) -> io::Result<usize> {
        match (&self.stream).write(out) {
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            },
            sent => sent,
        }
    }

    /// Closing it will reset it, which leaves no TIME_WAIT behind.
    pub(super) fn reset_at_close(&self) {
        // A connection that has failed cannot be reset, and needs not.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}
