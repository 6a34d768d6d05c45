//! A clock that a page can ask: a WebSocket endpoint that answers every message with the time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pushbench_sys::clock;
use tungstenite::Message;

/// Between two looks at whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// A running clock; dropping it ends it.
pub struct Clock {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When there is no port left.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut askers: Vec<JoinHandle<()>> = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let ended = Arc::clone(&ended);
                        // One that fails is the page's to tell: it gets no answer.
                        askers.push(thread::spawn(move || drop(answer(stream, &ended))));
                    }
                    Err(_) => thread::sleep(LOOK / 10),
                }
            }
            for asker in askers {
                let _ = asker.join();
            }
        });
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }

    /// Where.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, stop: &AtomicBool) -> Result<(), String> {
    let words = |error: io::Error| error.to_string();
    stream.set_nonblocking(false).map_err(words)?;
    stream.set_nodelay(true).map_err(words)?;
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .map_err(words)?;
    let mut socket = tungstenite::accept(stream).map_err(|error| error.to_string())?;
    socket
        .get_ref()
        .set_read_timeout(Some(LOOK))
        .map_err(words)?;
    while !stop.load(Ordering::Relaxed) {
        match socket.read() {
            Ok(Message::Text(_)) => {
                // A number of JavaScript is exact up to 2⁵³: 104 days of nanoseconds.
                let now = Message::text(clock::now().to_string());
                socket.send(now).map_err(|error| error.to_string())?;
            }
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(error.to_string()),
            Ok(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_answers_with_the_time_between_question_and_answer() {
        let clock = Clock::start().unwrap();
        let stream = TcpStream::connect(clock.address).unwrap();
        let (mut socket, _) = tungstenite::client(clock.url(), stream).unwrap();
        for _ in 0..3 {
            let before = clock::now();
            socket.send(Message::text("?")).unwrap();
            let said: u64 = socket.read().unwrap().to_text().unwrap().parse().unwrap();
            assert!((before..=clock::now()).contains(&said));
        }
    }
}
