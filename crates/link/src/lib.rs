//! A network path between server and load process that loopback lacks: a round trip, loss, a rate and its queue, without
//! leaving the machine.
//!
//! [`enter`] moves the process into a network namespace with one TUN device, and an emulator thread holds the other end
//! of that device, with one link or several that take turns. A packet from [`CLIENT`] to [`FAR`] arrives from [`SEEN`] at [`NEAR`], which is where servers listen;
//! what the server answers goes the same way back. So both directions cross the emulator, and a server needs
//! not know that there is a link. Where the kernel's netem is asked for, each direction has a device of its own, netem
//! delays what leaves by it, and the thread only passes on.
//!
//! # Layout
//!
//! - `address`: who is called what on either side, and readdressing packets without touching their checksums
//! - `lane`: what one direction does to packets, as a pure function of the time and a seed
//! - `junction`: which of several links packets take
//! - `transit`: packets on their way, and what it takes to keep them without allocating
//! - `emulator`: the thread between the device and the two lanes
//! - [`Outage`]: connections whose packets vanish
//! - `oversleep`: how long ago a packet came that woke the thread
//! - `meter`: what crossed, and how late it was let go
//! - `netem`, `shaper`, `relay`: a link as settings of the kernel's netem, the devices that have them, and the thread between
//!   these
//! - `seed`, `task`: what both emulators draw from, and the thread of either
//! - `network`: the namespace and the devices
//! - [`check`]: what sockets see of the link that this process is in
//!
//! docs/LINK.md says what each setting means, and what the link is not.

mod address;
pub mod check;
mod emulator;
mod junction;
mod lane;
mod meter;
mod netem;
mod network;
mod outage;
mod oversleep;
mod relay;
mod seed;
mod senders;
mod shaper;
mod task;
mod transit;

pub use address::{CLIENT, FAR, NEAR, SEEN};
pub use junction::{Junction, NotTaken};
pub use meter::{Meter, Reading};
pub use network::{LinkError, Network, enter};
pub use outage::{Outage, Until};
pub use senders::NotAllowed;
