//! The state of a connection, and the slab that holds all of them.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Guise;
use super::http::Form;
use super::interest::Interest;
use super::line::Line;
use super::outlet::Stop;

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its client is to say what it wants.
    Opening,
    /// It is sent every message.
    Streaming,
    /// It is to be answered when there is a message after its cursor.
    Held,
    /// The messages up to `until` are being sent as an answer.
    Answering,
    /// What is unsent still goes out, and nothing else.
    Closing,
    /// All is said; what the client sends is thrown away until it goes, so that it is not reset before it has read.
    Lingering,
}

/// Whether a connection that polls is known to be as nearly all are: nothing is kept of it and nothing owed to it. What it is at
/// follows, so that one look tells both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tidy {
    No,
    /// It is between a usual answer and the next usual request: [`Phase::Opening`].
    Between,
    /// A usual request of it waits for its answer: [`Phase::Held`].
    Waits,
}

/// One connection.
pub(super) struct Connection<S, L> {
    pub(super) line: L,
    interest: Interest,
    pub(super) phase: Phase,
    /// The socket takes no more at present; see [`Self::block`].
    pub(super) blocked: bool,
    /// The socket may hold more to read than was taken.
    pub(super) unread: bool,
    /// The client has ended its side, or will have when all is read.
    pub(super) ending: bool,
    /// A request of it was whole, and no byte of a further one has come.
    pub(super) opened: bool,
    /// Whatever else is done with a connection must unset this first.
    pub(super) tidy: Tidy,
    /// See [`super::Asked::Stream`].
    pub(super) guise: Guise,
    pub(super) form: Form,
    /// The next message to be sent.
    pub(super) cursor: u64,
    /// The first message that is not to be sent.
    pub(super) until: u64,
    /// The first message published after it subscribed: what it asked for beyond that does not count as waiting.
    pub(super) live_from: u64,
    /// The first message of the records that the line has taken and the socket has not, if there are any.
    pub(super) sealed_from: u64,
    /// Bytes of the client that mean nothing.
    pub(super) skip: u64,
    /// The rest of a frame, or of what is said to this client alone.
    pub(super) unsent: Bytes,
    /// Messages before its cursor that are kept for it all the same, behind `unsent`: none where that is empty, nor with a policy
    /// that bounds them.
    pub(super) backlog: VecDeque<Bytes>,
    /// What is to be said to it after that.
    pub(super) reply: Vec<u8>,
    /// Bytes of the client that are not whole.
    pub(super) inbox: Vec<u8>,
    pub(super) state: S,
}

impl<S: Default, L> Connection<S, L> {
    pub(super) fn new(line: L, interest: Interest) -> Self {
        Self {
            line,
            interest,
            phase: Phase::Opening,
            blocked: false,
            unread: false,
            ending: false,
            opened: false,
            tidy: Tidy::No,
            guise: Guise::default(),
            form: Form::default(),
            cursor: 0,
            until: 0,
            live_from: 0,
            sealed_from: 0,
            skip: 0,
            unsent: Bytes::new(),
            backlog: VecDeque::new(),
            reply: Vec::new(),
            inbox: Vec::new(),
            state: S::default(),
        }
    }
}

impl<S, L: Line> Connection<S, L> {
    /// Marks it as one whose socket takes no more, until an event says that it does.
    pub(super) fn block(&mut self) -> Result<(), Stop> {
        self.blocked = true;
        self.interest.full(self.line.stream()).map_err(Stop::from)
    }

    /// Whether a message would go out at once.
    #[inline]
    pub(super) fn is_clear(&self) -> bool {
        !(self.blocked || self.owes())
    }

    /// Whether it is sent what all others are sent.
    #[inline]
    pub(super) fn is_usual(&self) -> bool {
        self.phase == Phase::Streaming && self.guise == Guise::default()
    }

    /// Notes whether nothing is left of the last request and its answer, so that the next can be dealt with by itself.
    #[inline]
    pub(super) fn tidy_up(&mut self) {
        let read = self.inbox.is_empty() && self.skip == 0 && !self.unread && !self.ending;
        let tidy = read && self.phase == Phase::Opening && self.form.is_usual() && self.is_clear();
        self.tidy = if tidy { Tidy::Between } else { Tidy::No };
    }

    /// A usual request was read of one that was [`Tidy::Between`], and waits for the messages from number `next` on.
    #[inline]
    pub(super) fn waits_for(&mut self, next: u64) {
        debug_assert_eq!(self.phase, Phase::Opening, "as its tidiness says");
        self.cursor = next;
        (self.tidy, self.phase) = (Tidy::Waits, Phase::Held);
    }

    /// A usual answer with the messages before `next` went out whole to one that was [`Tidy::Waits`].
    #[inline]
    pub(super) fn has_until(&mut self, next: u64) {
        debug_assert_eq!(self.phase, Phase::Held, "as its tidiness says");
        self.cursor = next;
        (self.tidy, self.phase) = (Tidy::Between, Phase::Opening);
    }

    /// Whether something is to go out before any further message.
    #[inline]
    pub(super) fn owes(&self) -> bool {
        !(self.unsent.is_empty() && self.reply.is_empty()) || self.line.owes()
    }

    /// Messages before its cursor that are kept for it all the same, in records that its socket has not taken.
    pub(super) fn kept(&self) -> u64 {
        if L::SEALS && self.line.owes() {
            self.cursor.saturating_sub(self.sealed_from)
        } else {
            0
        }
    }
}

/// Connections, of whatever is kept of one, by a small number that is used again.
pub(crate) struct Slab<C> {
    slots: Vec<Slot<C>>,
    free: Vec<u32>,
}

struct Slot<C> {
    /// How often the slot was emptied: an event for a connection that is gone must not meet its successor.
    generation: u32,
    connection: Option<C>,
}

impl<C> Slab<C> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Keeps the connection that is made for the token of its events; returns its index.
    pub(crate) fn insert<E>(&mut self, make: impl FnOnce(u64) -> Result<C, E>) -> Result<u32, E> {
        let index = match self.free.last() {
            Some(&index) => index,
            None => {
                self.slots.push(Slot {
                    generation: 0,
                    connection: None,
                });
                let index = (self.slots.len() - 1) as u32;
                self.free.push(index);
                index
            }
        };
        self.slots[index as usize].connection = Some(make(self.token_of(index))?);
        self.free.pop();
        Ok(index)
    }

    /// The connection that `token` was made for, unless it is gone, and its index.
    #[inline]
    pub(crate) fn of(&mut self, token: u64) -> Option<(u32, &mut C)> {
        let index = token as u32;
        let slot = self.slots.get_mut(index as usize)?;
        if u64::from(slot.generation) != token >> 32 {
            return None;
        }
        Some((index, slot.connection.as_mut()?))
    }

    /// The index of the connection that `token` was made for, unless it is gone.
    #[inline]
    pub(crate) fn index_of(&self, token: u64) -> Option<u32> {
        let index = token as u32;
        let slot = self.slots.get(index as usize)?;
        (u64::from(slot.generation) == token >> 32).then_some(index)
    }

    /// The token of the events of the connection at `index`.
    pub(crate) fn token_of(&self, index: u32) -> u64 {
        u64::from(self.slots[index as usize].generation) << 32 | u64::from(index)
    }

    #[inline]
    pub(crate) fn get(&mut self, index: u32) -> Option<&mut C> {
        self.slots.get_mut(index as usize)?.connection.as_mut()
    }

    /// Every connection, by its index.
    #[inline]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut C)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(index, slot)| Some((index as u32, slot.connection.as_mut()?)))
    }

    /// Takes a connection out and closes it.
    pub(crate) fn remove(&mut self, index: u32) {
        drop(self.take(index));
    }

    /// Takes a connection out.
    pub(crate) fn take(&mut self, index: u32) -> Option<C> {
        let slot = &mut self.slots[index as usize];
        let connection = slot.connection.take()?;
        // The highest bit of a token is not ours.
        slot.generation = (slot.generation + 1) & 0x7fff_ffff;
        self.free.push(index);
        Some(connection)
    }
}
