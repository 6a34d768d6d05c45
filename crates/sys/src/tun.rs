//! A network device whose other end is this program: each read takes a packet that the kernel sent there, each write
//! hands the kernel one that arrives from there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::ioctl::{self, Opcode, Updater, opcode};

use crate::poller::Bell;
use crate::procfs;

/// Where devices are made.
pub const DOOR: &str = "/dev/net/tun";

/// `TUNSETIFF` of linux/if_tun.h, whose declared argument is an int and whose actual one an `ifreq`.
const SET_DEVICE: Opcode = opcode::write::<libc::c_int>(b'T', 202);
const NAME_BYTES: usize = libc::IFNAMSIZ;
type Request = [u8; size_of::<libc::ifreq>()];

/// The user's end of a TUN device. The device goes with it.
#[derive(Debug)]
pub struct Tun {
    file: File,
    name: String,
}

impl Tun {
    /// A device of bare IP packets, called `name`, in the network that this process is in. It is down.
    ///
    /// # Errors
    ///
    /// When there is no `/dev/net/tun`, this process has no `CAP_NET_ADMIN` over its network, or the name is taken or has
    /// more than 15 bytes.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut request: Request = [0; size_of::<Request>()];
        if name.len() >= NAME_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name:?} is too long for a device: {NAME_BYTES} bytes with a final zero"),
            ));
        }
        request[..name.len()].copy_from_slice(name.as_bytes());
        let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        request[NAME_BYTES..NAME_BYTES + 2].copy_from_slice(&flags.to_ne_bytes());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(DOOR)?;
        set_device(&file, &mut request)?;
        let given = request.iter().take_while(|&&byte| byte != 0);
        let name = String::from_utf8_lossy(&given.copied().collect::<Vec<_>>()).into_owned();
        Ok(Self { file, name })
    }

    /// What the device is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes the next packet, if there is one, and returns its length. What does not fit into `buffer` is cut off.
    ///
    /// # Errors
    ///
    /// When the device is down.
    pub fn take(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match (&self.file).read(buffer) {
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Has a packet arrive.
    ///
    /// # Errors
    ///
    /// When the device is down, the packet is none, or the kernel has no memory for it.
    pub fn give(&self, packet: &[u8]) -> io::Result<()> {
        (&self.file).write_all(packet)
    }

    /// Waits for a packet or the bell, for `timeout` at most and to the nanosecond (for ever with `None`); a signal ends the
    /// wait early.
    ///
    /// # Errors
    ///
    /// When the kernel has no memory for it.
    pub fn wait(&self, bell: &Bell, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let mut files = [
            PollFd::new(self, PollFlags::IN),
            PollFd::new(bell, PollFlags::IN),
        ];
        ready(poll(&mut files, timeout.as_ref()))
    }

    /// Waits for a packet of either device or the bell; a signal ends the wait early.
    ///
    /// # Errors
    ///
    /// When the kernel has no memory for it.
    pub fn wait_either([one, other]: &[Self; 2], bell: &Bell) -> io::Result<()> {
        let mut files = [
            PollFd::new(one, PollFlags::IN),
            PollFd::new(other, PollFlags::IN),
            PollFd::new(bell, PollFlags::IN),
        ];
        ready(poll(&mut files, None))
    }

    /// Packets that the kernel sent to the device and dropped because nobody had taken those before them. Zero where it
    /// cannot be read.
    #[must_use]
    pub fn missed(&self) -> u64 {
        // What a thread sees under /proc/net is its own network; another process's would be elsewhere.
        procfs::read("/proc/thread-self/net/dev").map_or(0, |text| missed(&text, &self.name))
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn ready(polled: rustix::io::Result<usize>) -> io::Result<()> {
    match polled {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// After the name come eight counts of what was received and eight of what was sent, the fourth of which is dropped.
fn missed(table: &str, name: &str) -> u64 {
    let mut lines = table.lines().filter_map(|line| line.split_once(':'));
    let counts = lines.find(|(device, _)| device.trim() == name);
    counts
        .and_then(|(_, counts)| counts.split_ascii_whitespace().nth(11)?.parse().ok())
        .unwrap_or(0)
}

fn set_device(file: &File, request: &mut Request) -> io::Result<()> {
    // SAFETY: for this opcode the kernel reads an `ifreq` and writes one back: `request` has its size and is made of
    // bytes, for which any value is valid.
    #[allow(unsafe_code, reason = "no safe wrapper exists")]
    unsafe {
        ioctl::ioctl(file, Updater::<SET_DEVICE, Request>::new(request))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_packets_are_in_the_twelfth_column() {
        let table = "Inter-| Receive | Transmit\n face |bytes packets errs drop ...\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13\n \
                     pb0:1 2 3 4 5 6 7 8 9 10 11 99 13 14 15 16\n";
        assert_eq!(missed(table, "pb0"), 99);
        assert_eq!(missed(table, "lo"), 12);
        assert_eq!(missed(table, "pb"), 0);
    }

    #[test]
    fn long_names_are_refused() {
        let error = Tun::new("sixteen-letters-").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
