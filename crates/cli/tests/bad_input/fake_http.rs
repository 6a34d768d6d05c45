//! Servers that are threads of the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The script of a server that listens in this process.
pub(crate) fn ready(port: u16) -> String {
    format!("echo READY http://127.0.0.1:{port}; exec cat")
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Refuses,
    RefusesToPublish,
    Garbage,
    HangsUp,
    /// At the third message every subscriber gets half of an event and the end.
    ClosesMidEvent,
    /// Takes every message and sends none.
    LosesAll,
}

/// Listens until the test process ends.
pub(crate) fn fake_http(manner: Manner) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let subscribers: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let subscribers = Arc::clone(&subscribers);
            // That a client has gone is no failure of the test.
            thread::spawn(move || drop(converse(manner, stream.unwrap(), &subscribers)));
        }
    });
    port
}

fn converse(
    manner: Manner,
    mut out: TcpStream,
    subscribers: &Mutex<Vec<TcpStream>>,
) -> std::io::Result<()> {
    const REFUSAL: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let mut input = BufReader::new(out.try_clone()?);
    let mut published = 0;
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let field = line.to_ascii_lowercase();
            length = field
                .strip_prefix("content-length:")
                .map_or(length, |n| n.trim().parse().unwrap());
            head += &line;
        }
        input.read_exact(&mut vec![0; length])?;
        match manner {
            Manner::Refuses => out.write_all(REFUSAL)?,
            Manner::Garbage => out.write_all(b"\0\xff\r\n\r\nSSH-2.0-garbage\n\n\r\n\r\n")?,
            Manner::HangsUp => return out.shutdown(Shutdown::Both),
            _ if head.starts_with("GET /sse") => {
                // Listed before the client can know that it is accepted.
                subscribers.lock().unwrap().push(out.try_clone()?);
                out.write_all(STREAM)?;
            }
            Manner::RefusesToPublish => out.write_all(REFUSAL)?,
            Manner::ClosesMidEvent | Manner::LosesAll => {
                published += 1;
                if manner == Manner::ClosesMidEvent && published == 3 {
                    for mut subscriber in subscribers.lock().unwrap().drain(..) {
                        subscriber.write_all(b"id: 3\ndata: {\"seq\":   ")?;
                        subscriber.shutdown(Shutdown::Both)?;
                    }
                }
                out.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
            }
        }
    }
}
