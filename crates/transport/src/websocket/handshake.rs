//! The opening handshake (RFC 6455, section 4), client side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pushbench_model::scenario::Compression;
use sha1::{Digest, Sha1};
use thiserror::Error;

use crate::deflate::agree;
use crate::http1::head::ResponseHead;

/// Appended to the key before hashing (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Why an upgrade failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandshakeError {
    /// The server answered with something else than a switch of protocols.
    #[error("websocket handshake: status {0}, expected 101")]
    Status(u16),
    /// The upgrade is to another protocol, or to none.
    #[error("websocket handshake: Upgrade is {}, expected \"websocket\"", shown(.0.as_deref()))]
    Upgrade(Option<String>),
    /// `Connection` does not list `upgrade`.
    #[error("websocket handshake: Connection is {}, expected \"upgrade\" in it", shown(.0.as_deref()))]
    Connection(Option<String>),
    /// The proof that the server understood the key is wrong or missing.
    #[error(
        "websocket handshake: Sec-WebSocket-Accept is {}, expected \"{expected}\"",
        shown(.got.as_deref())
    )]
    Accept {
        /// What the server sent.
        got: Option<String>,
        /// What follows from the key.
        expected: String,
    },
    /// The server uses an extension that the request did not offer.
    #[error("websocket handshake: Sec-WebSocket-Extensions is \"{0}\", none was offered")]
    Extensions(String),
    /// The server compresses nothing, though that is what is to be measured.
    #[error(
        "websocket handshake: no Sec-WebSocket-Extensions, expected permessage-deflate as it was offered (does the server compress? \
         ours do with serve --compression)"
    )]
    NotCompressed,
    /// The server compresses in another way than was offered.
    #[error("websocket handshake: Sec-WebSocket-Extensions is \"{got}\", which {why}")]
    Compressed {
        /// What the server sent.
        got: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The server speaks a subprotocol that the request did not offer.
    #[error("websocket handshake: Sec-WebSocket-Protocol is \"{0}\", none was offered")]
    Protocol(String),
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "missing".to_owned(), |value| format!("{value:?}"))
}

/// The key header for 16 random bytes.
#[must_use]
pub fn key(nonce: [u8; 16]) -> String {
    STANDARD.encode(nonce)
}

/// Characters of 16 bytes in base64.
const KEY_LEN: usize = 24;

/// As [`key`], without allocating.
fn key_text(nonce: [u8; 16], room: &mut [u8; KEY_LEN]) -> &str {
    let written = STANDARD.encode_slice(nonce, room);
    debug_assert_eq!(written, Ok(KEY_LEN));
    str::from_utf8(room).unwrap_or_default()
}

/// The `Sec-WebSocket-Accept` that belongs to a `Sec-WebSocket-Key` as it stood in the request.
#[must_use]
pub fn accept(key: &str) -> String {
    accept_text(key).map(char::from).iter().collect()
}

/// Characters of 20 bytes in base64.
const ACCEPT_LEN: usize = 28;

/// `key` as text, if it holds nothing that could be another part of a head.
pub(crate) fn plain(key: &[u8]) -> Option<&str> {
    let in_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let key = key.iter().all(in_base64).then_some(key)?;
    str::from_utf8(key).ok()
}

/// As [`accept`], without allocating.
pub(crate) fn accept_text(key: &str) -> [u8; ACCEPT_LEN] {
    let hash = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut text = [0; ACCEPT_LEN];
    let written = STANDARD.encode_slice(hash, &mut text);
    debug_assert_eq!(written, Ok(ACCEPT_LEN));
    text
}

/// Appends the request for an upgrade. `target` is path and query, `host` the value of `Host`.
/// Neither may hold a line end; they come from configuration, not from a peer.
pub fn request(target: &str, host: &str, nonce: [u8; 16], out: &mut Vec<u8>) {
    request_with(target, host, nonce, "", out);
}

/// The same with further `fields`, each with its line end.
pub(crate) fn request_with(
    target: &str,
    host: &str,
    nonce: [u8; 16],
    fields: &str,
    out: &mut Vec<u8>,
) {
    let mut key = [0; KEY_LEN];
    let key = key_text(nonce, &mut key);
    for part in [
        "GET ",
        target,
        " HTTP/1.1\r\nHost: ",
        host,
        "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: ",
        key,
        "\r\n",
        fields,
        "\r\n",
    ] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Checks the answer to [`request`] made with the same `nonce`.
///
/// # Errors
///
/// [`HandshakeError`] names the first thing that is wrong, in the order of section 4.1.
pub fn check(head: &ResponseHead<'_>, nonce: [u8; 16]) -> Result<(), HandshakeError> {
    upgraded(head, nonce)?;
    // Some servers send either field without a value, which names nothing.
    match head.sec_websocket_extensions {
        None | Some("") => no_protocol(head),
        Some(extensions) => Err(HandshakeError::Extensions(extensions.to_owned())),
    }
}

/// The same where compression was offered, and is wanted.
pub(crate) fn check_compressed(
    head: &ResponseHead<'_>,
    nonce: [u8; 16],
    wanted: Compression,
) -> Result<(), HandshakeError> {
    upgraded(head, nonce)?;
    let Some(got) = head.sec_websocket_extensions.filter(|got| !got.is_empty()) else {
        return Err(HandshakeError::NotCompressed);
    };
    agree::answered(got, wanted).map_err(|why| HandshakeError::Compressed {
        got: got.to_owned(),
        why,
    })?;
    no_protocol(head)
}

fn no_protocol(head: &ResponseHead<'_>) -> Result<(), HandshakeError> {
    match head.sec_websocket_protocol {
        None | Some("") => Ok(()),
        Some(protocol) => Err(HandshakeError::Protocol(protocol.to_owned())),
    }
}

/// Checks what is no matter of extensions or protocols.
fn upgraded(head: &ResponseHead<'_>, nonce: [u8; 16]) -> Result<(), HandshakeError> {
    if head.status != 101 {
        return Err(HandshakeError::Status(head.status));
    }
    if !head
        .upgrade
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    {
        return Err(HandshakeError::Upgrade(head.upgrade.map(str::to_owned)));
    }
    if !head.connection_upgrade {
        return Err(HandshakeError::Connection(
            head.connection.map(str::to_owned),
        ));
    }
    let mut key = [0; KEY_LEN];
    let expected = accept_text(key_text(nonce, &mut key));
    if head.sec_websocket_accept.map(str::as_bytes) != Some(&expected) {
        return Err(HandshakeError::Accept {
            got: head.sec_websocket_accept.map(str::to_owned),
            expected: String::from_utf8_lossy(&expected).into_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::head::HeadReader;

    /// The nonce of the example in RFC 6455, section 1.3.
    const NONCE: [u8; 16] = *b"the sample nonce";

    fn checked(response: &str) -> Result<(), HandshakeError> {
        let mut reader = HeadReader::default();
        let (head, _) = reader.feed(response.as_bytes()).unwrap().unwrap();
        check(&head, NONCE)
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(key(NONCE), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(
            accept("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn the_request_is_complete() {
        let mut out = Vec::new();
        request("/ws?after=3", "127.0.0.1:8080", NONCE, &mut out);
        let expected = "GET /ws?after=3 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: Upgrade\r\n\
                        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        assert_eq!(out, expected.as_bytes());
    }

    #[test]
    fn tungstenite_accepts_the_request_and_its_answer_passes() {
        use tokio_tungstenite::tungstenite::handshake::server::create_response;
        let mut out = Vec::new();
        request("/ws", "localhost", [7; 16], &mut out);
        let mut headers = [httparse::EMPTY_HEADER; 8];
        let mut parsed = httparse::Request::new(&mut headers);
        assert!(parsed.parse(&out).unwrap().is_complete());
        let mut request = http::Request::builder().uri("/ws");
        for header in parsed.headers.iter() {
            request = request.header(header.name, header.value);
        }
        let answer = create_response(&request.body(()).unwrap()).unwrap();
        let mut text = "HTTP/1.1 101 Switching Protocols\r\n".to_owned();
        for (name, value) in answer.headers() {
            text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        text.push_str("\r\n");
        let mut reader = HeadReader::default();
        let (head, _) = reader.feed(text.as_bytes()).unwrap().unwrap();
        assert_eq!(check(&head, [7; 16]), Ok(()));
    }

    #[test]
    fn values_are_compared_without_case_and_connection_is_a_list() {
        let response = "HTTP/1.1 101 x\r\nUPGRADE: WebSocket\r\nconnection: keep-alive , UPGRADE\r\n\
                        sec-websocket-accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n\r\n";
        assert_eq!(checked(response), Ok(()));
    }

    #[test]
    fn each_fault_is_named() {
        let response = |upgrade: &str, connection: &str, accept: &str, more: &str| {
            let head = format!(
                "HTTP/1.1 101 x\r\n{upgrade}\r\n{connection}\r\nSec-WebSocket-Accept: {accept}\r\n\
                 {more}\r\n"
            );
            checked(&head).unwrap_err().to_string()
        };
        let (up, conn) = ("Upgrade: websocket", "Connection: Upgrade");
        let good = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

        let refused = checked("HTTP/1.1 404 Not Found\r\n\r\n").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "websocket handshake: status 404, expected 101"
        );
        assert_eq!(
            response("X: y", conn, good, ""),
            "websocket handshake: Upgrade is missing, expected \"websocket\""
        );
        assert_eq!(
            response("Upgrade: h2c", conn, good, ""),
            "websocket handshake: Upgrade is \"h2c\", expected \"websocket\""
        );
        assert_eq!(
            response(up, "Connection: keep-alive", good, ""),
            "websocket handshake: Connection is \"keep-alive\", expected \"upgrade\" in it"
        );
        assert_eq!(
            response(up, conn, "AAAA", ""),
            "websocket handshake: Sec-WebSocket-Accept is \"AAAA\", \
             expected \"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\""
        );
        assert_eq!(
            response(
                up,
                conn,
                good,
                "Sec-WebSocket-Extensions: permessage-deflate\r\n"
            ),
            "websocket handshake: Sec-WebSocket-Extensions is \"permessage-deflate\", \
             none was offered"
        );
    }
}
