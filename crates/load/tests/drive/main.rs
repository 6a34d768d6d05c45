//! Driving endpoints: our own on every transport, and scripted ones that do everything wrong.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod ending;
mod scripted;
mod tls;

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
