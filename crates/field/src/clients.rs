//! Clients of others as subscribers: what each delivers, loses, reads again, and costs per message; and what each does when
//! a stream ends.
//!
//! # Layout
//!
//! - [`list`]: what `clients.toml` says
//! - [`client`]: whether this machine can start a client, and starting it
//! - [`run`](self::run()): the rounds; every client has one turn in each, in an order drawn anew
//! - [`turn`]: one client, from its start to the last message
//! - [`endings`]: a scripted server that ends streams in several ways, and sees what comes next
//! - [`insist`]: how often a client asks that was told to stop
//! - [`tables`]: all of it as parts of a survey
//! - `answer`: what a client prints
//! - `messages`: what it is sent
//! - `process`: a client that is a program
//! - `own`: Pushbench's own subscriber, in a thread
//! - `check`: what became of the messages of a program
//! - `settle`: when a process has come to rest
//! - `spread`: quartiles
//! - `http`: the few requests and answers of the scripted servers

mod answer;
mod check;
pub mod client;
pub mod endings;
pub(crate) mod http;
pub mod insist;
pub mod list;
mod messages;
mod own;
mod process;
mod settle;
mod spread;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod turn;

use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

pub use client::Client;
pub use list::List;
pub use turn::{Load, Phase, Turn};

/// What happens during a survey.
pub trait Observer {
    /// `client` has its turn.
    fn started(&mut self, client: &Client, round: u32);
    /// It has had it; all turns so far.
    fn finished(&mut self, turns: &[Turn]);
}

/// Gives all `clients` and Pushbench's own subscribers one turn in each of `rounds`, in an order that `seed` draws. Ends
/// early when `stop` is set.
pub fn run(
    clients: &[Client],
    load: &Load,
    rounds: u32,
    seed: u64,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Vec<Turn> {
    let mut turns = Vec::new();
    for round in 1..=rounds {
        let mut order: Vec<&Client> = clients.iter().collect();
        order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed ^ u64::from(round)));
        for client in order {
            if stop.load(Ordering::Relaxed) {
                return turns;
            }
            observer.started(client, round);
            let turn = turn::take(client, load, round, stop);
            // Half a turn says nothing.
            if stop.load(Ordering::Relaxed) {
                return turns;
            }
            turns.push(turn);
            observer.finished(&turns);
        }
    }
    turns
}
