//! The stack `bare` answers with the same heads as hyper, byte for byte but for the date, so that counted bytes can be
//! compared.

use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use crate::common::{Client, server_with};

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn heads(stack: Stack, transport: &str, requests: &[String]) -> Vec<String> {
    let server = server_with(
        transport,
        ServeOptions {
            stack,
            ..ServeOptions::default()
        },
    );
    server.hub().publish(b"x", false);
    let ask = |request: &String| Client::connect(server.data_addr()).ask(request);
    requests.iter().map(ask).collect()
}

#[test]
fn heads_are_those_of_hyper() {
    for (transport, path, headers) in [
        ("sse", "/sse", ""),
        ("ndjson", "/ndjson", ""),
        ("short-poll", "/poll?after=0", ""),
        ("short-poll", "/poll?after=1", ""),
        ("long-poll", "/poll?after=0", ""),
        ("long-poll", "/poll?after=1&timeout=0", ""),
        ("websocket", "/ws", UPGRADE),
    ] {
        let request = |method: &str, path: &str, version: &str, more: &str| {
            format!("{method} {path} HTTP/{version}\r\nHost: x\r\n{headers}{more}\r\n")
        };
        let mut requests = vec![
            request("GET", path, "1.1", ""),
            request("GET", "/other", "1.1", ""),
            request("POST", path, "1.1", "Content-Length: 3\r\n") + "abc",
            request("HEAD", path, "1.1", ""),
            request("GET", path, "1.1", "Last-Event-ID: x\r\n"),
            request("GET", "/other", "1.0", ""),
            "NONSENSE\r\n\r\n".to_owned(),
            format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"),
        ];
        if transport != "websocket" {
            requests.extend([
                request("GET", path, "1.0", ""),
                request("GET", "/other", "1.0", "Connection: keep-alive\r\n"),
                request("GET", "/other", "1.1", "Connection: close\r\n"),
                request("GET", path, "1.1", "Connection: close\r\n"),
            ]);
        }
        let ours = heads(Stack::Bare, transport, &requests);
        let theirs = heads(Stack::Reference, transport, &requests);
        let pairs = requests.iter().zip(ours.iter().zip(&theirs));
        let different: Vec<_> = pairs.filter(|(_, (ours, theirs))| ours != theirs).collect();
        assert!(different.is_empty(), "{transport}: {different:#?}");
    }
}
