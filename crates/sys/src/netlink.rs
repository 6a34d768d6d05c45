//! Setting up network devices: the few requests of rtnetlink(7) that a private network needs.

mod qdisc;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice, recv, send,
    socket_with,
};

pub use qdisc::{QueueCounts, attribute};

/// Bytes of a `nlmsghdr`, and of the number of an error after it.
const HEADER: usize = 16;
/// `IPV4_DEVCONF_ROUTE_LOCALNET` of linux/ip.h.
const ROUTE_LOCALNET: u16 = 26;
/// `IFLA_INET_CONF` of linux/if_link.h.
const INET_CONF: u16 = 1;

/// A device of the network that this thread is in.
#[derive(Debug)]
pub struct Device {
    socket: OwnedFd,
    index: u32,
}

impl Device {
    /// The device called `name`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn named(name: &str) -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let any = socket_with(
            AddressFamily::INET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let index = netdevice::name_to_index(any, name)?;
        Ok(Self { socket, index })
    }

    /// Brings it up.
    ///
    /// # Errors
    ///
    /// Without `CAP_NET_ADMIN` over the network.
    pub fn up(&self) -> io::Result<()> {
        self.change(libc::IFF_UP as u32, |_| ())
    }

    /// Sets the largest packet in bytes and how many packets may wait to be taken, and lets packets from and to
    /// 127.0.0.0/8 pass over it (`route_localnet`), which are refused on all devices but the loopback otherwise.
    ///
    /// # Errors
    ///
    /// Without `CAP_NET_ADMIN` over the network, or where the device does not allow the values.
    pub fn set(&self, mtu: u32, waiting: u32) -> io::Result<()> {
        self.change(0, |request| {
            request.attribute(libc::IFLA_MTU, &mtu.to_ne_bytes());
            request.attribute(libc::IFLA_TXQLEN, &waiting.to_ne_bytes());
            request.nested(libc::IFLA_AF_SPEC, |families| {
                families.nested(libc::AF_INET as u16, |inet| {
                    inet.nested(INET_CONF, |settings| {
                        settings.attribute(ROUTE_LOCALNET, &1_u32.to_ne_bytes());
                    });
                });
            });
        })
    }

    /// Gives it an address, and a route to all that begin with the same `prefix` bits.
    ///
    /// # Errors
    ///
    /// Without `CAP_NET_ADMIN` over the network, or where the address is taken or its family unknown.
    pub fn add_address(&self, address: IpAddr, prefix: u8) -> io::Result<()> {
        let (family, bytes) = match address {
            IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
            IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
        };
        let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let mut request = Request::new(libc::RTM_NEWADDR, flags as u16);
        // `ifaddrmsg`. Nobody else can have the address, so that it need not be asked for first.
        request
            .bytes
            .extend([family as u8, prefix, libc::IFA_F_NODAD as u8, 0]);
        request.bytes.extend(self.index.to_ne_bytes());
        request.attribute(libc::IFA_LOCAL, &bytes);
        request.attribute(libc::IFA_ADDRESS, &bytes);
        self.ask(request)
    }

    fn change(&self, flags: u32, attributes: impl FnOnce(&mut Request)) -> io::Result<()> {
        let mut request = Request::new(libc::RTM_NEWLINK, 0);
        // `ifinfomsg`: any family and type, the index, the flags wanted, and those to change.
        request.bytes.extend([0; 4]);
        request.bytes.extend(self.index.to_ne_bytes());
        request.bytes.extend(flags.to_ne_bytes());
        request.bytes.extend(flags.to_ne_bytes());
        attributes(&mut request);
        self.ask(request)
    }

    fn ask(&self, request: Request) -> io::Result<()> {
        self.send(request)?;
        acknowledged(&recv_answer(&self.socket)?)
    }

    fn send(&self, request: Request) -> io::Result<()> {
        send(&self.socket, &request.finish(), SendFlags::empty())?;
        Ok(())
    }
}

/// What comes next; more than 4096 bytes of it are cut off.
fn recv_answer(socket: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut answer = vec![0_u8; 4096];
    let (length, _) = recv(socket, &mut answer[..], RecvFlags::empty())?;
    answer.truncate(length);
    Ok(answer)
}

/// An answer is an error message, whose error is 0 when all went well.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "an answer of netlink is none");
    let kind = answer.get(4..6).ok_or_else(malformed)?;
    let error = answer.get(HEADER..HEADER + 4).ok_or_else(malformed)?;
    if kind != (libc::NLMSG_ERROR as u16).to_ne_bytes() {
        return Err(malformed());
    }
    match i32::from_ne_bytes(error.try_into().map_err(|_| malformed())?) {
        0 => Ok(()),
        error => Err(Errno::from_raw_os_error(-error).into()),
    }
}

/// A message that grows by attributes.
struct Request {
    bytes: Vec<u8>,
}

impl Request {
    fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0; HEADER];
        let flags = flags | (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self { bytes }
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nested(kind, |request| request.bytes.extend(value));
    }

    /// Length and kind, then what `inner` adds, up to a multiple of four.
    fn nested(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        inner(self);
        // Requests here are far shorter than 64 KiB.
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_aligned_and_know_their_lengths() {
        let mut request = Request::new(libc::RTM_NEWLINK, 0);
        request.nested(7, |request| request.attribute(9, b"abcde"));
        let bytes = request.finish();
        let expected = [
            &32_u32.to_ne_bytes()[..],
            &16_u16.to_ne_bytes(),
            &5_u16.to_ne_bytes(),
            &[0; 8],
            // The outer one holds the inner one with its padding.
            &16_u16.to_ne_bytes(),
            &7_u16.to_ne_bytes(),
            &9_u16.to_ne_bytes(),
            &9_u16.to_ne_bytes(),
            b"abcde\0\0\0",
        ]
        .concat();
        assert_eq!(bytes, expected);
    }

    #[test]
    fn answers_are_taken_at_their_word() {
        let answer = |kind: i32, error: i32| {
            let mut answer = vec![0; HEADER];
            answer[4..6].copy_from_slice(&(kind as u16).to_ne_bytes());
            answer.extend(error.to_ne_bytes());
            acknowledged(&answer)
        };
        answer(libc::NLMSG_ERROR, 0).unwrap();
        let error = answer(libc::NLMSG_ERROR, -libc::EPERM).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(answer(libc::NLMSG_DONE, 0).is_err());
        assert!(acknowledged(&[0; 17]).is_err());
    }

    /// Everyone may look; nobody has a device of this name.
    #[test]
    fn devices_are_found_by_name() {
        Device::named("lo").unwrap();
        assert!(Device::named("pb-nowhere").is_err());
    }
}
