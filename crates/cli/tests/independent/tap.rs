//! A relay of bytes between clients and a server, which keeps what it carried.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::DEADLINE;

/// A relay with an address of its own.
pub(crate) struct Tap {
    /// Host and port.
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    connections: Vec<Connection>,
    ended: bool,
}

/// What went from the server to a client, and back.
struct Connection {
    sockets: [TcpStream; 2],
    down: Vec<u8>,
    up: Vec<u8>,
}

impl Tap {
    /// Relays to `server` until it is told to end.
    pub(crate) fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, server) = (Arc::<Mutex<State>>::default(), server.to_owned());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                for socket in [&client, &server] {
                    socket.set_nodelay(true).unwrap();
                }
                let sockets = || [client.try_clone().unwrap(), server.try_clone().unwrap()];
                let mut state = shared.lock().unwrap();
                if state.ended {
                    return;
                }
                state.connections.push(Connection {
                    sockets: sockets(),
                    down: Vec::new(),
                    up: Vec::new(),
                });
                let index = state.connections.len() - 1;
                for is_down in [true, false] {
                    let (shared, [client, server]) = (Arc::clone(&shared), sockets());
                    let (from, to) = if is_down {
                        (server, client)
                    } else {
                        (client, server)
                    };
                    thread::spawn(move || carry(from, to, &shared, index, is_down));
                }
            }
        });
        Self { address, state }
    }

    /// Waits for something to be so.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            if began.elapsed() > DEADLINE {
                panic!("still not so after {DEADLINE:?}: {what}; {}", self.tail());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn tail(&self) -> String {
        let state = self.state.lock().unwrap();
        let ends = state.connections.iter().map(|connection| {
            let down = &connection.down;
            String::from_utf8_lossy(&down[down.len().saturating_sub(200)..]).into_owned()
        });
        format!(
            "the last of each connection: {:?}",
            ends.collect::<Vec<_>>()
        )
    }

    /// How often `text` went from the server to clients.
    pub(crate) fn carried(&self, text: &str) -> u64 {
        let state = self.state.lock().unwrap();
        let downs = state.connections.iter();
        downs.map(|connection| count(&connection.down, text)).sum()
    }

    /// Heads of answers.
    pub(crate) fn answers(&self) -> u64 {
        self.carried("HTTP/1.1 ")
    }

    /// Ends of heads of requests.
    pub(crate) fn requests(&self) -> u64 {
        let state = self.state.lock().unwrap();
        let ups = state.connections.iter();
        ups.map(|connection| count(&connection.up, "\r\n\r\n"))
            .sum()
    }

    /// Bytes that clients have read and written, once they have.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let state = self.state.lock().unwrap();
        let sum = |bytes: fn(&Connection) -> &Vec<u8>| {
            let all = state.connections.iter();
            all.map(|connection| bytes(connection).len() as u64).sum()
        };
        (sum(|one| &one.down), sum(|one| &one.up))
    }

    /// Ends all connections, and takes no more.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock().unwrap();
        state.ended = true;
        for socket in state.connections.iter().flat_map(|one| &one.sockets) {
            // One that has ended by itself is as good.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.end();
        // Its last wait.
        drop(TcpStream::connect(&self.address));
    }
}

fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    shared: &Mutex<State>,
    index: usize,
    is_down: bool,
) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        let mut state = shared.lock().unwrap();
        let connection = &mut state.connections[index];
        let kept = if is_down {
            &mut connection.down
        } else {
            &mut connection.up
        };
        kept.extend_from_slice(&buffer[..read]);
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn count(bytes: &[u8], text: &str) -> u64 {
    let windows = bytes.windows(text.len());
    windows.filter(|window| *window == text.as_bytes()).count() as u64
}
