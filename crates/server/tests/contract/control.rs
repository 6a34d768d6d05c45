//! The control endpoint.

use std::io::Write as _;
use std::sync::mpsc;
use std::time::Duration;

use pushbench_model::control::{Health, Keeps, PublishReport};
use pushbench_model::message;
use pushbench_model::tuning::Tuning;
use pushbench_server::Server;

use crate::common::{Client, control, health, server, text};

fn status(answer: &(String, String)) -> &str {
    answer.0.split(' ').nth(1).unwrap()
}

fn order(rate: &str, count: &str, payload: &str) -> String {
    format!(
        r#"{{"schedule":{{"arrivals":"constant","rate":{rate},"seed":1}},"count":{count},"payload":{payload}}}"#
    )
}

const SMALL: &str = r#"{"bytes":10,"kind":"text"}"#;

fn report(server: &Server) -> PublishReport {
    let answer = control(server, "GET /schedule", "", b"");
    assert_eq!(status(&answer), "200");
    serde_json::from_str(&answer.1).unwrap()
}

fn subscribe(server: &Server) -> Client {
    let mut client = Client::connect(server.data_addr());
    client.send([0; 8]);
    client.read(8);
    client
}

fn next_body(client: &mut Client) -> Vec<u8> {
    let len = client.read(4).try_into().unwrap();
    client.read(u32::from_le_bytes(len) as usize)
}

#[test]
fn health_counts() {
    let server = server("tcp");
    // The ring, and twice what hyper collects.
    let keeps = Keeps {
        shared_bytes: 64 << 20,
        least_messages: 64,
        own_bytes: 835_584,
    };
    let idle = Health {
        tuning: Tuning::Fixed,
        keeps: Some(keeps),
        ..Health::default()
    };
    assert_eq!(health(&server), idle);
    let clients = [subscribe(&server), subscribe(&server)];
    server.hub().publish(b"x", false);
    let expected = Health {
        tuning: Tuning::Fixed,
        accepted: 2,
        nodelay: 2,
        published: 1,
        lagged: 0,
        dropped: 0,
        injected: false,
        chats: 0,
        keeps: Some(keeps),
    };
    assert_eq!(health(&server), expected);
    drop(clients);
}

#[test]
fn what_is_published_reaches_the_subscribers() {
    let server = server("tcp");
    let mut client = subscribe(&server);
    for (content_type, body) in [
        ("Content-Type: application/json\r\n", &b"{}"[..]),
        ("Content-Type: application/octet-stream\r\n", b"\0\xff\n"),
        ("", b"no type"),
        ("Content-Type: text/plain\r\n", b""),
    ] {
        let answer = control(&server, "POST /publish", content_type, body);
        assert_eq!(status(&answer), "204", "{content_type}");
        assert_eq!(next_body(&mut client), body);
    }
}

#[test]
fn the_content_type_decides_between_text_and_binary() {
    let server = server("websocket");
    let mut client = Client::connect(server.data_addr());
    let head = client.ask(
        "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    control(
        &server,
        "POST /publish",
        "Content-Type: application/json\r\n",
        b"{}",
    );
    control(
        &server,
        "POST /publish",
        "Content-Type: application/octet-stream\r\n",
        b"{}",
    );
    client.expect(b"\x81\x02{}\x82\x02{}");
}

#[test]
fn a_thousand_pipelined_publishes_keep_their_order() {
    let server = server("tcp");
    let mut subscriber = subscribe(&server);
    let mut publisher = Client::connect(server.control_addr());
    let mut out = publisher.writer();
    let requests: String = (1..=1000)
        .map(|n| {
            let body = format!("message {n}");
            format!(
                "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        })
        .collect();
    std::thread::scope(|scope| {
        scope.spawn(move || out.write_all(requests.as_bytes()).unwrap());
        for n in 1..=1000 {
            let answer = publisher.head();
            assert!(answer.starts_with("HTTP/1.1 204 "), "{n}: {answer}");
            assert_eq!(
                next_body(&mut subscriber),
                format!("message {n}").into_bytes()
            );
        }
    });
}

#[test]
fn a_chunked_publish_is_one_message() {
    let server = server("tcp");
    let mut subscriber = subscribe(&server);
    let mut publisher = Client::connect(server.control_addr());
    publisher.send("POST /publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    publisher.send("3\r\nabc\r\n");
    publisher.send("2\r\nde\r\n0\r\n\r\n");
    assert!(publisher.head().starts_with("HTTP/1.1 204 "));
    assert_eq!(next_body(&mut subscriber), b"abcde");
    // A broken one is none.
    publisher.send(
        "POST /publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    );
    assert!(publisher.head().starts_with("HTTP/1.1 400 "));
    assert_eq!(server.hub().published(), 1);
}

#[test]
fn what_is_too_large_is_refused() {
    const LIMIT: usize = 16 << 20;
    let server = server("tcp");
    let mut subscriber = subscribe(&server);
    let largest = text(LIMIT);
    assert_eq!(
        status(&control(&server, "POST /publish", "", &largest)),
        "204"
    );
    assert!(next_body(&mut subscriber) == largest);
    // An announcement is enough.
    let mut publisher = Client::connect(server.control_addr());
    let answer = publisher.ask(&format!(
        "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        LIMIT + 1
    ));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Without one, the bytes are counted.
    let mut publisher = Client::connect(server.control_addr());
    let mut out = publisher.writer();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let head = "POST /publish HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
            let size = format!("{:x}\r\n", LIMIT + 1);
            // The server need not take all of it.
            let _ = out.write_all(&[head.as_bytes(), size.as_bytes(), &text(LIMIT + 1)].concat());
        });
        let answer = publisher.head();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    });
    assert_eq!(server.hub().published(), 1);
}

#[test]
fn a_client_that_goes_in_the_middle_of_a_publish_publishes_nothing() {
    let server = server("tcp");
    let mut publisher = Client::connect(server.control_addr());
    publisher.send("POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    publisher.finish();
    publisher.rest();
    assert_eq!(server.hub().published(), 0);
}

#[test]
fn what_is_not_there_is_said() {
    let server = server("sse");
    for (line, expected) in [
        ("GET /", "404"),
        ("GET /other", "404"),
        ("POST /sse", "404"),
        ("POST /healthz", "405"),
        ("HEAD /healthz", "405"),
        ("GET /publish", "405"),
        ("DELETE /schedule", "405"),
    ] {
        let answer = control(&server, line, "", b"");
        assert_eq!(status(&answer), expected, "{line}");
        assert_eq!(
            answer.0.contains("\r\nallow: "),
            expected == "405",
            "{line}: {}",
            answer.0
        );
    }
}

/// Every message of an order is published, verifies, and is in the report.
#[test]
fn a_schedule_is_carried_out_and_reported() {
    let server = server("tcp");
    let idle = report(&server);
    assert_eq!(
        (idle.running, idle.published, idle.lateness),
        (false, 0, None)
    );
    let mut client = subscribe(&server);
    let mut seq = 0;
    for count in [1, 250, 0, 3] {
        let answer = control(
            &server,
            "POST /schedule",
            "",
            order("100000.0", &count.to_string(), SMALL).as_bytes(),
        );
        assert_eq!(status(&answer), "202", "{}", answer.1);
        for _ in 0..count {
            seq += 1;
            assert_eq!(message::parse(&next_body(&mut client)).unwrap().seq, seq);
        }
        // The last message is on its way before the report is complete.
        let report = std::iter::repeat_with(|| report(&server))
            .find(|report| !report.running)
            .unwrap();
        assert_eq!(report.published, count);
        assert_eq!(report.lateness.unwrap().decode().unwrap().len(), count);
        assert!(report.started > 0);
        assert!(report.thread.contains("timer slack"), "{}", report.thread);
    }
}

#[test]
fn nonsense_is_refused() {
    let server = server("tcp");
    let huge = format!(r#"{{"bytes":{},"kind":"text"}}"#, (8 << 20) + 1);
    let most = r#"{"bytes":18446744073709551615,"kind":"text"}"#;
    for body in [
        String::new(),
        "{}".into(),
        "[1]".into(),
        "\u{0}".into(),
        order("0", "1", SMALL),
        order("0.0", "1", SMALL),
        order("-0.0", "1", SMALL),
        order("-1", "1", SMALL),
        order("NaN", "1", SMALL),
        order("null", "1", SMALL),
        order("1e999", "1", SMALL),
        order("\"fast\"", "1", SMALL),
        order("1", "-1", SMALL),
        order("1", "1.5", SMALL),
        order("1", "18446744073709551616", SMALL),
        order("1", "1", &huge),
        order("1", "1", most),
        order("1", "1", r#"{"bytes":-1}"#),
        order("1", "1", r#"{"bytes":1,"kind":"song"}"#),
        order("1", "1", SMALL).replace("constant", "often"),
    ] {
        let answer = control(&server, "POST /schedule", "", body.as_bytes());
        assert_eq!(status(&answer), "400", "{body}: {}", answer.1);
        assert!(!answer.1.is_empty(), "{body}: a reason is given");
    }
    assert_eq!(report(&server).published, 0);
}

#[test]
fn a_busy_publisher_takes_no_second_order() {
    let server = server("tcp");
    let mut client = subscribe(&server);
    // The second message is due in a thousand seconds.
    let answer = control(
        &server,
        "POST /schedule",
        "",
        order("0.001", "2", SMALL).as_bytes(),
    );
    assert_eq!(status(&answer), "202");
    next_body(&mut client);
    let answer = control(
        &server,
        "POST /schedule",
        "",
        order("1", "1", SMALL).as_bytes(),
    );
    assert_eq!(status(&answer), "409");
    let report = report(&server);
    assert_eq!((report.running, report.lateness), (true, None));
}

/// Dropping a server returns with all its threads gone, whatever they are at.
#[test]
fn a_server_ends_whatever_it_is_at() {
    for (transport, request) in [
        ("sse", "GET /sse HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("long-poll", "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("ndjson", "GET /ndjson HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("short-poll", "GET /poll HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("tcp", "\0\0\0\0\0\0\0\0"),
        ("websocket", "GET /ws HTTP/1.1\r\n"),
    ] {
        // Between two messages a thousand seconds apart; without a pause; and nearly never.
        for rate in ["0.001", "1e300", "1e-300"] {
            let server = server(transport);
            let mut clients: Vec<_> = (0..3)
                .map(|_| Client::connect(server.data_addr()))
                .collect();
            for client in &mut clients[1..] {
                client.send(request);
            }
            let mut half_asked = Client::connect(server.control_addr());
            half_asked.send("POST /publish HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
            let order = order(rate, "18446744073709551615", SMALL);
            let answer = control(&server, "POST /schedule", "", order.as_bytes());
            assert_eq!(status(&answer), "202");
            let hub = std::sync::Arc::downgrade(server.hub());
            let (ended, end) = mpsc::channel();
            std::thread::spawn(move || {
                drop(server);
                ended.send(()).unwrap();
            });
            end.recv_timeout(Duration::from_secs(30))
                .unwrap_or_else(|_| panic!("{transport} at {rate} does not end"));
            assert!(
                hub.upgrade().is_none(),
                "{transport} at {rate}: a thread still publishes"
            );
            for client in &mut clients {
                client.rest();
            }
            half_asked.rest();
        }
    }
}

/// Clients that keep knocking do not keep a server from ending.
#[test]
fn a_server_ends_in_a_storm_of_connections() {
    let server = server("tcp");
    let address = server.data_addr();
    let (arrived, first) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let arrived = arrived.clone();
            scope.spawn(move || {
                while std::net::TcpStream::connect(address).is_ok() {
                    let _ = arrived.send(());
                }
            });
        }
        first.recv().unwrap();
        drop(server);
    });
}

#[test]
fn an_address_in_use_is_said() {
    let server = server("tcp");
    let config = pushbench_server::Config {
        transport: pushbench_transport::transport::by_name("tcp").unwrap(),
        listen: server.data_addr(),
        control: "127.0.0.1:0".parse().unwrap(),
        cores: vec![],
        shards: 1,
        options: pushbench_transport::transport::ServeOptions::default(),
    };
    let error = Server::start(config).err().unwrap().to_string();
    assert!(
        error.starts_with(&format!("cannot listen on {}: ", server.data_addr())),
        "{error}"
    );
    assert!(
        error.ends_with("choose another port, or 0 for a free one"),
        "{error}"
    );
}

/// A client may end its side with its last request: `nc` does, and whoever has nothing more to ask. Request and end come
/// in one segment, to a server that waits for them, so that neither is seen without the other.
#[test]
fn who_has_no_more_to_say_is_answered() {
    let server = server("tcp");
    for (request, answer) in [
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "200"),
        (
            "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
            "204",
        ),
    ] {
        let mut client = Client::connect(server.control_addr());
        let head = client.ask("GET /certificate HTTP/1.1\r\nHost: x\r\n\r\n");
        let (_, length) = head.split_once("content-length: ").unwrap();
        client.read(length.split_once('\r').unwrap().0.parse().unwrap());
        let socket = client.writer();
        socket2::SockRef::from(&socket).set_tcp_cork(true).unwrap();
        client.send(request);
        client.finish();
        let rest = String::from_utf8(client.rest()).unwrap();
        assert!(rest.starts_with(&format!("HTTP/1.1 {answer} ")), "{rest:?}");
    }
    assert_eq!(health(&server).published, 1);
}
