//! What sockets see of the link that this process is in: round trip, loss, rate. For self-tests, which hold it against
//! what the link was made for.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::link::{Link, LinkBy, LinkCounts};
use serde::{Deserialize, Serialize};

use crate::address::{FAR, NEAR};
use crate::network::{LinkError, enter};

/// What to try; nothing of it costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trials {
    /// Round trips.
    pub pings: u32,
    /// Datagrams each way.
    pub datagrams: u32,
    /// How long a stream flows from the server before it is timed, and while it is.
    pub bulk: Option<(Duration, Duration)>,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Round trips of those pings that came back, nanoseconds, in ascending order.
    pub round_trips_ns: Vec<u64>,
    /// The same between the same sockets over loopback: what they and the kernel take without a link.
    pub loopback_ns: Vec<u64>,
    /// Datagrams sent to the server, and how many arrived.
    pub up: [u64; 2],
    /// Datagrams sent by the server, and how many arrived.
    pub down: [u64; 2],
    /// Bytes per second of a stream from the server, without headers.
    pub bytes_per_s: Option<f64>,
    /// What the link itself counted.
    pub counts: LinkCounts,
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is no link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A socket does not do what it must.
    #[error("a socket of the link's check: {0}")]
    Socket(#[from] io::Error),
}

/// Moves this process into a network with `link`, emulated `by`, as [`enter`] does, and looks at it.
///
/// # Errors
///
/// When there is no link, or sockets cannot use it.
pub fn run(link: &Link, by: LinkBy, seed: u64, trials: &Trials) -> Result<Seen, CheckError> {
    let network = enter(&[*link], by, seed)?;
    let before = network.meter().read();
    let patience = patience(link);
    let mut seen = Seen::default();
    if trials.pings > 0 {
        seen.round_trips_ns = round_trips(trials.pings, FAR, patience)?;
        seen.loopback_ns = round_trips(trials.pings, NEAR, patience)?;
    }
    if trials.datagrams > 0 {
        let [up, down] = datagrams(trials.datagrams, patience, one_way_time(link) + PAUSE)?;
        (seen.up, seen.down) = (up, down);
    }
    if let Some((before, timed)) = trials.bulk {
        seen.bytes_per_s = Some(bulk(before, timed, patience)?);
    }
    seen.counts = network.meter().read().since(&before);
    Ok(seen)
}

/// Longer than any packet takes: round trip, jitter both ways, and a machine that is busy.
fn patience(link: &Link) -> Duration {
    Duration::from_micros(link.rtt_us + 2 * link.jitter_us) + Duration::from_millis(500)
}

/// Most that a packet takes in one direction when nothing waits for the rate.
fn one_way_time(link: &Link) -> Duration {
    Duration::from_micros(link.rtt_us / 2 + link.jitter_us)
}

/// A socket's usual buffer of 208 KiB takes several bursts of this many small datagrams, so that what is lost was lost on
/// the link.
const BURST: u32 = 50;
/// Silence after which the rest of a burst counts as lost, beyond the time that the link takes.
const PAUSE: Duration = Duration::from_millis(3);
const DATAGRAM: usize = 32;
/// How often who answers pings looks whether more will come.
const LOOK: Duration = Duration::from_millis(20);

/// A socket at the far end and the way to it, and one here.
fn sockets(patience: Duration) -> io::Result<(UdpSocket, SocketAddr, UdpSocket)> {
    let near = UdpSocket::bind((NEAR, 0))?;
    let here = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let there = SocketAddr::from((FAR, near.local_addr()?.port()));
    for socket in [&near, &here] {
        socket.set_read_timeout(Some(patience))?;
    }
    Ok((near, there, here))
}

/// Whether an error of a read means that nothing came.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn round_trips(pings: u32, to: Ipv4Addr, patience: Duration) -> io::Result<Vec<u64>> {
    let (near, there, here) = sockets(patience)?;
    let there = SocketAddr::from((to, there.port()));
    let done = AtomicBool::new(false);
    near.set_read_timeout(Some(LOOK))?;
    let mut took = thread::scope(|scope| {
        let echo = scope.spawn(|| -> io::Result<()> {
            let mut buffer = [0; DATAGRAM];
            loop {
                match near.recv_from(&mut buffer) {
                    Ok((length, from)) => near.send_to(&buffer[..length], from).map(drop)?,
                    Err(error) if is_silence(&error) && done.load(Ordering::Relaxed) => {
                        return Ok(());
                    }
                    Err(error) if is_silence(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        });
        let mut took = Vec::new();
        for ping in 0..pings {
            let started = Instant::now();
            let answered = here
                .send_to(&ping.to_ne_bytes(), there)
                .and_then(|_| answered(&here, ping))
                .inspect_err(|_| done.store(true, Ordering::Relaxed))?;
            if answered {
                took.push(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
            }
        }
        done.store(true, Ordering::Relaxed);
        echo.join()
            .map_err(|_| io::Error::other("the echo ended"))??;
        Ok::<_, io::Error>(took)
    })?;
    took.sort_unstable();
    Ok(took)
}

/// Waits for the answer to this ping, past late ones to others.
fn answered(socket: &UdpSocket, ping: u32) -> io::Result<bool> {
    let mut buffer = [0; DATAGRAM];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) if buffer[..length] == ping.to_ne_bytes() => return Ok(true),
            Ok(_) => {}
            Err(error) if is_silence(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Up and down: how many were sent, and how many arrived.
fn datagrams(count: u32, patience: Duration, pause: Duration) -> io::Result<[[u64; 2]; 2]> {
    let (near, there, here) = sockets(patience)?;
    // The server learns where to send to from the first that arrives.
    let back = (0..100).find_map(|_| {
        here.send_to(&[1], there).ok()?;
        near.recv_from(&mut [0; DATAGRAM]).ok()
    });
    let Some((_, back)) = back else {
        return Err(io::Error::other("of 100 datagrams none arrived"));
    };
    let up = one_way(count, &here, there, &near, pause)?;
    let down = one_way(count, &near, back, &here, pause)?;
    Ok([up, down].map(|arrived| [count.into(), arrived]))
}

/// How many of `count` arrive.
fn one_way(
    count: u32,
    from: &UdpSocket,
    to: SocketAddr,
    at: &UdpSocket,
    pause: Duration,
) -> io::Result<u64> {
    let (patience, mut arrived, mut sent) = (at.read_timeout()?, 0, 0);
    while sent < count {
        let burst = BURST.min(count - sent);
        for number in sent..sent + burst {
            from.send_to(&number.to_ne_bytes(), to)?;
        }
        sent += burst;
        let wait = if sent < count { Some(pause) } else { patience };
        at.set_read_timeout(wait)?;
        while arrived < u64::from(sent) {
            match at.recv(&mut [0; DATAGRAM]) {
                Ok(_) => arrived += 1,
                Err(error) if is_silence(&error) => break,
                Err(error) => return Err(error),
            }
        }
    }
    at.set_read_timeout(patience)?;
    Ok(arrived)
}

/// Bytes per second that arrive from a server that sends as fast as it can, after a time to gather speed.
fn bulk(gather: Duration, timed: Duration, patience: Duration) -> io::Result<f64> {
    let listener = TcpListener::bind((NEAR, 0))?;
    let there = SocketAddr::from((FAR, listener.local_addr()?.port()));
    thread::scope(|scope| {
        let sending = scope.spawn(|| -> io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let block = [0x70; 1 << 16];
            // The reader goes when it has seen enough.
            while stream.write_all(&block).is_ok() {}
            Ok(())
        });
        let rate = TcpStream::connect_timeout(&there, patience * 10)
            .and_then(|stream| receive(stream, gather, timed, patience * 10));
        if rate.is_err() {
            // Whoever waits for a connection gets one.
            let _ = TcpStream::connect(listener.local_addr()?);
        }
        let sent = sending.join();
        sent.map_err(|_| io::Error::other("the sending ended"))??;
        rate
    })
}

fn receive(
    mut stream: TcpStream,
    gather: Duration,
    timed: Duration,
    patience: Duration,
) -> io::Result<f64> {
    stream.set_read_timeout(Some(patience))?;
    let mut buffer = vec![0; 1 << 16];
    let started = Instant::now();
    let mut first: Option<Instant> = None;
    let mut bytes = 0_u64;
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::Error::other("the stream ended"));
        }
        let now = Instant::now();
        match first {
            None if now - started >= gather => first = Some(now),
            None => {}
            Some(first) => {
                bytes += length as u64;
                if now - first >= timed {
                    return Ok(bytes as f64 / (now - first).as_secs_f64());
                }
            }
        }
    }
}
