//! The opening handshake of WebSocket, as far as it is ours and not a framework's.

use super::server;
use super::websocket::{HEAD, UPGRADE, request};
use crate::common::Client;

/// The example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

#[test]
fn a_handshake_lacks_nothing() {
    const MISSING: &str = "HTTP/1.1 426 Upgrade Required\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                           sec-websocket-version: 13\r\ncontent-length: 0\r\ndate: DATE\r\n\r\n";
    let server = server("websocket");
    let [connection, upgrade, version, key] = UPGRADE;
    let all = UPGRADE.concat();
    let refused = |request: &str| Client::connect(server.data_addr()).ask(request);
    for headers in [
        "",
        &[upgrade, version, key].concat(),
        &[connection, version, key].concat(),
        &[connection, upgrade, key].concat(),
        &all.replace("13", "8"),
        &all.replace("websocket\r", "h2c\r"),
        &all.replace(": Upgrade", ": keep-alive"),
    ] {
        assert_eq!(refused(&request("/ws", headers)), MISSING, "{headers}");
    }
    for (request, status) in [
        (
            request("/ws", &[connection, upgrade, version].concat()),
            "400 ",
        ),
        (request("/ws", &all.replace(KEY, "short")), "400 "),
        (request("/ws?after=x", &all), "400 "),
        (request("/other", &all), "404 "),
        (request("/ws", &all).replace("GET", "POST"), "405 "),
        (request("/ws", &all).replace("GET", "HEAD"), "405 "),
    ] {
        let head = refused(&request);
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status}")),
            "{request}: {head}"
        );
        assert_eq!(head.contains("allow: GET\r\n"), status == "405 ", "{head}");
    }
    // Tokens in lists and in any case are as good.
    let headers = all
        .replace(": Upgrade", ": keep-alive, UPGRADE")
        .replace(": websocket", ": foo/1, WebSocket");
    assert_eq!(refused(&request("/ws", &headers)), HEAD);
}

/// HTTP/1.0 knows no upgrades: the answer is a refusal.
#[test]
fn an_http_1_0_client_is_refused() {
    let server = server("websocket");
    let mut client = Client::connect(server.data_addr());
    let head = client.ask(&request("/ws", &UPGRADE.concat()).replace("HTTP/1.1", "HTTP/1.0"));
    assert!(head.starts_with("HTTP/1.0 426 "), "{head}");
    client.expect_end();
}
