//! Several workers behind one port.

use pushbench_transport::transport::ServeOptions;

use crate::common::{Client, health, server_on};

const SUBSCRIBERS: usize = 40;
const MESSAGES: u64 = 500;

/// Whichever worker accepted it, every subscriber gets everything in order.
#[test]
fn subscribers_of_all_workers_get_everything_in_order() {
    for cores in [vec![0, 1], vec![0, 0], vec![0, 0, 0, 0]] {
        let server = server_on("tcp", ServeOptions::default(), cores.clone());
        let mut clients: Vec<_> = (0..SUBSCRIBERS)
            .map(|_| Client::connect(server.data_addr()))
            .collect();
        for client in &mut clients {
            client.send([0; 8]);
        }
        for client in &mut clients {
            client.expect([0; 8]);
        }
        let publisher = std::sync::Arc::clone(server.hub());
        let publishing = std::thread::spawn(move || {
            for seq in 1..=MESSAGES {
                publisher.publish(&seq.to_le_bytes(), true);
            }
        });
        for client in &mut clients {
            for seq in 1..=MESSAGES {
                client.expect([&[8, 0, 0, 0], &seq.to_le_bytes()[..]].concat());
            }
        }
        publishing.join().unwrap();
        assert_eq!(health(&server).accepted, SUBSCRIBERS as u64, "{cores:?}");
    }
}

/// A core that does not exist is a warning: the worker runs unpinned.
#[test]
fn a_core_that_is_not_there_is_done_without() {
    let server = server_on("tcp", ServeOptions::default(), vec![100_000]);
    let mut client = Client::connect(server.data_addr());
    client.send([0; 8]);
    client.expect([0; 8]);
}
