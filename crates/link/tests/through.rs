//! Real sockets through a real link. Each check is a process of its own, because a process can move into another network
//! once, and only before it has a second thread: this program starts itself with the name of a check.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

use std::env;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use pushbench_link::check::{self, Trials};
use pushbench_link::{FAR, LinkError, NEAR, Network, NotTaken, SEEN, enter};
use pushbench_model::deaths::Deaths;
use pushbench_model::link::{DirectionCounts, Link, LinkBy, LinkCounts};
use pushbench_sys::clock;
use pushbench_sys::netlink::{Device, QueueCounts};
use pushbench_sys::sockets::established_with;
use pushbench_sys::tcp::set_user_timeout;
use socket2::SockRef;

const CHECKS: [(&str, fn()); 10] = [
    ("bytes_arrive_intact_over_a_link_that_loses_some", intact),
    ("a_round_trip_takes_at_least_what_was_asked_for", round_trip),
    ("no_less_is_lost_than_the_link_says", lost),
    ("a_stream_takes_the_time_that_its_rate_says", rate),
    (
        "what_is_started_from_there_is_in_the_same_network",
        children,
    ),
    ("who_is_gone_is_neither_heard_nor_told", gone),
    ("packets_take_the_link_that_is_taken", switched),
    (
        "senders_use_what_the_link_says_while_it_is_taken",
        congested,
    ),
    ("a_stopped_link_carries_nothing", stopped),
    ("a_queue_is_set_and_counted_and_goes_again", queue),
];

/// Set for a process that is to do one check.
const ONE: &str = "PUSHBENCH_LINK_CHECK";
/// Set besides: who emulates the link.
const BY: &str = "PUSHBENCH_LINK_CHECK_BY";
/// Exit code of a check that cannot be made here.
const IMPOSSIBLE: u8 = 77;

fn main() -> ExitCode {
    if let Ok(name) = env::var(ONE) {
        let (_, check) = CHECKS.iter().find(|(known, _)| *known == name).unwrap();
        check();
        return ExitCode::SUCCESS;
    }
    let mut arguments = env::args().skip(1).filter(|word| !word.starts_with('-'));
    let wanted = arguments.next().unwrap_or_default();
    let mut failed = 0;
    for (name, by) in CHECKS
        .iter()
        .filter(|(name, _)| name.contains(&wanted))
        .flat_map(|(name, _)| [(name, LinkBy::Userspace), (name, LinkBy::Netem)])
    {
        let status = Command::new(env::current_exe().unwrap())
            .env(ONE, name)
            .env(BY, by.label())
            .status()
            .unwrap();
        let word = match status.code() {
            Some(0) => "ok",
            Some(code) if code == i32::from(IMPOSSIBLE) => "skipped",
            _ => "FAILED",
        };
        eprintln!("test {name} by {by} ... {word}");
        failed += usize::from(word == "FAILED");
    }
    ExitCode::from(u8::from(failed > 0))
}

/// Who emulates the links of this process.
fn by() -> LinkBy {
    env::var(BY).unwrap().parse().unwrap()
}

fn network(link: &str) -> Network {
    network_of(&[link])
}

fn network_of(links: &[&str]) -> Network {
    let links: Vec<Link> = links.iter().map(|link| link.parse().unwrap()).collect();
    match enter(&links, by(), 7) {
        Ok(network) => network,
        Err(error) => impossible(&error),
    }
}

fn impossible(error: &LinkError) -> ! {
    eprintln!("{error}");
    std::process::exit(IMPOSSIBLE.into())
}

fn seen(link: &str, trials: &Trials) -> check::Seen {
    match check::run(&link.parse::<Link>().unwrap(), by(), 7, trials) {
        Ok(seen) => seen,
        Err(check::CheckError::Link(error)) => impossible(&error),
        Err(error) => panic!("{error}"),
    }
}

/// Packets of one direction that did not arrive, whoever counted them.
fn dropped(lane: &DirectionCounts) -> u64 {
    match by() {
        LinkBy::Userspace => lane.lost.unwrap() + lane.queue_full.unwrap(),
        LinkBy::Netem => lane.dropped.unwrap(),
    }
}

/// All that entered has come to an end of some kind.
fn assert_adds_up(counts: &LinkCounts) {
    for lane in [&counts.up, &counts.down] {
        assert_eq!(lane.packets, dropped(lane) + lane.delivered, "{counts:?}");
    }
}

/// Both ways at once, each byte another one.
fn intact() {
    const BYTES: usize = 600_000;
    let network = network(match by() {
        LinkBy::Userspace => "rtt=4ms,loss=2%,jitter=1ms,rate=200mbit,reorder=1%",
        LinkBy::Netem => "rtt=4ms,loss=2%,jitter=1ms,rate=200mbit",
    });
    let before = network.meter().read();
    let block: Vec<u8> = (0..BYTES).map(|i| (i * 31 % 251) as u8).collect();
    let listener = TcpListener::bind((NEAR, 0)).unwrap();
    let there = (FAR, listener.local_addr().unwrap().port());
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), SEEN);
            let mut received = vec![0; BYTES];
            stream.read_exact(&mut received).unwrap();
            stream.write_all(&received).unwrap();
        });
        let mut stream = TcpStream::connect(there).unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), FAR);
        stream.write_all(&block).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        assert!(received == block, "{} bytes came back", received.len());
    });
    thread::sleep(Duration::from_millis(50));
    let counts = network.meter().read().since(&before);
    assert_adds_up(&counts);
    for lane in [counts.up, counts.down] {
        assert!(
            lane.bytes > BYTES as u64 && dropped(&lane) > 0,
            "{counts:?}"
        );
    }
}

fn round_trip() {
    let trials = Trials {
        pings: 20,
        ..Trials::default()
    };
    let seen = seen("rtt=20ms", &trials);
    assert_eq!(seen.round_trips_ns.len(), 20);
    assert!(seen.round_trips_ns[0] >= 20_000_000, "{seen:?}");
    assert!(seen.round_trips_ns[19] < 1_000_000_000, "{seen:?}");
    assert_adds_up(&seen.counts);
}

/// Sockets and link count the same, and what was asked for is within five standard errors.
fn lost() {
    let trials = Trials {
        datagrams: 4000,
        ..Trials::default()
    };
    let seen = seen("rtt=2ms,loss=5%", &trials);
    assert_adds_up(&seen.counts);
    assert_eq!(seen.counts.missed, 0);
    for ([sent, arrived], counts) in [(seen.up, seen.counts.up), (seen.down, seen.counts.down)] {
        let lost = sent - arrived;
        assert!((131..=269).contains(&lost), "{lost} of {sent}");
        // One more datagram went up, or some more until one arrived, to say where to send to.
        assert!(
            counts.packets - sent <= 5 && dropped(&counts) - lost <= 5,
            "{seen:?}"
        );
    }
}

/// 10 Mbit/s of 1500-byte packets with 1448 bytes of a stream in each are 1.207 MB/s, and never more.
fn rate() {
    let trials = Trials {
        bulk: Some((Duration::from_millis(300), Duration::from_millis(700))),
        ..Trials::default()
    };
    let seen = seen("rtt=10ms,rate=10mbit", &trials);
    let most = 10e6 / 8.0 * 1448.0 / 1500.0;
    let rate = seen.bytes_per_s.unwrap();
    // A read can come late and another in time: 64 KiB more or less are possible.
    assert!(rate < most + 65_536.0 / 0.7, "{rate} of {most}");
    assert!(rate > most * 0.5, "{rate} of {most}");
    assert!(seen.counts.down.packets > 500, "{seen:?}");
}

fn children() {
    let _network = network("rtt=1ms");
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    let child = Command::new("readlink").arg("/proc/self/ns/net").output();
    let theirs = child.unwrap().stdout;
    assert_eq!(
        String::from_utf8(theirs).unwrap().trim(),
        own.to_string_lossy()
    );
    let devices = std::fs::read_to_string("/proc/net/dev").unwrap();
    let own = match by() {
        LinkBy::Userspace => 1,
        LinkBy::Netem => 2,
    };
    assert_eq!(
        devices.lines().count(),
        3 + own,
        "two lines of titles, lo, pb0 and perhaps pb1: {devices}"
    );
}

/// Two connections, one of which loses its network: its peer's kernel gives it up by its user timeout, and the other goes on.
fn gone() {
    let network = network("rtt=1ms");
    let before = network.meter().read();
    let listener = TcpListener::bind((NEAR, 0)).unwrap();
    let there = (FAR, listener.local_addr().unwrap().port());
    let mut dying = TcpStream::connect(there).unwrap();
    let (mut left, _) = listener.accept().unwrap();
    let mut living = TcpStream::connect(there).unwrap();
    let (mut held, _) = listener.accept().unwrap();
    let exchange = |near: &mut TcpStream, far: &mut TcpStream| {
        let mut byte = [0];
        near.write_all(&[7]).unwrap();
        far.read_exact(&mut byte).unwrap();
        far.write_all(&byte).unwrap();
        near.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [7]);
    };
    exchange(&mut dying, &mut left);
    set_user_timeout(&left, Duration::from_millis(700)).unwrap();

    let port = dying.local_addr().unwrap().port();
    let server = listener.local_addr().unwrap().port();
    let until = network
        .meter()
        .outage()
        .begin(Deaths::from([(port, clock::now())]));
    assert!(established_with(server).unwrap().contains(&port));
    exchange(&mut living, &mut held);
    let started = Instant::now();
    left.write_all(&[8]).unwrap();
    dying.write_all(&[9]).unwrap();
    let error = left.read(&mut [0]).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(110), "ETIMEDOUT: {error}");
    assert!(started.elapsed() >= Duration::from_millis(700));
    assert!(!established_with(server).unwrap().contains(&port));
    let living_port = living.local_addr().unwrap().port();
    assert!(established_with(server).unwrap().contains(&living_port));
    // Nothing of it has arrived.
    dying
        .set_read_timeout(Some(Duration::from_millis(10)))
        .unwrap();
    assert!(dying.read(&mut [0]).is_err());
    // Acknowledgements may still be on their way, for half a millisecond.
    thread::sleep(Duration::from_millis(50));
    let counts = network.meter().read().since(&before);
    assert!(counts.gone >= 4, "{counts:?}");
    assert_adds_up(&counts);

    // With its network back it hears that nobody knows it any more.
    drop(until);
    dying
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let error = dying.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

/// One connection whose bytes go back and forth, over each link in turn and back over the first.
fn switched() {
    let links = ["rtt=10ms", "rtt=60ms"];
    let network = network_of(&links);
    let listener = TcpListener::bind((NEAR, 0)).unwrap();
    let mut near = TcpStream::connect((FAR, listener.local_addr().unwrap().port())).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    for (link, least) in [(links[0], 10), (links[1], 60), (links[0], 10)] {
        network.junction().take(&link.parse().unwrap()).unwrap();
        let before = network.meter().read();
        let started = Instant::now();
        let mut byte = [7];
        near.write_all(&byte).unwrap();
        far.read_exact(&mut byte).unwrap();
        far.write_all(&byte).unwrap();
        near.read_exact(&mut byte).unwrap();
        assert!(started.elapsed() >= Duration::from_millis(least), "{link}");
        let counts = network.meter().read().since(&before);
        assert!(
            counts.up.packets >= 1 && counts.down.packets >= 1,
            "{counts:?}"
        );
    }
    let unknown = network.junction().take(&"rtt=1ms".parse().unwrap());
    assert!(matches!(unknown, Err(NotTaken::Unknown(_))), "{unknown:?}");
}

/// Connections use the congestion control of the link that is taken when they are opened and accepted, one that listens
/// all the time notwithstanding, and the usual one otherwise.
fn congested() {
    let links = ["rtt=1ms", "rtt=1ms,congestion=reno"];
    let network = network_of(&links);
    let listener = TcpListener::bind((NEAR, 0)).unwrap();
    let there = (FAR, listener.local_addr().unwrap().port());
    let used = || {
        let near = TcpStream::connect(there).unwrap();
        let (far, _) = listener.accept().unwrap();
        let used = [near, far].map(|end| SockRef::from(&end).tcp_congestion().unwrap());
        used.map(|name| String::from_utf8(name).unwrap().replace('\0', ""))
    };
    let usual = used();
    let take = |link: &str| network.junction().take(&link.parse().unwrap()).unwrap();
    take(links[1]);
    assert_eq!(used(), ["reno", "reno"]);
    take(links[0]);
    assert_eq!(used(), usual);
    take(links[1]);
    network.junction().leave().unwrap();
    assert_eq!(used(), usual);
}

fn stopped() {
    drop(network("rtt=1ms"));
    let listener = TcpListener::bind((NEAR, 0)).unwrap();
    let there = (FAR, listener.local_addr().unwrap().port());
    let started = Instant::now();
    let error = TcpStream::connect(there).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{error}");
    // Loopback is another way, and still there.
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();
}

/// What netem is set with, in every kernel: a queue that has room for nothing drops every packet, until it is gone.
fn queue() {
    let network = network("rtt=1ms");
    let device = Device::named("pb0").unwrap();
    if by() == LinkBy::Netem {
        device.remove_queue().unwrap();
    }
    device.take_single_packets().unwrap();
    let unknown = device.set_queue("pb-nothing", &[]).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound, "{unknown}");
    // `tc_fifo_qopt`: a limit of so many packets.
    device.set_queue("pfifo", &1_u32.to_ne_bytes()).unwrap();
    let twice = device.set_queue("pfifo", &1_u32.to_ne_bytes());
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(device.queue_counts().unwrap(), QueueCounts::default());
    device.remove_queue().unwrap();
    assert!(device.remove_queue().is_err(), "the device's own stays");
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    device.set_queue("pfifo", &0_u32.to_ne_bytes()).unwrap();
    let before = network.meter().read();
    for _ in 0..3 {
        // The kernel may say so, or not.
        let _ = socket.send_to(&[1], (FAR, 9));
    }
    let counts = device.queue_counts().unwrap();
    assert_eq!((counts.waiting, counts.dropped), (0, 3));
    assert_eq!(network.meter().read().since(&before).up.delivered, 0);
}
