//! What is different between the tunings, and what they must not differ in.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use pushbench_model::tuning::Tuning;
use pushbench_sys::tcp::tcp_info;
use pushbench_transport::hub::Hub;
use pushbench_transport::listener::{Stats, Worker};
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, by_name, hub_for};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::common::{Client, health, server_with};

fn tuned(tuning: Tuning) -> ServeOptions {
    ServeOptions {
        tuning,
        ..ServeOptions::default()
    }
}

/// Health says how the server is set, and what its sockets are really set to.
#[test]
fn nodelay_is_set_where_everything_is_set_alike() {
    for transport in TRANSPORTS {
        let name = transport.name();
        for asked in Tuning::BOTH {
            let server = server_with(name, tuned(asked));
            let _clients = [0; 3].map(|_| Client::connect(server.data_addr()));
            // Nothing tells a client that it was accepted: ask until it was.
            let health = loop {
                let health = health(&server);
                if health.accepted == 3 {
                    break health;
                }
            };
            let tuning = match name {
                "tcp" => Tuning::Fixed,
                _ => asked,
            };
            let nodelay = if tuning == Tuning::Defaults { 0 } else { 3 };
            assert_eq!((health.tuning, health.nodelay), (tuning, nodelay), "{name}");
        }
    }
}

/// A worker on a listener of ours, for what `Server` decides by itself.
struct Bare {
    address: SocketAddr,
    stats: Arc<Stats>,
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Bare {
    /// Linux hands TCP_NODELAY of the listener down to what it accepts. Without Nagle's algorithm a write is a segment of
    /// its own.
    fn with_nodelay(transport: &str, tuning: Tuning, fill: impl FnOnce(&Hub)) -> Self {
        let transport = by_name(transport).unwrap();
        let options = Arc::new(tuned(tuning));
        let hub = hub_for(transport, &options);
        fill(&hub);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        socket2::SockRef::from(&listener)
            .set_tcp_nodelay(true)
            .unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let stats = Arc::new(Stats::default());
        let (stop, shutdown) = watch::channel(false);
        let worker = Worker {
            listener,
            stats: Arc::clone(&stats),
            shutdown,
        };
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, transport.serve(hub, worker, options));
        });
        Self {
            address,
            stats,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.thread.take().unwrap().join().unwrap();
    }
}

const BURST: usize = 200;

/// Segments with payload in which a subscriber got a head and [`BURST`] messages that were ready together, and all bytes
/// after the head.
fn burst(transport: &str, tuning: Tuning, request: &str, len: usize) -> (u32, Vec<u8>) {
    let bare = Bare::with_nodelay(transport, tuning, |hub| {
        for _ in 0..BURST {
            hub.publish(b"some message", false);
        }
    });
    let mut client = Client::connect(bare.address);
    client.ask(request);
    let bytes = client.read(len);
    let segments = tcp_info(client.writer()).unwrap().data_segs_in;
    // What the system gave was read back, not assumed.
    assert_eq!(bare.stats.nodelay.load(Ordering::Relaxed), 1, "{transport}");
    (segments, bytes)
}

/// Equalised, messages that are ready together leave together; with the defaults each is sent and flushed by itself.
#[test]
fn a_burst_is_joined_only_where_everything_is_set_alike() {
    let request = "GET /ws?after=0 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let len = BURST * (2 + "some message".len());
    let (joined, same) = burst("websocket", Tuning::Equalised, request, len);
    let (single, bytes) = burst("websocket", Tuning::Defaults, request, len);
    assert_eq!(bytes, same);
    // The head is one.
    assert_eq!(joined, 2);
    // As many as may be on the way at first (RFC 6928); the kernel joins what has to wait for that.
    assert!(single >= 10, "{single}");
}

/// hyper joins what is ready by itself, as much as fits into one vectored write.
#[test]
fn hyper_joins_a_burst_in_every_tuning() {
    let request = "GET /sse?after=0 HTTP/1.1\r\nHost: x\r\n\r\n";
    let event = |seq| format!("id: {seq}\ndata: some message\n\n").len();
    let len = (1..=BURST).map(|seq| "1c\r\n\r\n".len() + event(seq)).sum();
    let (joined, same) = burst("sse", Tuning::Equalised, request, len);
    let (vectored, bytes) = burst("sse", Tuning::Defaults, request, len);
    assert_eq!(bytes, same);
    assert!(joined <= 2, "{joined}");
    assert!(
        vectored > joined && (vectored as usize) < BURST,
        "{vectored}"
    );
}

/// The buffer is what it is read into, and nothing else: the same bytes come, and more than it holds is understood.
#[test]
fn a_read_buffer_of_any_size_serves() {
    for tuning in Tuning::BOTH {
        for ws_read_buffer in [Some(16), Some(4096), Some(1 << 20)] {
            let options = ServeOptions {
                ws_read_buffer,
                ..tuned(tuning)
            };
            let server = server_with("websocket", options);
            let mut client = Client::connect(server.data_addr());
            client.ask(
                "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            );
            // A text of 100 bytes, then a ping, both masked with zeros.
            client.send([&[0x81, 0x80 | 100, 0, 0, 0, 0][..], &[b'x'; 100]].concat());
            client.send([0x89, 0x81, 0, 0, 0, 0, b'y']);
            client.expect([0x8a, 1, b'y']);
            server.hub().publish(&[b'z'; 100], false);
            client.expect([&[0x81, 100][..], &[b'z'; 100]].concat());
        }
    }
}
