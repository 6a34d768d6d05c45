//! Newline-delimited JSON on the wire.

use pushbench_model::theory;
use pushbench_transport::transport::ServeOptions;

use super::{server, server_with};
use crate::common::{Client, SIZES, text};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncache-control: no-cache\r\n\
                    transfer-encoding: chunked\r\ndate: DATE\r\n\r\n";

fn line(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let size = format!("{:X}\r\n", body.len() + 1);
    [size.as_bytes(), body, b"\n\r\n"].concat()
}

fn subscribe(server: &pushbench_server::Server, target: &str, headers: &str) -> Client {
    let mut client = Client::connect(server.data_addr());
    let head = client.ask(&format!(
        "GET {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"
    ));
    assert_eq!(head, HEAD);
    client
}

#[test]
fn every_size_is_framed_to_the_byte() {
    let server = server("ndjson");
    let mut live = subscribe(&server, "/ndjson", "");
    let mut all = Vec::new();
    for size in SIZES {
        let body = text(size);
        server.hub().publish(&body, false);
        let framed = line(&body);
        let formula = theory::chunk(theory::json_line(size as u64));
        assert_eq!(framed.len() as u64, formula);
        live.expect(&framed);
        all.extend(framed);
    }
    // The same in one batch, for who comes late.
    subscribe(&server, "/ndjson?after=0", "").expect(&all);
}

#[test]
fn a_subscriber_resumes_where_it_says() {
    let server = server("ndjson");
    for seq in 1..=3 {
        server.hub().publish(format!("m{seq}").as_bytes(), false);
    }
    let cases = [
        ("/ndjson?after=0", "", 1),
        ("/ndjson?after=2", "", 3),
        ("/ndjson?after=3", "", 4),
        ("/ndjson?after=99", "", 4),
        ("/ndjson", "", 4),
        ("/ndjson", "Last-Event-ID: 1\r\n", 2),
        ("/ndjson", "Last-Event-ID:\r\n", 4),
        ("/ndjson?after=0", "Last-Event-ID: 2\r\n", 3),
    ];
    let mut clients: Vec<_> = cases
        .iter()
        .map(|(target, headers, _)| subscribe(&server, target, headers))
        .collect();
    server.hub().publish(b"m4", false);
    for ((_, _, first), client) in cases.iter().zip(&mut clients) {
        for seq in *first..=4 {
            client.expect(line(format!("m{seq}")));
        }
    }
}

#[test]
fn what_is_not_asked_for_right_is_refused() {
    let server = server("ndjson");
    for (request, headers, answer) in [
        ("GET /ndjson?after=x", "", "400 Bad Request\r\n"),
        ("GET /ndjson?after=", "", "400 Bad Request\r\n"),
        ("GET /ndjson", "Last-Event-ID: x\r\n", "400 Bad Request\r\n"),
        ("GET /sse", "", "404 Not Found\r\n"),
        ("POST /chat", "", "404 Not Found\r\n"),
        (
            "POST /ndjson",
            "",
            "405 Method Not Allowed\r\nallow: GET\r\n",
        ),
    ] {
        let mut client = Client::connect(server.data_addr());
        let head = client.ask(&format!("{request} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"));
        let expected = format!("HTTP/1.1 {answer}");
        assert!(head.starts_with(&expected), "{request}: {head}");
    }
}

/// Or one message would become two, and heartbeats messages.
#[test]
fn a_message_never_has_a_line_end() {
    let options = ServeOptions {
        heartbeat_s: Some(1),
        ..ServeOptions::default()
    };
    let server = server_with("ndjson", options);
    let mut client = subscribe(&server, "/ndjson", "");
    server.hub().publish(b"{\n\"a\": 1\n}", false);
    client.expect(line("{ \"a\": 1 }"));
    client.expect(line(""));
    server.hub().publish(b"x", false);
    client.expect(line("x"));
}

/// The server ends its side when the client has ended its own, without a message having to be published.
#[test]
fn a_client_that_goes_is_let_go() {
    let server = server("ndjson");
    let mut client = subscribe(&server, "/ndjson", "");
    client.finish();
    client.expect_end();
}

#[test]
fn an_http_1_0_client_gets_a_stream_without_chunks() {
    let server = server("ndjson");
    let mut client = Client::connect(server.data_addr());
    let head = client.ask("GET /ndjson HTTP/1.0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    assert!(!head.contains("chunked"), "{head}");
    server.hub().publish(b"x", false);
    client.expect("x\n");
}
