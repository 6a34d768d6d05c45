//! A trial on a thread of its own, with a table of files of its own: the limit of open files holds for each.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use pushbench_sys::affinity;
use pushbench_sys::process::{cpu_time_ns, spawn_with_own_files};

use super::{Member, Work};
use crate::client::Received;
use crate::trial::{Trial, cores, plain};

/// A contender that waits for its turns.
pub(super) struct Seat {
    orders: Sender<u64>,
    answers: Receiver<io::Result<u64>>,
    thread: JoinHandle<io::Result<End>>,
}

/// What is known at the end of a trial.
pub(crate) struct End {
    /// Bytes from server to client.
    pub(crate) down: u64,
    /// Bytes from client to server, where they are seen.
    pub(crate) up: Option<u64>,
    /// What a client received.
    pub(crate) received: Option<Received>,
}

impl Seat {
    /// Starts the member's contender.
    pub(super) fn take(member: Member) -> io::Result<Self> {
        let Member {
            contender, shape, ..
        } = member;
        let apart = member.work == Work::DeliverApart;
        let slice = apart.then(|| member.batches * shape.batch as u64);
        let (orders, given) = channel();
        let (say, answers) = channel();
        let name = Builder::new().name("peer".to_owned());
        let thread = spawn_with_own_files(name, move |_own| {
            // Where a sandbox forbids a table of its own, the common limit shows as connections that fail.
            let started = affinity::pin_current_thread(&[cores().1])
                .and_then(|()| Trial::start_in_slices(contender, shape, slice, plain));
            match started {
                Ok(trial) => {
                    // Nobody listens any more only if the measurement was given up.
                    let _ = say.send(Ok(0));
                    play(trial, member.work, &given, &say)
                }
                Err(error) => {
                    let _ = say.send(Err(error));
                    Err(io::Error::other("it did not start"))
                }
            }
        })?;
        let seat = Self {
            orders,
            answers,
            thread,
        };
        seat.answer()?;
        Ok(seat)
    }

    /// Nanoseconds of processor time that `batches` batches take.
    pub(super) fn slice(&self, batches: u64) -> io::Result<u64> {
        self.orders.send(batches).map_err(|_| ended())?;
        self.answer()
    }

    /// Ends the trial, which checks that nothing is missing.
    pub(super) fn leave(self) -> io::Result<End> {
        drop(self.orders);
        self.thread.join().map_err(|_| ended())?
    }

    fn answer(&self) -> io::Result<u64> {
        self.answers.recv().map_err(|_| ended())?
    }
}

fn play(
    mut trial: Trial,
    work: Work,
    orders: &Receiver<u64>,
    say: &Sender<io::Result<u64>>,
) -> io::Result<End> {
    for batches in orders {
        let used = slice(&mut trial, work, batches);
        let failed = used.is_err();
        if say.send(used).is_err() || failed {
            return Err(ended());
        }
    }
    let (down, up) = trial.traffic();
    let received = trial.end()?;
    Ok(End { down, up, received })
}

fn slice(trial: &mut Trial, work: Work, batches: u64) -> io::Result<u64> {
    let before = cpu_time_ns(trial.pid())?;
    match work {
        Work::Deliver | Work::DeliverApart => trial.deliver(batches)?,
        Work::SetUp => trial.set_up(batches)?,
    }
    Ok(cpu_time_ns(trial.pid())? - before)
}

fn ended() -> io::Error {
    io::Error::other("its trial has ended")
}
