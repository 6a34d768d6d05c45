//! Connections that are cut in the middle: each transport asks for what it has missed.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use pushbench_model::drive::Ended;

use crate::common::Stage;
use crate::driven;
use crate::endpoint::Served;

/// After so many bytes of a server the connections through the relay are cut, one after the other; later ones are not. Each lets a message
/// pass, and most end within one: a message is longer than 170 bytes, with 64 of payload.
const CUTS: [usize; 6] = [1_000, 1_401, 2_222, 3_003, 1_777, 1_234];

/// Word of the command line, name in reports, path.
const ALL: [(&str, &str, &str); 4] = [
    ("sse", "sse", "/sse"),
    ("ws", "websocket", "/ws"),
    ("poll", "long-poll", "/poll"),
    ("tcp", "tcp", ""),
];

/// Passes on what goes between a client and the server at `to`, and cuts. Listens until the test process ends.
fn relay(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (index, client) in listener.incoming().enumerate() {
            let budget = CUTS.get(index).copied().unwrap_or(usize::MAX);
            // That one side has gone is what this is about.
            thread::spawn(move || drop(pass(client.unwrap(), to, budget)));
        }
    });
    address
}

fn pass(mut client: TcpStream, to: SocketAddr, mut budget: usize) -> std::io::Result<()> {
    let mut server = TcpStream::connect(to)?;
    let (mut asks, mut asked) = (client.try_clone()?, server.try_clone()?);
    let asking = thread::spawn(move || std::io::copy(&mut asks, &mut asked));
    let mut buffer = [0; 4096];
    while budget > 0 {
        let most = budget.min(buffer.len());
        let read = server.read(&mut buffer[..most])?;
        if read == 0 {
            break;
        }
        client.write_all(&buffer[..read])?;
        budget -= read;
    }
    for side in [&client, &server] {
        side.shutdown(Shutdown::Both)?;
    }
    asking.join().unwrap().map(drop)
}

#[test]
fn what_was_missed_is_asked_for() {
    let stage = Stage::new();
    for (word, name, path) in ALL {
        for stack in ["reference", "bare"] {
            let served = Served::start(&stage, name, &["--stack", stack]);
            let (scheme, address) = served.data.split_once("://").unwrap();
            let url = format!("{scheme}://{}{path}", relay(address.parse().unwrap()));
            let publish = format!("{}/publish", served.control);
            let mut arguments = vec![word, &url, "-c", "2", "-n", "800"];
            arguments.extend(["--publish", &publish, "--rate", "200"]);
            arguments.extend(["--payload-bytes", "64", "--reconnect", "fixed:20ms"]);
            if word == "poll" {
                arguments.extend(["--poll-style", "contract"]);
            }
            let report = driven(&stage, &arguments, 0);
            assert_eq!(report.ended, Ended::Messages, "{name}/{stack}");
            let cuts = CUTS.len() as u64;
            let c = &report.connections;
            assert_eq!(
                (c.reconnects, c.ended_by_server, c.failed),
                (cuts, cuts, 0),
                "{name}/{stack}: {c:?}"
            );
            assert_eq!((c.attempts, c.subscribed), (cuts + 2, cuts + 2));
            let told: u64 = report.faults.iter().map(|fault| fault.count).sum();
            assert_eq!(told, cuts, "{:?}", report.faults);
            let m = &report.messages;
            assert!(m.received >= 800, "{name}/{stack}: {m:?}");
            assert_eq!(
                (m.lost, m.duplicated, m.reordered, m.unreadable),
                (0, 0, 0, 0),
                "{name}/{stack}: {m:?}"
            );
            let published = report.published.unwrap();
            assert_eq!(
                (published.failed, published.missing),
                (0, 0),
                "{name}/{stack}"
            );
            assert_eq!(m.received, published.posted * 2, "{name}/{stack}");
        }
    }
}
