//! Secured servers as an ordinary client sees them, and what peers can do to them that mean harm. The client is rustls as it
//! comes, with the certificate as the only authority; nothing here uses the client's half of this suite.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "contract/common.rs"]
#[allow(dead_code, reason = "not every test program needs all of it")]
mod common;
#[path = "hostile/wire.rs"]
#[allow(dead_code, reason = "not every test program needs all of it")]
mod wire;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::tuning::Tuning;
use pushbench_server::{Config, ServeError, Server, self_made};
use pushbench_transport::stack::{Overflow, Stack};
use pushbench_transport::tls::Identity;
use pushbench_transport::transport::{ServeOptions, by_name};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use common::{Client, server_with, text};
use wire::{LONG_POLL, PUSHED, Wire};

const PATIENCE: Duration = Duration::from_secs(30);

fn kinds(identity: &Identity) -> [ServeOptions; 3] {
    [
        (Stack::Bare, Tuning::Equalised),
        (Stack::Reference, Tuning::Equalised),
        (Stack::Reference, Tuning::Defaults),
    ]
    .map(|(stack, tuning)| ServeOptions {
        stack,
        tuning,
        tls: Some(identity.clone()),
        ..ServeOptions::default()
    })
}

/// A client that trusts who is in `pem`, and speaks these versions.
fn trusting(pem: &str, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

type Secured = StreamOwned<ClientConnection, TcpStream>;

fn connect(server: &Server, config: &Arc<ClientConfig>) -> Secured {
    let stream = TcpStream::connect(server.data_addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(
        ClientConnection::new(Arc::clone(config), name).unwrap(),
        stream,
    )
}

/// Asks for everything that is new; what the server says first is read.
fn subscribe(wire: &Wire, mut client: Secured) -> Secured {
    client.write_all(wire.request).unwrap();
    if wire.transport == "tcp" {
        client.read_exact(&mut [0; 8]).unwrap();
        return client;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    client
}

fn expect(client: &mut Secured, bytes: &[u8]) {
    let mut got = vec![0; bytes.len()];
    client.read_exact(&mut got).unwrap();
    assert!(got == bytes, "{} bytes differ", bytes.len());
}

/// Publishes, and waits until `client` has it.
fn deliver(server: &Server, wire: &Wire, client: &mut Secured, seq: u64, body: &[u8]) {
    server.hub().publish(body, false);
    expect(client, &(wire.frame)(seq, body));
}

#[test]
fn an_ordinary_client_reads_the_same_bytes_as_in_clear_text() {
    let identity = self_made().unwrap();
    let config = trusting(identity.pem(), &[&rustls::version::TLS13]);
    for wire in PUSHED {
        for options in kinds(&identity) {
            let server = server_with(wire.transport, options);
            let mut client = subscribe(&wire, connect(&server, &config));
            assert_eq!(
                client.conn.protocol_version(),
                Some(ProtocolVersion::TLSv1_3)
            );
            for (seq, len) in (1..).zip([0, 64, 125, 1024, 40_000]) {
                deliver(&server, &wire, &mut client, seq, &text(len));
            }
        }
    }
}

#[test]
fn strangers_and_old_versions_are_refused() {
    let [identity, stranger] = [(); 2].map(|()| self_made().unwrap());
    let old = trusting(identity.pem(), &[&rustls::version::TLS12]);
    let other = trusting(stranger.pem(), &[&rustls::version::TLS13]);
    for options in kinds(&identity) {
        let server = server_with("sse", options);
        for (config, why) in [(&old, "version"), (&other, "certificate")] {
            let mut client = connect(&server, config);
            let failed = client.write_all(b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
            let said = failed.unwrap_err().to_string().to_lowercase();
            assert!(said.contains(why), "{said}");
        }
    }
}

#[test]
fn the_certificate_is_told_where_there_is_one() {
    let ask = |server: &Server| {
        let mut client = Client::connect(server.control_addr());
        client.send(b"GET /certificate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        client.head()
    };
    let identity = self_made().unwrap();
    let secured = server_with("tcp", kinds(&identity)[0].clone());
    let length = format!("content-length: {}\r\n", identity.pem().len());
    let head = ask(&secured);
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains(&length),
        "{head}"
    );
    let clear = server_with("tcp", ServeOptions::default());
    assert!(ask(&clear).starts_with("HTTP/1.1 404 "));
}

#[test]
fn the_framework_says_that_it_cannot() {
    let any = "127.0.0.1:0".parse().unwrap();
    let refused = Server::start(Config {
        transport: by_name("sse").unwrap(),
        listen: any,
        control: any,
        cores: vec![],
        shards: 1,
        options: ServeOptions {
            stack: Stack::Axum,
            tls: Some(self_made().unwrap()),
            ..ServeOptions::default()
        },
    });
    assert!(matches!(refused, Err(ServeError::Tls(Stack::Axum))));
}

/// Reads until the server has ended the connection, however it did that.
fn until_the_end(mut stream: &TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Ok(_) => all,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => all,
        Err(error) => panic!("the server does not end it: {error}"),
    }
}

/// Clear text, nonsense, and a first record that never ends: each is ended, and who is healthy notices nothing.
#[test]
fn what_is_no_handshake_is_ended() {
    let identity = self_made().unwrap();
    let config = trusting(identity.pem(), &[&rustls::version::TLS13]);
    for wire in PUSHED {
        for options in kinds(&identity) {
            let server = server_with(
                wire.transport,
                ServeOptions {
                    header_timeout_ms: 500,
                    ..options
                },
            );
            let mut healthy = subscribe(&wire, connect(&server, &config));
            // Of these the server knows at once that they are no TLS.
            let nonsense: [&[u8]; 4] = [
                b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n",
                &[0xff; 64],
                &[22, 3, 1, 0xff, 0xff, 0, 0, 0, 0, 0],
                // A handshake message that claims to have 16 MB.
                &[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
            ];
            for bytes in nonsense {
                let mut peer = TcpStream::connect(server.data_addr()).unwrap();
                peer.write_all(bytes).unwrap();
                let said = until_the_end(&peer);
                // If it says anything, then an alert.
                assert!(
                    said.is_empty() || said[0] == 21,
                    "{}: {said:?}",
                    wire.transport
                );
            }
            // These only a clock tells from slow ones: the beginning of a ClientHello, and nothing at all.
            let begun = Instant::now();
            let mut hello = Vec::new();
            let name = ServerName::try_from("localhost").unwrap();
            let mut tls = ClientConnection::new(Arc::clone(&config), name).unwrap();
            tls.write_tls(&mut hello).unwrap();
            for bytes in [&hello[..hello.len() - 1], &hello, &[]] {
                let mut peer = TcpStream::connect(server.data_addr()).unwrap();
                peer.write_all(bytes).unwrap();
                until_the_end(&peer);
            }
            assert!(begun.elapsed() >= Duration::from_millis(500));
            deliver(&server, &wire, &mut healthy, 1, &text(1000));
        }
    }
}

/// After the handshake: a record that nobody has encrypted ends its connection and no other.
#[test]
fn garbage_between_records_ends_one_connection() {
    let identity = self_made().unwrap();
    let config = trusting(identity.pem(), &[&rustls::version::TLS13]);
    for wire in PUSHED {
        for options in kinds(&identity) {
            let server = server_with(wire.transport, options);
            let mut healthy = subscribe(&wire, connect(&server, &config));
            let mut forged = vec![23, 3, 3, 0, 40];
            forged.extend([7; 40]);
            for garbage in [&forged[..], &[0xff; 64], b"\x17\x03\x03\xff\xff"] {
                let peer = subscribe(&wire, connect(&server, &config));
                (&peer.sock).write_all(garbage).unwrap();
                until_the_end(&peer.sock);
            }
            deliver(&server, &wire, &mut healthy, 1, &text(1000));
        }
    }
}

/// A poll in one piece with the end of its client's side is not held: nobody waits for its answer.
#[test]
fn a_poll_with_the_end_behind_it_is_let_go() {
    let identity = self_made().unwrap();
    let config = trusting(identity.pem(), &[&rustls::version::TLS13]);
    let [bare, ..] = kinds(&identity);
    let server = server_with("long-poll", bare);
    server.hub().publish(b"one", false);
    let mut client = subscribe(&LONG_POLL, connect(&server, &config));
    expect(&mut client, b"one\n");
    let next = b"GET /poll?after=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    client.conn.writer().write_all(next).unwrap();
    client.conn.send_close_notify();
    let mut records = Vec::new();
    while client.conn.wants_write() {
        client.conn.write_tls(&mut records).unwrap();
    }
    (&client.sock).write_all(&records).unwrap();
    assert_eq!(until_the_end(&client.sock), [0_u8; 0]);
}

/// Who stops to read is let go when the ring has run past it, and the others have everything.
#[test]
fn who_stops_to_read_is_let_go() {
    let identity = self_made().unwrap();
    let config = trusting(identity.pem(), &[&rustls::version::TLS13]);
    for wire in PUSHED {
        for options in kinds(&identity) {
            let server = server_with(wire.transport, options);
            let mut healthy = subscribe(&wire, connect(&server, &config));
            let stopped = subscribe(&wire, connect(&server, &config));
            let body = text(48 * 1024);
            let mut seq = 0;
            let deadline = Instant::now() + PATIENCE;
            while server.hub().lagged() == 0 {
                seq += 1;
                deliver(&server, &wire, &mut healthy, seq, &body);
                assert!(
                    Instant::now() < deadline,
                    "{}: {seq} messages",
                    wire.transport
                );
            }
            assert_eq!(server.hub().lagged(), 1);
            drop(stopped);
            deliver(&server, &wire, &mut healthy, seq + 1, b"still there");
        }
    }
}

/// What is in records already counts to the queue: who stops is let go after as many messages as sockets hold, and few more, unless
/// everything is kept for it.
#[test]
fn a_short_queue_bounds_who_stops_to_read() {
    let identity = self_made().unwrap();
    let config = trusting(identity.pem(), &[&rustls::version::TLS13]);
    for overflow in Overflow::ALL {
        let server = server_with(
            "sse",
            ServeOptions {
                queue: 10,
                overflow,
                ..kinds(&identity)[0].clone()
            },
        );
        let mut healthy = subscribe(&wire::SSE, connect(&server, &config));
        let stopped = subscribe(&wire::SSE, connect(&server, &config));
        let body = text(48 * 1024);
        for seq in 1..=400 {
            deliver(&server, &wire::SSE, &mut healthy, seq, &body);
        }
        let health = common::health(&server);
        match overflow {
            Overflow::Disconnect => assert_eq!((health.lagged, health.dropped), (1, 0)),
            Overflow::Keep => {
                assert_eq!((health.lagged, health.dropped), (0, 0));
                let mut stopped = stopped;
                for seq in 1..=400 {
                    let mut got = vec![0; (wire::SSE.frame)(seq, &body).len()];
                    stopped.read_exact(&mut got).unwrap();
                    assert!(got == (wire::SSE.frame)(seq, &body), "{seq}");
                }
            }
            Overflow::DropOldest => {
                assert!(health.lagged == 0 && health.dropped > 100, "{health:?}");
                // What it reads at last is whole messages, and the newest among them.
                let mut stopped = stopped;
                let last = (wire::SSE.frame)(400, &body);
                let mut got = Vec::new();
                while !got.ends_with(&last) {
                    let mut buffer = vec![0; 64 * 1024];
                    let read = stopped.read(&mut buffer).unwrap();
                    got.extend_from_slice(&buffer[..read]);
                }
                let one = last.len();
                let few = got.len().div_ceil(one) as u64;
                assert!(few + health.dropped >= 400 && few < 300, "{few} {health:?}");
            }
        }
    }
}

/// A handshake that comes byte by byte is one all the same.
#[test]
fn a_handshake_may_come_byte_by_byte() {
    let identity = self_made().unwrap();
    let config = trusting(identity.pem(), &[&rustls::version::TLS13]);
    for options in kinds(&identity) {
        let server = server_with("sse", options);
        let mut client = connect(&server, &config);
        client.sock.set_nodelay(true).unwrap();
        while client.conn.is_handshaking() {
            let mut flight = Vec::new();
            while client.conn.wants_write() {
                client.conn.write_tls(&mut flight).unwrap();
            }
            for byte in flight {
                client.sock.write_all(&[byte]).unwrap();
                thread::yield_now();
            }
            if client.conn.wants_read() {
                client.conn.read_tls(&mut client.sock).unwrap();
                client.conn.process_new_packets().unwrap();
            }
        }
        let mut client = subscribe(&wire::SSE, client);
        deliver(&server, &wire::SSE, &mut client, 1, b"hello");
    }
}
