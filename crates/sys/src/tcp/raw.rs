//! `TCP_INFO` as the kernel lays it out.

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `struct tcp_info` of the Linux UAPI (`linux/tcp.h`) as far as Linux 4.19 had it, because libc's stops
/// at 2.6. Fields are only ever appended, and the kernel copies no more than it is given room for.
#[repr(C)]
#[derive(Debug, Default)]
pub(super) struct TcpInfo {
    /// State, congestion state, retransmits, probes, backoff, options and two bytes of bit fields.
    _flags: [u8; 8],
    _rto: u32,
    _ato: u32,
    pub(super) snd_mss: u32,
    _rcv_mss: u32,
    pub(super) unacked: u32,
    _sacked: u32,
    _lost: u32,
    _retrans: u32,
    _fackets: u32,
    _last_data_sent: u32,
    _last_ack_sent: u32,
    pub(super) last_data_recv: u32,
    _last_ack_recv: u32,
    _pmtu: u32,
    _rcv_ssthresh: u32,
    pub(super) rtt: u32,
    pub(super) rttvar: u32,
    _snd_ssthresh: u32,
    _snd_cwnd: u32,
    _advmss: u32,
    _reordering: u32,
    _rcv_rtt: u32,
    _rcv_space: u32,
    pub(super) total_retrans: u32,
    _pacing_rate: u64,
    _max_pacing_rate: u64,
    pub(super) bytes_acked: u64,
    pub(super) bytes_received: u64,
    pub(super) segs_out: u32,
    pub(super) segs_in: u32,
    pub(super) notsent_bytes: u32,
    pub(super) min_rtt: u32,
    pub(super) data_segs_in: u32,
    pub(super) data_segs_out: u32,
    _delivery_rate: u64,
    pub(super) busy_time: u64,
    pub(super) rwnd_limited: u64,
    pub(super) sndbuf_limited: u64,
    _delivered: u32,
    _delivered_ce: u32,
    pub(super) bytes_sent: u64,
    pub(super) bytes_retrans: u64,
}

// The offsets of the C header, so that a field left out above can not shift the rest unseen.
const _: () = assert!(offset_of!(TcpInfo, total_retrans) == 100);
const _: () = assert!(offset_of!(TcpInfo, bytes_acked) == 120);
const _: () = assert!(offset_of!(TcpInfo, bytes_sent) == 200);
const _: () = assert!(size_of::<TcpInfo>() == 216);

#[allow(unsafe_code, reason = "rustix has no TCP_INFO")]
pub(super) fn tcp_info(fd: BorrowedFd<'_>) -> io::Result<TcpInfo> {
    let mut info = TcpInfo::default();
    let mut len = size_of::<TcpInfo>() as libc::socklen_t;
    // SAFETY: `fd` is open for as long as it is borrowed; the kernel writes at most `len` bytes to
    // `info`, which is that large, ours alone, and made of integers that any bytes are valid for.
    let code = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut len,
        )
    };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    if (len as usize) < size_of::<TcpInfo>() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "this kernel gives {len} of the {} bytes of TCP_INFO that hold the byte counters: \
                 use Linux 4.19 or newer",
                size_of::<TcpInfo>()
            ),
        ));
    }
    Ok(info)
}
