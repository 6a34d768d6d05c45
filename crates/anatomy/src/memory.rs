//! Memory per connection.
//!
//! A process holds memory for much besides its connections. Two of its lives that differ in nothing but their number
//! leave the connections alone, as two numbers of messages leave the deliveries alone in [`count`](crate::count).

use std::io;

use pushbench_sys::process;

use crate::contender::Contender;
use crate::trial::{Shape, Trial, plain};

/// By how many connections the two lives differ.
const MORE: usize = 1000;

/// Messages before memory is read: enough for buffers to have grown.
const MESSAGES: u64 = 8;

/// Bytes of the program's own memory (of no file, nor of the kernel's socket buffers) per connection, beyond the first
/// `connections`. `None` where the system does not show them.
///
/// # Errors
///
/// When the trial fails.
pub fn per_connection(contender: &Contender, connections: usize) -> io::Result<Option<f64>> {
    let few = held(contender, connections)?;
    let many = held(contender, connections + MORE)?;
    Ok(few
        .zip(many)
        .map(|(few, many)| (many as f64 - few as f64) / MORE as f64))
}

fn held(contender: &Contender, connections: usize) -> io::Result<Option<u64>> {
    let shape = Shape {
        connections,
        batch: 1,
    };
    let mut trial = Trial::start(contender, shape, plain)?;
    trial.deliver(MESSAGES)?;
    let memory = process::memory(trial.pid())?;
    trial.finish()?;
    Ok(memory.anonymous_bytes)
}
