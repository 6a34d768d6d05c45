//! The thread between the device and the two lanes of each link.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_model::link::{Direction, Link};
use pushbench_sys::clock;
use pushbench_sys::poller::Bell;
use pushbench_sys::tun::Tun;

use crate::address::readdress;
use crate::junction::Junction;
use crate::lane::{Fate, Lane};
use crate::meter::{Meter, Step};
use crate::oversleep::Oversleep;
use crate::seed;
use crate::task::Task;
use crate::transit::{Packet, Transit};

/// How long before a packet leaves the thread stops sleeping and only looks at the device and the clock: as long as
/// publishers do, because the timer of a virtual machine wakes a thread up to that much late.
const SPIN_NS: u64 = 100_000;
/// Packets taken from the device before those due are let go.
const BATCH: usize = 32;
/// How often the counts of the device are read: they are a file.
const LOOK_NS: u64 = 20_000_000;

/// Starts it, behind `tun`.
pub(crate) fn start(tun: Tun, links: &[Link], seed: u64, junction: &Junction) -> io::Result<Task> {
    let work = Work {
        tun,
        lanes: lanes(links, seed),
        junction: junction.clone(),
        transit: Transit::default(),
        meter: junction.meter().clone(),
        oversleep: Oversleep::default(),
        came_ns: 0,
        refused: 0,
        looked_ns: 0,
    };
    Task::start(move |stop, bell| work.run(stop, bell))
}

/// Both directions of every link. What each draws continues over all trials that take it, and no two links draw the same.
fn lanes(links: &[Link], seed: u64) -> Vec<[Lane; 2]> {
    let of = |(number, link): (u64, &Link)| {
        let seed = seed::apart(seed, number);
        [Direction::Up, Direction::Down].map(|way| Lane::new(link, way, seed))
    };
    (0..).zip(links).map(of).collect()
}

struct Work {
    tun: Tun,
    lanes: Vec<[Lane; 2]>,
    junction: Junction,
    transit: Transit,
    meter: Meter,
    oversleep: Oversleep,
    /// When the packet came that has woken the thread and is the next to be taken; 0 if none has.
    came_ns: u64,
    /// Packets that the kernel would not have back.
    refused: u64,
    looked_ns: u64,
}

impl Work {
    /// Until it is stopped, or the device fails: nobody can use that any more, and connections end by themselves.
    fn run(mut self, stop: &AtomicBool, bell: &Bell) {
        while !stop.load(Ordering::Relaxed) {
            if self.take().is_err() {
                return;
            }
            self.came_ns = 0;
            let now = self.let_go();
            self.look(now);
            let wake_ns = match self.transit.next_ns() {
                None => None,
                Some(next) if next > now + SPIN_NS => Some(next - SPIN_NS),
                Some(_) => continue,
            };
            let wait = wake_ns.map(|wake_ns| Duration::from_nanos(wake_ns - now));
            if self.tun.wait(bell, wait).is_err() {
                return;
            }
            let woke_ns = clock::now();
            self.came_ns = match wake_ns {
                Some(wake_ns) if woke_ns >= wake_ns => {
                    self.oversleep.learn(woke_ns - wake_ns);
                    0
                }
                // A packet did it.
                _ => woke_ns - self.oversleep.usual_ns().min(woke_ns - now),
            };
        }
    }

    /// Takes what the device has, a batch at most.
    fn take(&mut self) -> io::Result<()> {
        for _ in 0..BATCH {
            let mut buffer = self.transit.buffer();
            let Some(length) = self.tun.take(&mut *buffer)? else {
                self.transit.recycle(buffer);
                break;
            };
            match readdress(&mut buffer[..length]) {
                Some(direction) => self.enter(Packet {
                    buffer,
                    length,
                    direction,
                }),
                None => self.transit.recycle(buffer),
            }
        }
        Ok(())
    }

    fn enter(&mut self, packet: Packet) {
        let (direction, length) = (packet.direction, packet.length);
        if self
            .meter
            .outage()
            .has(&packet.buffer[..length], direction, clock::now)
        {
            self.meter.gone();
            return self.transit.recycle(packet.buffer);
        }
        let now = match std::mem::take(&mut self.came_ns) {
            0 => clock::now(),
            came_ns => came_ns,
        };
        let bytes = length as u64;
        self.meter.count(direction, Step::Enters { bytes });
        // A junction has as many links as there are pairs of lanes.
        let [up, down] = &mut self.lanes[self.junction.taken()];
        let lane = match direction {
            Direction::Up => up,
            Direction::Down => down,
        };
        let (step, buffer) = match lane.admit(now, length) {
            Fate::Leaves(leaves_ns) => match self.transit.keep(leaves_ns, packet) {
                Ok(()) => return,
                Err(buffer) => (Step::QueueFull, buffer),
            },
            Fate::Lost => (Step::Lost, packet.buffer),
            Fate::QueueFull => (Step::QueueFull, packet.buffer),
        };
        self.meter.count(direction, step);
        self.transit.recycle(buffer);
    }

    /// Lets go of all that is due, and returns the time at which nothing was.
    fn let_go(&mut self) -> u64 {
        loop {
            let now = clock::now();
            let Some((leaves_ns, packet)) = self.transit.due(now) else {
                return now;
            };
            let late_ns = now - leaves_ns;
            match self.tun.give(&packet.buffer[..packet.length]) {
                Ok(()) => self
                    .meter
                    .count(packet.direction, Step::Delivered { late_ns }),
                Err(_) => self.refused += 1,
            }
            self.transit.recycle(packet.buffer);
        }
    }

    fn look(&mut self, now: u64) {
        if now - self.looked_ns >= LOOK_NS {
            self.looked_ns = now;
            self.meter.missed(self.tun.missed() + self.refused);
        }
    }
}
