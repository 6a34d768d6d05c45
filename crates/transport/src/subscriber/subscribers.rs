//! What can be asked of all subscribers of a thread, whatever their transport.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pushbench_model::sequence::SequenceCheck;

#[cfg(doc)]
use super::{Happened, Protocol, SubscribeError};
use super::{Inlet, Nonce, Progress, Subscriber};

/// All subscribers of one thread.
///
/// Behind the trait object there is one call per turn of the loop or per connection; inside, all is monomorphic over the
/// transport's [`Protocol`].
pub trait Subscribers {
    /// Makes room for `count` more of them.
    fn reserve(&mut self, count: usize);

    /// Begins a connection to `to`, from the address `from` if one is given, and subscribes as soon as it is
    /// established. Returns the key of the subscriber.
    ///
    /// # Errors
    ///
    /// When the connection fails at once; one that fails later leaves a note.
    fn open(&mut self, to: SocketAddr, from: Option<IpAddr>, nonce: Nonce) -> io::Result<usize>;

    /// As [`Self::open`], for a subscriber that was cut off: `check` knows what it has, and it asks for messages after
    /// `after`. It tells of its first message that is new ([`Happened::Served`]).
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    fn reopen(
        &mut self,
        to: SocketAddr,
        from: Option<IpAddr>,
        nonce: Nonce,
        after: Option<u64>,
        check: SequenceCheck,
    ) -> io::Result<usize>;

    /// Cuts the connection of one off when `bytes` more of it have been read, at once if there are to be none. It leaves a note
    /// ([`SubscribeError::Cut`]), and stays as it is until it is closed.
    fn cut(&mut self, key: usize, bytes: u32);

    /// Reads one no more, from now on: it is slow on purpose. Its end leaves a note ([`SubscribeError::LetGo`]). Whether it was
    /// there to be set aside.
    ///
    /// # Errors
    ///
    /// When the kernel does not let its watch be changed.
    fn set_aside(&mut self, key: usize) -> io::Result<bool>;

    /// Reads up to `most` bytes of one that was set aside, and drops them. Returns how many there were.
    fn sip(&mut self, key: usize, most: usize) -> usize;

    /// Waits for something to happen, for `timeout` at most, and handles all that did.
    ///
    /// # Errors
    ///
    /// When waiting is not possible; a connection that fails leaves a note.
    fn turn(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// What they share.
    fn inlet(&self) -> &Inlet;

    /// What they share, to be changed.
    fn inlet_mut(&mut self) -> &mut Inlet;

    /// One of them.
    fn get(&self, key: usize) -> Option<(&Subscriber, Progress)>;

    /// Lets those that poll by the clock go on, or has them rest: one that has asked is answered, and no more is asked.
    /// They go on from the start. Without effect on transports that do not.
    fn run_clocks(&mut self, runs: bool);

    /// Whether none of those that poll by the clock awaits an answer.
    fn are_answered(&self) -> bool;

    /// Calls `each` for every one that was not closed, the ended ones too.
    fn for_each(&self, each: &mut dyn FnMut(&Subscriber, Progress));

    /// Closes the connection of one and forgets it; its key is free again.
    fn close(&mut self, key: usize);

    /// As [`Self::close`], by a reset, which leaves no TIME_WAIT behind.
    fn reset(&mut self, key: usize);
}
