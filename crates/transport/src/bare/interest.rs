//! What a connection is watched for.

use std::io;
use std::net::TcpStream;
use std::rc::Rc;

use pushbench_sys::poller::{EventFlags, Poller};

const READING: EventFlags = EventFlags::IN
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// What one connection is watched for. Who has just been accepted can be written to, which is no news: told of it, a loop would wake once
/// more for every connection. So nobody is watched for that before it was found full.
pub(crate) struct Interest {
    poller: Rc<Poller>,
    token: u64,
    writes: bool,
}

impl Interest {
    /// Watches `socket` for what its client sends; its events carry `token`. Closing it ends that.
    pub(crate) fn begin(poller: &Rc<Poller>, token: u64, socket: &TcpStream) -> io::Result<Self> {
        poller.add(socket, token, READING)?;
        Ok(Self {
            poller: Rc::clone(poller),
            token,
            writes: false,
        })
    }

    /// Has an event say when `socket`, which takes no more, does again: one that does by now says so at once.
    #[inline]
    pub(crate) fn full(&mut self, socket: &TcpStream) -> io::Result<()> {
        if self.writes {
            return Ok(());
        }
        self.writes(socket)
    }

    #[cold]
    fn writes(&mut self, socket: &TcpStream) -> io::Result<()> {
        let both = READING.union(EventFlags::OUT);
        self.poller.modify(socket, self.token, both)?;
        self.writes = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;
    use std::time::Duration;

    use pushbench_sys::poller::Events;
    use pushbench_sys::tcp;

    use super::*;

    const TOKEN: u64 = 7;

    /// What happens within a moment.
    fn happened(poller: &Poller) -> Vec<(u64, EventFlags)> {
        let mut events = Events::default();
        let within = Some(Duration::from_millis(20));
        poller.wait(&mut events, within).unwrap().collect()
    }

    #[test]
    fn that_there_is_room_is_told_to_who_was_found_full_and_every_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let poller = Rc::new(Poller::new().unwrap());
        let mut interest = Interest::begin(&poller, TOKEN, &server).unwrap();
        assert_eq!(happened(&poller), [], "it has room from the start");
        let bytes = vec![1; 1 << 16];
        let mut read = vec![0; 1 << 16];
        for _ in 0..3 {
            let mut sent = 0;
            while let Ok(more) = tcp::send(&server, &bytes) {
                sent += more;
            }
            interest.full(&server).unwrap();
            assert_eq!(happened(&poller), [], "it is full");
            while sent > 0 {
                sent -= client.read(&mut read).unwrap();
            }
            let [(TOKEN, flags)] = happened(&poller)[..] else {
                panic!("nobody says that it has room again");
            };
            assert!(flags.contains(EventFlags::OUT), "{flags:?}");
        }
    }

    #[test]
    fn who_has_room_again_before_it_is_asked_says_so_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let poller = Rc::new(Poller::new().unwrap());
        let mut interest = Interest::begin(&poller, TOKEN, &server).unwrap();
        interest.full(&server).unwrap();
        assert_eq!(happened(&poller), [(TOKEN, EventFlags::OUT)]);
    }
}
