//! Beginning a connection without waiting for it.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

/// A connection that may still be under way.
#[derive(Debug)]
pub struct Begun {
    /// The socket, non-blocking, with Nagle's algorithm off. While it is not established it becomes writable when it is,
    /// or has failed.
    pub stream: TcpStream,
    /// Whether TCP_NODELAY was read back as set.
    pub nodelay: bool,
    /// Whether the connection is established already, which it usually is on one host.
    pub established: bool,
}

/// Begins a connection to `to`, from the address `from` if one is given, and returns at once.
///
/// The kernel gives each pair of own address and destination its own ephemeral ports
/// (`net.ipv4.ip_local_port_range`), so several own addresses allow more connections to one destination. The port is
/// chosen when the destination is known (`IP_BIND_ADDRESS_NO_PORT`, see ip(7)); otherwise all destinations would share
/// the ports of an address.
///
/// # Errors
///
/// When there are no file descriptors or ports left, `from` is no address of this machine, or `to` refuses at once.
pub fn begin_connect(to: SocketAddr, from: Option<IpAddr>) -> io::Result<Begun> {
    let family = match to {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    let nodelay = super::set_nodelay_checked(&socket).unwrap_or(false);
    if let Some(from) = from {
        choose_port_later(&socket)?;
        bind(&socket, &SocketAddr::new(from, 0))?;
    }
    let established = match connect(&socket, &to) {
        Ok(()) => true,
        Err(Errno::INPROGRESS) => false,
        Err(error) => return Err(error.into()),
    };
    Ok(Begun {
        stream: socket.into(),
        nodelay,
        established,
    })
}

fn choose_port_later(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads one int from the local `on`, whose size is given, and touches nothing else.
    #[allow(unsafe_code, reason = "no safe wrapper exists")]
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_connection_comes_from_where_it_is_told_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        for last in 1..4 {
            let from = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
            let begun = begin_connect(to, Some(from)).unwrap();
            let (_accepted, peer) = listener.accept().unwrap();
            assert_eq!(peer, begun.stream.local_addr().unwrap());
            assert_eq!(peer.ip(), from);
            assert!(begun.nodelay && begun.stream.nodelay().unwrap());
        }
        assert!(begin_connect(to, Some(Ipv4Addr::new(192, 0, 2, 1).into())).is_err());
    }

    #[test]
    fn nobody_listening_is_an_error_now_or_when_it_is_writable() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        drop(listener);
        let error = match begin_connect(to, None) {
            Ok(begun) => begun.stream.take_error().unwrap().unwrap(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
