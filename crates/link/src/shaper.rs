//! The two devices whose packets the kernel's netem delays and drops.

use std::io;
use std::sync::{Mutex, PoisonError};

use pushbench_model::link::{Direction, Link};
use pushbench_sys::netlink::Device;

use crate::netem::{KIND, Netem};
use crate::seed;

/// netem on the device of each direction.
pub(crate) struct Shaper {
    /// The one that packets to the server leave by, and the one that those from it do.
    devices: [Device; 2],
    seed: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How often it was set: what is drawn must not be the same every time.
    times: u64,
    /// What was dropped before it was set for the last time.
    dropped: [u64; 2],
}

impl std::fmt::Debug for Shaper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shaper").finish_non_exhaustive()
    }
}

impl Shaper {
    /// Sets netem on both devices for `link`.
    pub(crate) fn new(devices: [Device; 2], link: &Link, seed: u64) -> io::Result<Self> {
        for device in &devices {
            device.take_single_packets()?;
        }
        let shaper = Self {
            devices,
            seed,
            state: Mutex::default(),
        };
        shaper.set(link, &mut shaper.lock())?;
        Ok(shaper)
    }

    /// Sets it for another link. Packets on their way are lost.
    pub(crate) fn change(&self, link: &Link) -> io::Result<()> {
        let mut state = self.lock();
        for (device, dropped) in self.devices.iter().zip(&mut state.dropped) {
            *dropped += u64::from(device.queue_counts()?.dropped);
            device.remove_queue()?;
        }
        self.set(link, &mut state)
    }

    fn set(&self, link: &Link, state: &mut State) -> io::Result<()> {
        let seed = seed::apart(self.seed, state.times);
        state.times += 1;
        let ways = [(Direction::Up, seed), (Direction::Down, !seed)];
        for (device, (direction, seed)) in self.devices.iter().zip(ways) {
            device.set_queue(KIND, &Netem::new(link, direction, seed).options())?;
        }
        Ok(())
    }

    /// Packets that netem has dropped each way, if the kernel says.
    pub(crate) fn dropped(&self) -> Option<[u64; 2]> {
        let state = self.lock();
        let of = |way: usize| {
            let counts = self.devices[way].queue_counts().ok()?;
            Some(state.dropped[way] + u64::from(counts.dropped))
        };
        Some([of(0)?, of(1)?])
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic leaves counts as they were.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
