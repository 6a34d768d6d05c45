//! A proxy that holds what comes from a server for a known time: a way that is longer, and nothing else.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pushbench_sys::{affinity, clock};

/// Spun at the end of a delay, so that it is as long as it was asked for.
const SPIN_NS: u64 = 200_000;
/// Connections it accepts in all; each has two threads.
const MOST: usize = 64;
const BUFFER: usize = 64 * 1024;
/// For a connection to the server, or to itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Forwards connections until it is dropped.
///
/// Bytes from the server are held from the time they were read until `delay` later. What comes meanwhile waits in the
/// socket and is held after that, so a delay is exact where messages are further apart than it is long.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Both ends of every connection.
    streams: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Listens on a free port of the loopback interface, and works on `cores`: where it spins, nobody else runs.
    pub(crate) fn start(server: SocketAddr, delay: Duration, cores: &[usize]) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let accepting = {
            let shared = Arc::clone(&shared);
            let accepting = thread::Builder::new().name("pb-proxy".into());
            // The threads that forward are started by this one, and inherit its cores.
            let start = || accepting.spawn(move || accept(&listener, server, delay_ns, &shared));
            affinity::with_affinity(cores, start)??
        };
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
        })
    }

    /// Where to connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Its threads have ended when this returns.
fn accept(listener: &TcpListener, server: SocketAddr, delay_ns: u64, shared: &Arc<Shared>) {
    let mut forwarding = Vec::new();
    for client in listener.incoming().take(MOST) {
        if shared.stop.load(Ordering::Acquire) {
            break;
        }
        let Ok(client) = client else { continue };
        // Who cannot be connected sees its own connection end.
        if let Ok(threads) = forward(&client, server, delay_ns, shared) {
            forwarding.extend(threads);
        }
    }
    while !shared.stop.load(Ordering::Acquire) {
        // Full: nobody else is accepted, and the connection that asks to stop comes here.
        let _ = listener.accept();
    }
    for stream in shared.streams().drain(..) {
        let _ = stream.shutdown(Shutdown::Both);
    }
    for thread in forwarding {
        let _ = thread.join();
    }
}

fn forward(
    client: &TcpStream,
    server: SocketAddr,
    delay_ns: u64,
    shared: &Shared,
) -> io::Result<[JoinHandle<()>; 2]> {
    let server = TcpStream::connect_timeout(&server, PATIENCE)?;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
        let own = stream.try_clone()?;
        shared.streams().push(own);
    }
    let up = (client.try_clone()?, server.try_clone()?);
    let down = (server, client.try_clone()?);
    let start = |(from, to): (TcpStream, TcpStream), delay_ns| {
        thread::Builder::new()
            .name("pb-proxy".into())
            .spawn(move || pass(from, to, delay_ns))
    };
    Ok([start(up, 0)?, start(down, delay_ns)?])
}

/// Passes on what `from` says until it ends; then `to` hears no more either.
fn pass(mut from: TcpStream, mut to: TcpStream, delay_ns: u64) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if delay_ns > 0 {
            clock::sleep_until(clock::now().saturating_add(delay_ns), SPIN_NS);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 5];
            while stream.read_exact(&mut buffer).is_ok() {
                stream.write_all(&buffer).unwrap();
            }
        });
        (address, thread)
    }

    #[test]
    fn bytes_come_whole_and_never_early() {
        let (server, ended) = echo();
        let delay = Duration::from_millis(3);
        let proxy = Proxy::start(server, delay, &affinity::online_cores()).unwrap();
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        for word in [b"hello", b"there"] {
            let begin = clock::now();
            client.write_all(word).unwrap();
            let mut heard = [0; 5];
            client.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, word);
            assert!(clock::now() - begin >= 3_000_000);
        }
        // Dropped while connections are open: both ends hear of it.
        drop(proxy);
        assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
        ended.join().unwrap();
    }

    #[test]
    fn an_end_is_passed_on() {
        let (server, ended) = echo();
        let proxy = Proxy::start(server, Duration::ZERO, &affinity::online_cores()).unwrap();
        let client = TcpStream::connect(proxy.address()).unwrap();
        drop(client);
        ended.join().unwrap();
    }

    #[test]
    fn without_a_server_connections_end() {
        let nowhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = nowhere.local_addr().unwrap();
        drop(nowhere);
        let proxy = Proxy::start(address, Duration::ZERO, &affinity::online_cores()).unwrap();
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
    }
}
