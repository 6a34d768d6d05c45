//! Servers that are threads of the test.

use std::io::{BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common::next_request;

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
    let shared: Arc<Shared> = Arc::default();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let shared = Arc::clone(&shared);
            // That a client has gone is no failure of the test.
            thread::spawn(move || drop(converse(manner, stream.unwrap(), &shared)));
        }
    });
    port
}

#[derive(Default)]
struct Shared {
    subscribers: Mutex<Vec<TcpStream>>,
    /// After a look at its health the next message is delivered: that is what is checked before the first trial.
    behaves: AtomicBool,
}

fn converse(manner: Manner, mut out: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let Shared {
        subscribers,
        behaves,
    } = shared;
    const HEALTHY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const ACCEPTED: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
    const REFUSAL: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let mut input = BufReader::new(out.try_clone()?);
    let mut published = 0;
    loop {
        let Some((head, body)) = next_request(&mut input)? else {
            return Ok(());
        };
        match manner {
            Manner::Refuses => out.write_all(REFUSAL)?,
            Manner::Garbage => out.write_all(b"\0\xff\r\n\r\nSSH-2.0-garbage\n\n\r\n\r\n")?,
            Manner::HangsUp => return out.shutdown(Shutdown::Both),
            _ if head.starts_with("GET /healthz") => {
                behaves.store(true, Ordering::Relaxed);
                out.write_all(HEALTHY)?;
            }
            _ if head.starts_with("GET /sse") => {
                // Listed before the client can know that it is accepted.
                subscribers.lock().unwrap().push(out.try_clone()?);
                out.write_all(STREAM)?;
            }
            Manner::RefusesToPublish => out.write_all(REFUSAL)?,
            Manner::ClosesMidEvent | Manner::LosesAll if behaves.swap(false, Ordering::Relaxed) => {
                for mut subscriber in subscribers.lock().unwrap().drain(..) {
                    subscriber.write_all(&[b"id: 1\ndata: ", &body[..], b"\n\n"].concat())?;
                }
                out.write_all(ACCEPTED)?;
            }
            Manner::ClosesMidEvent | Manner::LosesAll => {
                published += 1;
                if manner == Manner::ClosesMidEvent && published == 3 {
                    for mut subscriber in subscribers.lock().unwrap().drain(..) {
                        subscriber.write_all(b"id: 3\ndata: {\"seq\":   ")?;
                        subscriber.shutdown(Shutdown::Both)?;
                    }
                }
                out.write_all(ACCEPTED)?;
            }
        }
    }
}
