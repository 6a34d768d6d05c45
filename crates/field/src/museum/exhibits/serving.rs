//! What the servers in front of faulty clients share.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A client that says nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(10);

/// The next connection with its request read; `None` for one that says nothing, which means that no other comes.
pub(super) fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let (mut stream, _) = listener.accept().ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    let mut request = Vec::new();
    let mut piece = [0; 2048];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(read @ 1..) => request.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    }
    Some(stream)
}

/// The head of an event stream in chunks that is the last answer of its connection.
pub(super) fn event_stream(stream: &mut TcpStream) -> bool {
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        )
        .is_ok()
}

/// One chunk.
pub(super) fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    let size = format!("{:x}\r\n", bytes.len());
    stream
        .write_all(&[size.as_bytes(), bytes, b"\r\n"].concat())
        .is_ok()
}

/// The end of the chunks.
pub(super) fn end(stream: &mut TcpStream) {
    // A client that has gone has seen what it wanted.
    let _ = stream.write_all(b"0\r\n\r\n");
}

/// An answer that the server is overloaded.
pub(super) fn refuse(stream: &mut TcpStream) {
    // As above.
    let _ = stream.write_all(
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
}
