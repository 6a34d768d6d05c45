//! The TCP connections of this network, as the kernel lists them: what a server holds, whatever the server is.

use std::collections::BTreeSet;
use std::io;

use crate::procfs::{malformed, read};

/// The lists, by address family; the second is missing where there is no IPv6.
const TABLES: [&str; 2] = ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"];

/// `TCP_ESTABLISHED` as the lists have it.
const ESTABLISHED: &str = "01";

/// The ports of those who have an established connection to the local port `port`, of which a process still holds a file.
///
/// A connection that its server has closed has no file any more, though the kernel may try for long to say goodbye; one
/// that the kernel has given up is not established. The kernel walks through all of its table for this, which takes it some
/// milliseconds: ask it a few times in a second, not more.
///
/// # Errors
///
/// When the list cannot be read, or is not in the documented form.
pub fn established_with(port: u16) -> io::Result<BTreeSet<u16>> {
    let mut peers = BTreeSet::new();
    for table in TABLES {
        match read(table) {
            Ok(text) => add(&text, port, &mut peers).ok_or_else(|| malformed(table))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && table != TABLES[0] => {}
            Err(error) => return Err(error),
        }
    }
    Ok(peers)
}

/// `proc_pid_net(5)`: number, local address, peer's address, state, and as the tenth word the inode of the file.
fn add(text: &str, port: u16, peers: &mut BTreeSet<u16>) -> Option<()> {
    for line in text.lines().skip(1) {
        let mut words = line.split_ascii_whitespace();
        let (own, peer) = (port_of(words.nth(1)?)?, port_of(words.next()?)?);
        let state = words.next()?;
        let inode: u64 = words.nth(5)?.parse().ok()?;
        if own == port && state == ESTABLISHED && inode != 0 {
            peers.insert(peer);
        }
    }
    Some(())
}

/// `0100007F:1F90`
fn port_of(address: &str) -> Option<u16> {
    let (_, port) = address.rsplit_once(':')?;
    u16::from_str_radix(port, 16).ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_are_there_until_they_are_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..2)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let ports: Vec<u16> = clients
            .iter()
            .map(|one| one.local_addr().unwrap().port())
            .collect();
        // The kernel lists those that nobody has accepted without a file.
        let (kept, _) = listener.accept().unwrap();
        let (closed, peer) = listener.accept().unwrap();
        let peers = established_with(address.port()).unwrap();
        assert!(ports.iter().all(|port| peers.contains(port)), "{peers:?}");
        drop(closed);
        let peers = established_with(address.port()).unwrap();
        assert_eq!(peers.len(), 1, "{peers:?}");
        assert!(!peers.contains(&peer.port()));
        // The other way round it is the client's connection.
        assert!(
            established_with(kept.peer_addr().unwrap().port())
                .unwrap()
                .contains(&address.port())
        );
    }

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15 1 0 100 0 0 10 0
   1: 0100007F:1F90 4E8B4D0A:9C41 01 00000000:00000000 00:00000000 00000000     0        0 16 1 0 20 4 30 10 -1
   2: 0100007F:1F90 4E8B4D0A:9C42 04 00000001:00000000 01:00000014 00000003     0        0 0 1 0 20 4 30 10 -1
   3: 0100007F:1F90 4E8B4D0A:9C43 01 00000001:00000000 01:00000014 00000003     0        0 0 1 0 20 4 30 10 -1
   4: 0100007F:1F91 4E8B4D0A:9C44 01 00000000:00000000 00:00000000 00000000     0        0 17 1 0 20 4 30 10 -1
   5: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:9C45 01 00000000:00000000 00:00000000 00000000 0 0 18 1 0
";

    #[test]
    fn only_what_is_established_and_held_counts() {
        let mut peers = BTreeSet::new();
        add(TABLE, 8080, &mut peers).unwrap();
        assert_eq!(peers.into_iter().collect::<Vec<_>>(), [0x9c41, 0x9c45]);
    }

    #[test]
    fn another_form_is_an_error() {
        for wrong in [
            "t\n 0: x y 01",
            "t\n 0: A:1F90 B:1 01 0 0 0 0 0 z",
            "t\n 0: A:11F90 B:1 01 0 0 0 0 0 5",
        ] {
            assert!(add(wrong, 8080, &mut BTreeSet::new()).is_none(), "{wrong}");
        }
    }
}
