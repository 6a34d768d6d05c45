//! Secured connections, server and load generator in one process: handshakes, records, bytes.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "stage/mod.rs"]
mod stage;

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use pushbench_load::barrier::Free;
use pushbench_load::target::Target;
use pushbench_load::{Config, LoadError, run};
use pushbench_model::measurement::{Measurement, Publisher, TlsCount};
use pushbench_model::theory;
use pushbench_model::tuning::Tuning;
use pushbench_server::{Server, self_made};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, Transport, by_name};

/// What the tests measure; `payload` bytes in each message.
fn fan_out(tls: &str, payload: usize) -> String {
    format!(
        r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[payload]
bytes = {payload}
[server]
tls = "{tls}"
[fan-out]
subscribers = 20
rate = 500.0
arrivals = "poisson"
warm-up-s = {{ quick = 0.02, standard = 1.0, thorough = 1.0 }}
measure-s = {{ quick = 0.1, standard = 1.0, thorough = 1.0 }}
"#
    )
}

fn connect(tls: &str) -> String {
    format!(
        r#"
name = "test"
models = "a test"
expected = "everything arrives"
profiles = ["quick"]
[payload]
bytes = 64
[server]
tls = "{tls}"
[connect]
connections = {{ quick = 40, standard = 1, thorough = 1 }}
warm-up = {{ quick = 5, standard = 5, thorough = 5 }}
in-flight = 4
"#
    )
}

/// The stacks that have TLS, in all their tunings.
fn kinds() -> [ServeOptions; 3] {
    let kind = |stack, tuning| ServeOptions {
        stack,
        tuning,
        tls: Some(self_made().unwrap()),
        ..ServeOptions::default()
    };
    [
        kind(Stack::Bare, Tuning::Equalised),
        kind(Stack::Reference, Tuning::Equalised),
        kind(Stack::Reference, Tuning::Defaults),
    ]
}

fn config(transport: &'static dyn Transport, server: &Server, scenario: &str) -> Config {
    let target = Target::parse(&format!("https://{}", server.data_addr())).unwrap();
    Config {
        target,
        ..stage::config(transport, server, scenario, Publisher::Server)
    }
}

fn measured(
    transport: &'static dyn Transport,
    options: &ServeOptions,
    scenario: &str,
) -> Measurement {
    let server = stage::server(transport, options.clone());
    run(config(transport, &server, scenario), &mut Free).unwrap()
}

/// Everything came, every byte is known, and what was agreed on is what is offered.
fn assert_clean(name: &str, measurement: &Measurement) -> TlsCount {
    assert!(
        measurement.sequence.is_clean(),
        "{name}: {:?} {:?}",
        measurement.sequence,
        measurement.errors
    );
    assert_eq!(measurement.errors, Vec::<String>::new(), "{name}");
    assert_eq!(
        measurement.wire.agrees(),
        Some(true),
        "{name}: {:?} {:?}",
        measurement.wire,
        measurement.tls
    );
    let tls = measurement.tls.clone().unwrap();
    let agreed = (tls.suite.as_str(), tls.group.as_str());
    assert_eq!(agreed, ("TLS13_AES_128_GCM_SHA256", "X25519"), "{name}");
    assert!(tls.records_down > 0, "{name}: {tls:?}");
    tls
}

#[test]
fn a_fan_out_is_secured_on_every_transport_and_stack() {
    for &transport in TRANSPORTS {
        for options in kinds() {
            let name = format!("{} {} {}", transport.name(), options.stack, options.tuning);
            let measurement = measured(transport, &options, &fan_out("full", 64));
            let tls = assert_clean(&name, &measurement);
            assert_eq!(measurement.operations, 1000, "{name}");
            let handshakes = (tls.full, tls.resumed, tls.retried, tls.primed);
            assert_eq!(handshakes, (20, 0, 0, 0), "{name}");
            // Bytes without what TLS adds are those of a trial in clear text: bodies, framing, heads.
            let records = theory::TLS_RECORD * tls.records_down;
            let plain = measurement.wire.bytes_down - records;
            assert!(plain >= 1000 * measurement.body_bytes, "{name}");
            if transport.is_asked_by_number() {
                assert_eq!(
                    Some(tls.records_up),
                    measurement.polls.map(|polls| polls.answered),
                    "{name}"
                );
            } else {
                assert_eq!(tls.records_up, 0, "{name}");
                assert!(tls.records_down <= 1000 * 2, "{name}: {}", tls.records_down);
            }
        }
    }
}

/// Larger than a record, and more than a socket takes at once.
#[test]
fn large_messages_go_in_several_records() {
    for name in ["tcp", "sse", "websocket", "long-poll"] {
        for options in kinds() {
            let scenario = fan_out("full", 200_000).replace("rate = 500.0", "rate = 100.0");
            let measurement = measured(by_name(name).unwrap(), &options, &scenario);
            let name = format!("{name} {} {}", options.stack, options.tuning);
            let tls = assert_clean(&name, &measurement);
            let bytes = measurement.operations * measurement.body_bytes;
            let least = bytes.div_ceil(theory::TLS_LARGEST);
            assert!(tls.records_down >= least, "{name}: {tls:?}");
        }
    }
}

#[test]
fn sessions_are_resumed_where_that_is_wanted() {
    for &transport in TRANSPORTS {
        for options in kinds() {
            let name = format!("{} {} {}", transport.name(), options.stack, options.tuning);
            let measurement = measured(transport, &options, &fan_out("resumed", 64));
            let tls = assert_clean(&name, &measurement);
            assert_eq!((tls.full, tls.resumed, tls.retried), (0, 20, 0), "{name}");
            // One brings two tickets, every further one one more.
            assert_eq!(tls.primed, 19, "{name}");
        }
    }
}

#[test]
fn connections_come_one_by_one_with_full_handshakes_or_resumed() {
    for &transport in TRANSPORTS {
        for options in kinds() {
            let name = format!("{} {} {}", transport.name(), options.stack, options.tuning);
            let full = measured(transport, &options, &connect("full"));
            let resumed = measured(transport, &options, &connect("resumed"));
            let [with, without] = [&full, &resumed].map(|one| assert_clean(&name, one));
            assert_eq!((full.operations, resumed.operations), (40, 40), "{name}");
            assert_eq!((with.full, with.resumed, with.primed), (40, 0, 0), "{name}");
            let handshakes = (without.full, without.resumed, without.primed);
            assert_eq!(handshakes, (0, 40, 3), "{name}");
            // The certificate is in one of them and the ticket in the other.
            assert!(with.handshake_down > without.handshake_down, "{name}");
            assert!(with.handshake_up < without.handshake_up, "{name}");
        }
    }
}

/// Who comes back after a cut makes a handshake again; one that reads slowly is not waited for.
#[test]
fn cuts_and_slow_subscribers_go_with_it() {
    let disturbed = [
        "[fan-out.cuts]\npattern = { each-every-s = 0.1 }\ndelay-s = 0.01\nresume = true\n",
        "[fan-out.slow]\nshare = 0.1\nbytes-per-s = 0\n",
    ];
    for options in &kinds()[..2] {
        for extra in disturbed {
            for tls in ["full", "resumed"] {
                let scenario = fan_out(tls, 64)
                    .replace("quick = 0.1", "quick = 0.6")
                    .replace("rate = 500.0", "rate = 100.0")
                    + extra;
                let measurement = measured(by_name("sse").unwrap(), options, &scenario);
                let name = format!("{} {tls} {extra}", options.stack);
                assert!(measurement.sequence.is_clean(), "{name}: {measurement:?}");
                let count = measurement.tls.unwrap();
                let [right, wrong] = match tls {
                    "full" => [count.full, count.resumed],
                    _ => [count.resumed, count.full],
                };
                let cuts = measurement.cuts.map_or(0, |cuts| cuts.recovered);
                assert_eq!((right, wrong), (20 + cuts, 0), "{name}");
                assert_eq!(cuts > 0, extra.contains("cuts"), "{name}");
            }
        }
    }
}

fn error(config: Config) -> String {
    run(config, &mut Free)
        .expect_err("no measurement")
        .to_string()
}

/// Another certificate than the one that the control endpoint tells is not taken.
#[test]
fn another_certificate_is_refused() {
    for tls in ["full", "resumed"] {
        for name in ["sse", "tcp", "long-poll"] {
            let transport = by_name(name).unwrap();
            let [server, other] = [(); 2].map(|()| stage::server(transport, kinds()[0].clone()));
            let mut config = config(transport, &server, &fan_out(tls, 64));
            config.control =
                stage::config(transport, &other, &fan_out(tls, 64), Publisher::Server).control;
            let error = error(config);
            assert!(error.contains("certificate"), "{name} {tls}: {error}");
        }
    }
}

#[test]
fn who_speaks_no_tls_is_told_apart() {
    let sse = by_name("sse").unwrap();
    let clear = stage::server(sse, ServeOptions::default());
    let secured = stage::server(sse, kinds()[0].clone());
    // The scenario and the URL disagree.
    let mut wrong = config(sse, &secured, &fan_out("full", 64));
    wrong.target.tls = false;
    assert!(error(wrong).contains("--tls"));
    // The server has no certificate to tell.
    assert!(error(config(sse, &clear, &fan_out("full", 64))).contains("/certificate"));
    // It has one, and what listens is another, which speaks clear text.
    let mut other = config(sse, &secured, &fan_out("full", 64));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    other.target.address = listener.local_addr().unwrap();
    let answering = thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in listener.incoming().take(5) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let said = error(other);
    assert!(said.contains("does not speak TLS"), "{said}");
    drop(answering);
    assert!(matches!(
        run(
            Config {
                control: Target::parse("http://127.0.0.1:1").unwrap(),
                ..config(sse, &secured, &fan_out("full", 64))
            },
            &mut Free
        ),
        Err(LoadError::Connect { .. })
    ));
}

/// Whatever is in the way cuts bytes anywhere: one at a time, in both directions.
#[test]
fn bytes_may_be_cut_anywhere() {
    for &transport in TRANSPORTS {
        for options in &kinds()[..2] {
            let server = stage::server(transport, options.clone());
            let mut config = config(
                transport,
                &server,
                &fan_out("full", 64).replace("subscribers = 20", "subscribers = 2"),
            );
            config.target.address = stage_cutter(server.data_addr());
            let measurement = run(config, &mut Free).unwrap();
            let name = format!("{} {}", transport.name(), options.stack);
            let tls = assert_clean(&name, &measurement);
            assert_eq!((measurement.operations, tls.full), (100, 2), "{name}");
        }
    }
}

/// Passes bytes on, a few at a time.
fn stage_cutter(to: std::net::SocketAddr) -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpStream};
    fn pass(mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        let mut sizes = [1, 4, 5, 6, 17, 3, 1200].into_iter().cycle();
        'passing: while let Ok(read @ 1..) = from.read(&mut buffer) {
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
                if to.write_all(piece).is_err() {
                    break 'passing;
                }
                rest = left;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(to).unwrap();
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || pass(client, server));
            thread::spawn(move || pass(back.0, back.1));
        }
    });
    address
}

/// What one server gives is no use at another: the first handshake says so.
#[test]
fn tickets_of_another_server_are_not_taken() {
    let tcp = by_name("tcp").unwrap();
    let identity = Arc::new(self_made().unwrap());
    let trust = pushbench_transport::tls::Trust::new(identity.pem().as_bytes(), true).unwrap();
    let options = ServeOptions {
        tls: Some((*identity).clone()),
        ..kinds()[0].clone()
    };
    let server = stage::server(tcp, options);
    let patience = std::time::Duration::from_secs(10);
    assert_eq!(trust.gather(server.data_addr(), 5, patience), Ok(4));
    assert_eq!(trust.gather(server.data_addr(), 5, patience), Ok(0));
    let stranger = stage::server(tcp, kinds()[0].clone());
    let error = trust.gather(stranger.data_addr(), 9, patience).unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}
