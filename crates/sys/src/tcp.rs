//! What the kernel counted on a TCP connection.
//!
//! Bytes on the wire are taken from here and not from the program under test, so that framing,
//! headers and TLS of every stack are counted by the same counter.

mod connect;
mod raw;

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, SocketFlags, sockopt};

pub use connect::{Begun, begin_connect};

/// The state of one connection, cumulative since it was opened. Bytes are payload of TCP: IP and TCP
/// headers are not in them, TLS records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// Bytes received in order. The peer's FIN counts as one: read before it closes.
    pub bytes_received: u64,
    /// Bytes sent, each retransmission again; first transmissions are `bytes_sent - bytes_retrans`.
    pub bytes_sent: u64,
    /// Bytes that the peer acknowledged. The SYN counts as one on the side that connected, the FIN on
    /// the side that closed.
    pub bytes_acked: u64,
    /// Bytes sent again.
    pub bytes_retrans: u64,
    /// Segments received, bare acknowledgements included.
    pub segs_in: u32,
    /// Segments sent, bare acknowledgements included, counted as segmentation offload would cut them.
    pub segs_out: u32,
    /// Segments received that carried payload.
    pub data_segs_in: u32,
    /// Segments sent that carried payload.
    pub data_segs_out: u32,
    /// Segments sent again.
    pub total_retrans: u32,
    /// Segments sent and not yet acknowledged, now.
    pub unacked_segs: u32,
    /// Bytes in the send queue and never sent, now: the backlog of a slow consumer.
    pub not_sent_bytes: u32,
    /// Milliseconds since a segment with payload was received last, now.
    pub last_data_recv_ms: u32,
    /// Smoothed round trip in microseconds.
    pub rtt_us: u32,
    /// Its mean deviation in microseconds.
    pub rtt_var_us: u32,
    /// Least round trip in microseconds.
    pub min_rtt_us: u32,
    /// Largest segment payload to the peer, bytes.
    pub snd_mss: u32,
    /// Microseconds with data in flight or queued.
    pub busy_us: u64,
    /// Microseconds of `busy_us` in which the peer's receive window held the sender back.
    pub rwnd_limited_us: u64,
    /// Microseconds of `busy_us` in which the own send buffer held the sender back.
    pub sndbuf_limited_us: u64,
}

/// Reads `TCP_INFO` of a socket.
///
/// # Errors
///
/// When `fd` is not a TCP socket, or `Unsupported` on kernels before 4.19, which lack some of the
/// counters: a missing counter is an error and not a zero, because a zero would be believed.
pub fn tcp_info(fd: impl AsFd) -> io::Result<TcpInfo> {
    raw::tcp_info(fd.as_fd()).map(TcpInfo::from)
}

/// Switches Nagle's algorithm off and reads the setting back: `true` when it is off.
///
/// # Errors
///
/// When `fd` is not a TCP socket.
pub fn set_nodelay_checked(fd: impl AsFd) -> io::Result<bool> {
    let fd = fd.as_fd();
    sockopt::set_tcp_nodelay(fd, true)?;
    Ok(sockopt::tcp_nodelay(fd)?)
}

/// Whether Nagle's algorithm is off on a connection that has it from its listener, as Linux hands it on; one that has not is set.
///
/// # Errors
///
/// When `fd` is not a TCP socket.
pub fn nodelay_checked(fd: impl AsFd) -> io::Result<bool> {
    let fd = fd.as_fd();
    if sockopt::tcp_nodelay(fd)? {
        return Ok(true);
    }
    set_nodelay_checked(fd)
}

/// Has the kernel give a connection up on which what was sent is not acknowledged for so long (`TCP_USER_TIMEOUT`,
/// tcp(7)), in whole milliseconds.
///
/// # Errors
///
/// When `fd` is not a TCP socket.
pub fn set_user_timeout(fd: impl AsFd, timeout: Duration) -> io::Result<()> {
    let ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    Ok(sockopt::set_tcp_user_timeout(fd, ms)?)
}

/// What [`set_user_timeout`] has set; zero where it has not.
///
/// # Errors
///
/// When `fd` is not a TCP socket.
pub fn user_timeout(fd: impl AsFd) -> io::Result<Duration> {
    let ms = sockopt::tcp_user_timeout(fd)?;
    Ok(Duration::from_millis(ms.into()))
}

/// Accepts a connection that does not block, and does not ask who it is from. One system call.
///
/// # Errors
///
/// `WouldBlock` when nobody waits at a non-blocking `listener`, or what keeps it from accepting.
pub fn accept(listener: impl AsFd) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    Ok(rustix::net::accept_with(listener, flags)?.into())
}

/// Sends what the socket takes of `bytes`, without a signal when the peer is gone. One system call and nothing around it:
/// a C library makes it a place where a thread can be cancelled, which costs more than a loop around it does.
///
/// # Errors
///
/// `WouldBlock` when a non-blocking socket takes nothing, or what has become of the connection.
#[inline]
pub fn send(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(fd, bytes, SendFlags::NOSIGNAL)?)
}

/// Receives what is there, as far as there is room; 0 at the end of the stream. Like [`send`], one system call.
///
/// # Errors
///
/// `WouldBlock` when nothing is there and the socket is non-blocking, or what has become of the connection.
#[inline]
pub fn receive(fd: impl AsFd, room: &mut [u8]) -> io::Result<usize> {
    let (count, _) = rustix::net::recv(fd, room, RecvFlags::empty())?;
    Ok(count)
}

impl From<raw::TcpInfo> for TcpInfo {
    fn from(raw: raw::TcpInfo) -> Self {
        Self {
            bytes_received: raw.bytes_received,
            bytes_sent: raw.bytes_sent,
            bytes_acked: raw.bytes_acked,
            bytes_retrans: raw.bytes_retrans,
            segs_in: raw.segs_in,
            segs_out: raw.segs_out,
            data_segs_in: raw.data_segs_in,
            data_segs_out: raw.data_segs_out,
            total_retrans: raw.total_retrans,
            unacked_segs: raw.unacked,
            not_sent_bytes: raw.notsent_bytes,
            last_data_recv_ms: raw.last_data_recv,
            rtt_us: raw.rtt,
            rtt_var_us: raw.rttvar,
            min_rtt_us: raw.min_rtt,
            snd_mss: raw.snd_mss,
            busy_us: raw.busy_time,
            rwnd_limited_us: raw.rwnd_limited,
            sndbuf_limited_us: raw.sndbuf_limited,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    const SENT: u64 = 12_345;

    /// A connected pair: (the side that connected, the side that accepted).
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        (connected, accepted)
    }

    /// Sends `SENT` bytes and waits for an answer of one byte, which carries their acknowledgement.
    fn exchange(from: &mut TcpStream, to: &mut TcpStream) -> (TcpInfo, TcpInfo) {
        from.write_all(&[7; SENT as usize]).unwrap();
        to.read_exact(&mut [0; SENT as usize]).unwrap();
        to.write_all(&[1]).unwrap();
        from.read_exact(&mut [0]).unwrap();
        (tcp_info(from).unwrap(), tcp_info(to).unwrap())
    }

    #[test]
    fn bytes_are_exact_from_the_accepting_side() {
        let (mut connected, mut accepted) = pair();
        let (sender, receiver) = exchange(&mut accepted, &mut connected);
        assert_eq!(receiver.bytes_received, SENT);
        assert_eq!(sender.bytes_acked, SENT);
        assert_eq!(sender.bytes_sent - sender.bytes_retrans, SENT);
        assert_eq!(sender.bytes_received, 1);
        assert_eq!((sender.unacked_segs, sender.not_sent_bytes), (0, 0));
        assert!(receiver.data_segs_in >= 1 && receiver.segs_in > receiver.data_segs_in);
        assert!(sender.data_segs_out >= 1 && sender.rtt_us > 0);
    }

    #[test]
    fn the_connecting_side_has_its_syn_acknowledged_too() {
        let (mut connected, mut accepted) = pair();
        let (sender, receiver) = exchange(&mut connected, &mut accepted);
        assert_eq!(receiver.bytes_received, SENT);
        assert_eq!(sender.bytes_acked, SENT + 1);
        assert_eq!(sender.bytes_sent - sender.bytes_retrans, SENT);
    }

    #[test]
    fn nodelay_is_read_back() {
        let (connected, _accepted) = pair();
        assert!(!connected.nodelay().unwrap());
        assert!(set_nodelay_checked(&connected).unwrap());
        assert!(connected.nodelay().unwrap());
    }

    #[test]
    fn the_user_timeout_is_read_back() {
        let (connected, _accepted) = pair();
        assert_eq!(user_timeout(&connected).unwrap(), Duration::ZERO);
        set_user_timeout(&connected, Duration::from_millis(3500)).unwrap();
        assert_eq!(
            user_timeout(&connected).unwrap(),
            Duration::from_millis(3500)
        );
    }

    #[test]
    fn what_is_sent_is_received() {
        let (connected, accepted) = pair();
        assert_eq!(send(&connected, b"hello").unwrap(), 5);
        let mut room = [0; 16];
        assert_eq!(receive(&accepted, &mut room).unwrap(), 5);
        assert_eq!(room[..5], *b"hello");
        accepted.set_nonblocking(true).unwrap();
        let error = receive(&accepted, &mut room).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(connected);
        accepted.set_nonblocking(false).unwrap();
        assert_eq!(receive(&accepted, &mut room).unwrap(), 0);
    }

    #[test]
    fn what_is_accepted_does_not_block() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = accept(&listener).unwrap();
        let error = receive(&accepted, &mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        listener.set_nonblocking(true).unwrap();
        let error = accept(&listener).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn other_sockets_are_refused() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(tcp_info(&udp).is_err());
        assert!(set_nodelay_checked(&udp).is_err());
    }
}
