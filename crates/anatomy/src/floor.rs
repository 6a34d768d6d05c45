//! The floor: what no server and no load generator can go below while they write once and read once per delivery.
//!
//! Both speak the framing of the transport `tcp` on one thread over raw epoll, level-triggered. The server encodes a
//! message once and makes one `write` per connection. The receiver does everything that the load generator does with a
//! message: it finds the frames, compares the body with the one it knows (or verifies it), checks the sequence, stamps
//! the time and records two delays.

pub mod framing;
pub(crate) mod ledger;
pub mod receiver;
pub mod server;

use std::mem::MaybeUninit;

use rustix::event::epoll::Event;

/// Events taken from the kernel at once, as many as tokio takes.
const EVENTS: usize = 1024;

type Events = [MaybeUninit<Event>; EVENTS];

const fn no_events() -> Events {
    [const { MaybeUninit::uninit() }; EVENTS]
}
