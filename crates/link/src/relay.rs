//! The thread between two devices on which the kernel delays packets: each that leaves one goes to the other at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use pushbench_model::link::{Direction, Link};
use pushbench_sys::clock;
use pushbench_sys::poller::Bell;
use pushbench_sys::tun::Tun;

use crate::address::readdress;
use crate::junction::Junction;
use crate::meter::Step;
use crate::task::Task;
use crate::transit::ROOM;

/// Packets taken from one device before the other has its turn.
const BATCH: usize = 32;
/// How often the counts of the devices are read: they are a file.
const LOOK_NS: u64 = 20_000_000;

/// Starts it. Packets to the server come from the first of `ends`, those from it from the other.
pub(crate) fn start(ends: [Tun; 2], links: &[Link], junction: &Junction) -> io::Result<Task> {
    let work = Work {
        ends,
        one_way_ns: links.iter().map(|link| link.rtt_us * 500).collect(),
        junction: junction.clone(),
        buffer: Box::new([0; ROOM]),
        refused: 0,
        looked_ns: 0,
    };
    Task::start(move |stop, bell| work.run(stop, bell))
}

struct Work {
    ends: [Tun; 2],
    /// Least time that a packet was on each link before it comes here.
    one_way_ns: Vec<u64>,
    junction: Junction,
    buffer: Box<[u8; ROOM]>,
    /// Packets that the kernel would not have back.
    refused: u64,
    looked_ns: u64,
}

impl Work {
    /// Until it is stopped, or a device fails: nobody can use that any more, and connections end by themselves.
    fn run(mut self, stop: &AtomicBool, bell: &Bell) {
        while !stop.load(Ordering::Relaxed) {
            let (Ok(up), Ok(down)) = (self.pass(0), self.pass(1)) else {
                return;
            };
            self.look();
            if !up && !down && Tun::wait_either(&self.ends, bell).is_err() {
                return;
            }
        }
    }

    /// Passes on what came out of one device, a batch at most; whether there was anything.
    fn pass(&mut self, from: usize) -> io::Result<bool> {
        for number in 0..BATCH {
            let Some(length) = self.ends[from].take(&mut *self.buffer)? else {
                return Ok(number > 0);
            };
            if let Some(direction) = readdress(&mut self.buffer[..length]) {
                self.hand_over(direction, length);
            }
        }
        Ok(true)
    }

    /// The other device is the one that answers will leave by, which the kernel may insist on.
    fn hand_over(&mut self, direction: Direction, length: usize) {
        let packet = &self.buffer[..length];
        // Who is gone sends nothing more, but what was on its way by then arrives.
        let entered = || clock::now().saturating_sub(self.one_way_ns[self.junction.taken()]);
        let meter = self.junction.meter();
        if meter.outage().has(packet, direction, entered) {
            return meter.gone();
        }
        let to = match direction {
            Direction::Up => 1,
            Direction::Down => 0,
        };
        let bytes = length as u64;
        match self.ends[to].give(packet) {
            Ok(()) => meter.count(direction, Step::Passes { bytes }),
            Err(_) => self.refused += 1,
        }
    }

    fn look(&mut self) {
        let now = clock::now();
        if now - self.looked_ns >= LOOK_NS {
            self.looked_ns = now;
            let missed: u64 = self.ends.iter().map(Tun::missed).sum();
            self.junction.meter().missed(missed + self.refused);
        }
    }
}
