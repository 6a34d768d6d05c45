//! Driving endpoints: our own on every transport, and scripted ones that do everything wrong.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use pushbench_load::drive::plan::{Asking, PollStyle, Publishing, Reading, Reconnect, TimeAt, Tls};
use pushbench_load::drive::{Live, Plan, run};
use pushbench_model::drive::{DriveReport, Ended, FaultKind, StampClock, histogram};
use pushbench_model::schedule::Arrivals;
use pushbench_server::{Config, Server};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, by_name};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn plan(transport: &str, url: String) -> Plan {
    Plan {
        transport: by_name(transport).unwrap(),
        url,
        request: Asking::default(),
        tls: Tls::default(),
        redirects: 3,
        connections: 1,
        ramp: Duration::ZERO,
        duration: Some(Duration::from_secs(20)),
        messages: None,
        patience: Duration::from_secs(10),
        reading: Reading::Opaque,
        reconnect: Reconnect::Never,
        publish: None,
        cores: Vec::new(),
        seed: 1,
    }
}

fn drive(plan: &Plan) -> DriveReport {
    let live = Live::default();
    run(plan, &live, &AtomicBool::new(false)).unwrap()
}

fn count(report: &DriveReport, name: &str) -> u64 {
    report
        .histograms
        .get(name)
        .map_or(0, |histogram| histogram.decode().unwrap().len())
}

fn server(transport: &str, stack: Stack) -> Server {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let transport = by_name(transport).unwrap();
    Server::start(Config {
        transport,
        listen: any,
        control: any,
        cores: Vec::new(),
        shards: 1,
        options: ServeOptions {
            stack,
            ..ServeOptions::default()
        },
    })
    .unwrap()
}

#[test]
fn every_transport_of_ours_with_a_publisher() {
    for name in ["sse", "websocket", "long-poll", "tcp"] {
        for stack in [Stack::Bare, Stack::Reference] {
            let server = server(name, stack);
            let (scheme, path) = by_name(name).unwrap().endpoint();
            let mut plan = plan(name, format!("{scheme}://{}{path}", server.data_addr()));
            plan.connections = 3;
            plan.duration = Some(Duration::from_millis(500));
            plan.publish = Some(Publishing {
                url: format!("http://{}/publish", server.control_addr()),
                headers: Vec::new(),
                rate: 400.0,
                arrivals: Arrivals::Constant,
                payload_bytes: 64,
            });
            let report = drive(&plan);
            let what = format!("{name} on {stack}: {report:?}");
            let published = report.published.unwrap();
            assert_eq!((published.posted, published.failed), (200, 0), "{what}");
            assert_eq!((published.expected, published.missing), (600, 0), "{what}");
            assert_eq!(report.ended, Ended::Time, "{what}");
            assert_eq!(report.messages.received, 600, "{what}");
            let odd = [
                report.messages.lost,
                report.messages.duplicated,
                report.messages.unreadable,
            ];
            assert_eq!(odd, [0; 3], "{what}");
            assert_eq!(report.clock, Some(StampClock::Monotonic));
            assert_eq!(count(&report, histogram::RESPONSE), 600);
            assert_eq!(count(&report, histogram::FIRST_MESSAGE), 3);
            assert_eq!(count(&report, histogram::GAP), 597);
            assert_eq!(count(&report, histogram::LATENESS), 200);
            assert_eq!(
                (report.connections.subscribed, report.connections.at_end),
                (3, 3),
                "{what}"
            );
            assert!(report.faults.is_empty(), "{what}");
            assert!(report.wire_down > report.messages.body_bytes, "{what}");
        }
    }
}

/// Answers each connection as `script` says, given its number and its request, until the test ends.
fn scripted(script: impl Fn(usize, &str, &mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut piece = [0; 1024];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut piece) {
                    Ok(read @ 1..) => request.extend_from_slice(&piece[..read]),
                    _ => break,
                }
            }
            script(number, &String::from_utf8_lossy(&request), &mut stream);
        }
    });
    address
}

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: keep-alive\r\n\r\n";

#[test]
fn what_an_endpoint_does_wrong_is_named() {
    let cases: [(&str, &'static str, FaultKind, &str); 12] = [
        (
            "sse",
            "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "401 (it wants credentials",
        ),
        (
            "sse",
            "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "403",
        ),
        (
            "websocket",
            "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "429 (it limits",
        ),
        (
            "long-poll",
            "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Status,
            "503 (it, or a proxy",
        ),
        (
            "sse",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
            FaultKind::ContentType,
            "\"text/html\"",
        ),
        (
            "sse",
            "HTTP/1.1 302 Go\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Redirect,
            "does not say where",
        ),
        (
            "sse",
            "HTTP/1.1 302 Go\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
            FaultKind::Redirect,
            "more than 3",
        ),
        ("sse", "SSH-2.0-x\r\n", FaultKind::Protocol, "starts with"),
        ("sse", "", FaultKind::Ended, "before it had answered"),
        (
            "websocket",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            FaultKind::Protocol,
            "Sec-WebSocket-Accept",
        ),
        (
            "sse",
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            FaultKind::Protocol,
            "chunk size",
        ),
        (
            "long-poll",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            FaultKind::Protocol,
            "before the end of the body",
        ),
    ];
    for (transport, answer, kind, words) in cases {
        let address = scripted(move |_, _, stream| {
            let _ = stream.write_all(answer.as_bytes());
        });
        let report = drive(&plan(transport, format!("http://{address}/x")));
        assert_eq!(report.ended, Ended::Connections);
        let [fault] = report.faults.as_slice() else {
            panic!("{answer:?}: {:?}", report.faults);
        };
        assert_eq!(
            (fault.kind, fault.count),
            (kind, 1),
            "{answer:?}: {fault:?}"
        );
        assert!(fault.text.contains(words), "{answer:?}: {fault:?}");
    }
}

#[test]
fn silence_endless_heads_and_refusals() {
    let address = scripted(|_, _, stream| {
        let _ = stream.read(&mut [0]);
    });
    let mut silent = plan("sse", format!("http://{address}/"));
    silent.patience = Duration::from_millis(100);
    let report = drive(&silent);
    assert_eq!(report.faults[0].kind, FaultKind::Timeout, "{report:?}");
    assert!(
        report.faults[0]
            .text
            .contains("an answer did not come within 0.1 s"),
        "{report:?}"
    );

    let address = scripted(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-filler: 0123456789abcdef\r\n").is_ok() {}
    });
    let report = drive(&plan("sse", format!("http://{address}/")));
    assert_eq!(report.faults[0].kind, FaultKind::Protocol, "{report:?}");

    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut refused = plan("websocket", format!("ws://{nobody}/"));
    refused.connections = 4;
    let report = drive(&refused);
    assert_eq!(
        (report.faults[0].kind, report.faults[0].count),
        (FaultKind::Connect, 4),
        "{report:?}"
    );
    assert_eq!(
        (report.connections.failed, report.connections.subscribed),
        (4, 0)
    );
}

#[test]
fn a_request_is_what_was_asked_for() {
    let (sender, requests) = std::sync::mpsc::channel();
    let address = scripted(move |number, request, stream| {
        sender.send(request.to_owned()).unwrap();
        let answer = if number == 0 {
            "HTTP/1.1 307 Go\r\nLocation: there?x=1\r\nContent-Length: 0\r\n\r\n".to_owned()
        } else {
            format!("{STREAM}id: 7\ndata: {{\"n\":1}}\n\n: comment\n\ndata: {{\"n\":3}}\n\n")
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let mut plan = plan("sse", format!("http://me:secret@{address}/a/b"));
    plan.request = Asking {
        method: "POST".into(),
        headers: vec![
            ("accept".into(), "text/*".into()),
            ("X-Mine".into(), "1".into()),
        ],
        body: b"{\"stream\":true}".to_vec(),
        last_event_id: Some("5".into()),
        ..Asking::default()
    };
    plan.reading = Reading::Pointers {
        sequence: Some("/n".into()),
        time: None,
    };
    let report = drive(&plan);
    let (first, second) = (requests.recv().unwrap(), requests.recv().unwrap());
    assert!(
        first.starts_with("POST /a/b HTTP/1.1\r\naccept: text/*\r\nX-Mine: 1\r\n"),
        "{first}"
    );
    assert!(
        first.contains("Last-Event-ID: 5\r\n") && first.contains("Content-Length: 15\r\n"),
        "{first}"
    );
    assert!(
        first.contains("Authorization: Basic bWU6c2VjcmV0\r\n") && !first.contains("event-stream"),
        "{first}"
    );
    assert!(
        second.starts_with("POST /a/there?x=1 HTTP/1.1\r\n"),
        "{second}"
    );
    assert_eq!(report.connections.redirects, 1);
    assert_eq!(
        (
            report.messages.received,
            report.messages.numbered,
            report.messages.lost
        ),
        (2, 2, 1),
        "{report:?}"
    );
    assert_eq!(report.clock, None);
    assert!(!format!("{report:?}").contains("secret"));
}

#[test]
fn event_sources_come_back_with_what_they_know_and_only_then() {
    let (sender, requests) = std::sync::mpsc::channel();
    let address = scripted(move |number, request, stream| {
        sender.send(request.to_owned()).unwrap();
        let answer = match number {
            0 => format!("{STREAM}retry: 10\nid: a\ndata: 1\n\n"),
            1 => format!("{STREAM}data: 2\n\n"),
            _ => "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let mut plan = plan("sse", format!("http://{address}/"));
    plan.reconnect = Reconnect::EventSource;
    // The second stream asks for no time of its own, so the last attempt comes after three seconds.
    let report = drive(&plan);
    assert_eq!(report.ended, Ended::Connections);
    let asked: Vec<String> = requests.try_iter().collect();
    let with_id: Vec<bool> = asked
        .iter()
        .map(|request| request.contains("Last-Event-ID: a\r\n"))
        .collect();
    assert_eq!(with_id, [false, true, true]);
    assert_eq!(
        (report.connections.attempts, report.connections.reconnects),
        (3, 2),
        "{report:?}"
    );
    assert_eq!(
        (
            report.connections.subscribed,
            report.connections.ended_by_server
        ),
        (2, 2),
        "{report:?}"
    );
}

#[test]
fn polls_with_validators_and_empty_answers() {
    let (sender, requests) = std::sync::mpsc::channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let answers = [
            "HTTP/1.1 200 OK\r\nLast-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\nETag: 4\r\nContent-Length: 3\r\n\r\none",
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            "HTTP/1.1 408 Timeout\r\nContent-Length: 2\r\n\r\nno",
            "HTTP/1.1 204 Nothing\r\n\r\n",
            "HTTP/1.1 200 OK\r\nETag: 5\r\nContent-Length: 3\r\n\r\ntwo",
        ];
        for answer in answers {
            let mut piece = [0; 2048];
            let read = stream.read(&mut piece).unwrap();
            sender
                .send(String::from_utf8_lossy(&piece[..read]).into_owned())
                .unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
        let _ = stream.read(&mut [0; 2048]);
    });
    let mut plan = plan("long-poll", format!("http://{address}/poll"));
    plan.request.poll = PollStyle::Conditional;
    plan.messages = Some(2);
    let report = drive(&plan);
    assert_eq!(
        (
            report.ended,
            report.messages.received,
            report.messages.without_data
        ),
        (Ended::Messages, 2, 3)
    );
    let asked: Vec<String> = requests.try_iter().collect();
    assert!(!asked[0].contains("If-"), "{asked:?}");
    let validators = "If-Modified-Since: Thu, 01 Jan 1970 00:00:01 GMT\r\nIf-None-Match: 4\r\n";
    assert!(
        asked[1..5]
            .iter()
            .all(|request| request.contains(validators)),
        "{asked:?}"
    );
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, issuer.pem()).unwrap();
    Authority {
        issuer,
        file,
        _directory: directory,
    }
}

/// A server with TLS that sends two events, each connection on a thread of its own.
fn secured(authority: &Authority, name: &str) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &authority.issuer)
        .unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            // A client that does not trust us ends the handshake.
            if stream.read(&mut [0; 2048]).is_ok() {
                let text = format!("{STREAM}data: {{\"t\":1}}\n\ndata: {{\"t\":\"2\"}}\n\n");
                let _ = stream.write_all(text.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

#[test]
fn tls_with_friends_strangers_and_impostors() {
    let (friend, stranger) = (authority(), authority());
    let address = secured(&friend, "localhost");
    let url = format!("https://localhost:{}/", address.port());
    let with = |tls: Tls| {
        let mut plan = plan("sse", url.clone());
        plan.tls = tls;
        plan.reading = Reading::Pointers {
            sequence: None,
            time: Some(TimeAt {
                pointer: "/t".into(),
                unit_ns: 1_000_000,
                unix: false,
            }),
        };
        drive(&plan)
    };
    let trusting = with(Tls {
        ca: Some(friend.file.clone()),
        ..Tls::default()
    });
    assert_eq!(trusting.messages.received, 2, "{trusting:?}");
    assert_eq!(count(&trusting, histogram::SERVICE), 2);
    assert_eq!(count(&trusting, histogram::CONNECT), 1);
    let careless = with(Tls {
        insecure: true,
        ..Tls::default()
    });
    assert_eq!(careless.messages.received, 2, "{careless:?}");
    for tls in [
        Tls {
            ca: Some(stranger.file.clone()),
            ..Tls::default()
        },
        Tls {
            ca: Some(friend.file.clone()),
            server_name: Some("example.org".into()),
            ..Tls::default()
        },
        Tls::default(),
    ] {
        let report = with(tls);
        assert_eq!(
            (report.messages.received, report.connections.failed),
            (0, 1),
            "{report:?}"
        );
        assert_eq!(report.faults[0].kind, FaultKind::Tls, "{report:?}");
    }
    // Plain HTTP where TLS is spoken, and TLS where it is not.
    let plain = drive(&plan("sse", format!("http://{address}/")));
    assert_eq!(plain.connections.failed, 1, "{plain:?}");
    let silent = scripted(|_, _, stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n");
    });
    let mut odd = plan("sse", format!("https://{silent}/"));
    odd.patience = Duration::from_millis(300);
    let odd = drive(&odd);
    assert!(
        matches!(odd.faults[0].kind, FaultKind::Tls | FaultKind::Timeout),
        "{odd:?}"
    );
}

#[test]
fn a_ramp_of_many_and_an_interruption() {
    let server = server("websocket", Stack::Bare);
    let mut plan = plan("websocket", format!("ws://{}/ws", server.data_addr()));
    plan.connections = 200;
    plan.ramp = Duration::from_millis(200);
    plan.duration = None;
    let (live, stop) = (Live::default(), AtomicBool::new(false));
    let report = thread::scope(|scope| {
        let driving = scope.spawn(|| run(&plan, &live, &stop).unwrap());
        while live.snapshot().open < 200 {
            assert!(!driving.is_finished());
            thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        driving.join().unwrap()
    });
    assert_eq!(report.ended, Ended::Interrupted);
    assert_eq!(
        (
            report.connections.subscribed,
            report.connections.most,
            report.connections.at_end
        ),
        (200, 200, 200)
    );
    assert_eq!(count(&report, histogram::CONNECT), 200);
}
