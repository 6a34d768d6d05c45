//! Instructions and cycles of a process.
//!
//! Instructions repeat from run to run within a fraction of a percent where times vary by tens of
//! percent, so they are the figure to compare servers by. They need a processor that shares its
//! counters, which many virtual machines do not, and a kernel that permits reading them.

mod events;
mod unavailable;

use std::io;

use perf_event::Builder;
use perf_event::events::Hardware;

use events::EventSet;

pub use unavailable::Unavailable;

/// Running counters of one process, all its threads together.
#[derive(Debug)]
pub struct Counters {
    /// User instructions and cycles, then kernel instructions and cycles where permitted.
    events: EventSet,
}

/// What was counted since [`Counters::attach`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Instructions in the program.
    pub user_instructions: u64,
    /// Instructions in the kernel on its behalf; `None` where the kernel may not be observed.
    pub kernel_instructions: Option<u64>,
    /// Cycles in the program.
    pub user_cycles: u64,
    /// Cycles in the kernel on its behalf; `None` where the kernel may not be observed.
    pub kernel_cycles: Option<u64>,
    /// Whether the processor had too few counters, so that the kernel took turns and the counts are
    /// estimates scaled up from part of the time.
    pub scaled: bool,
}

impl Counters {
    /// Starts counting in every thread of a process and in the threads and children they start from
    /// now on. Needs four file descriptors per thread present.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] says why nothing can be counted, and what a person can do about it.
    pub fn attach(pid: u32) -> Result<Self, Unavailable> {
        Self::attach_without(pid, None)
    }

    /// As [`Self::attach`], but leaves out the threads that now have the name `without`, and what they start.
    ///
    /// # Errors
    ///
    /// As [`Self::attach`].
    pub fn attach_without(pid: u32, without: Option<&str>) -> Result<Self, Unavailable> {
        Self::attach_where(pid, &|name| without != Some(name))
    }

    /// As [`Self::attach`], but counts only in the threads that now have a name which `counted` accepts, and in what
    /// they start.
    ///
    /// # Errors
    ///
    /// As [`Self::attach`].
    pub fn attach_where(pid: u32, counted: &dyn Fn(&str) -> bool) -> Result<Self, Unavailable> {
        let user = [Hardware::INSTRUCTIONS, Hardware::CPU_CYCLES].map(in_program);
        let kernel = [Hardware::INSTRUCTIONS, Hardware::CPU_CYCLES].map(in_kernel);
        let both = [&user[..], &kernel[..]].concat();
        let events = match EventSet::attach(pid, counted, &both) {
            // Observing the kernel takes more rights than observing one's own programs.
            Err(Unavailable::Forbidden { .. }) => EventSet::attach(pid, counted, &user)?,
            other => other?,
        };
        Ok(Self { events })
    }

    /// The counts so far. Subtract two readings to measure what lies between them.
    ///
    /// # Errors
    ///
    /// When the kernel took the counters away.
    pub fn read(&mut self) -> io::Result<Counts> {
        let readings = self.events.read()?;
        // At least the two user events are always attached.
        let kernel = readings.get(2..4);
        Ok(Counts {
            user_instructions: readings[0].count,
            kernel_instructions: kernel.map(|kernel| kernel[0].count),
            user_cycles: readings[1].count,
            kernel_cycles: kernel.map(|kernel| kernel[1].count),
            scaled: readings.iter().any(|reading| reading.scaled),
        })
    }
}

fn in_program(event: Hardware) -> Builder<'static> {
    // A builder counts the program and not the kernel unless told otherwise.
    Builder::new(event)
}

fn in_kernel(event: Hardware) -> Builder<'static> {
    let mut builder = Builder::new(event);
    builder.exclude_user(true).exclude_kernel(false);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_grow_or_the_reason_is_given() {
        match Counters::attach(std::process::id()) {
            Ok(mut counters) => {
                let first = counters.read().unwrap();
                let second = counters.read().unwrap();
                assert!(second.user_instructions > first.user_instructions);
                assert!(second.user_cycles > first.user_cycles);
            }
            Err(Unavailable::NotSupported(_) | Unavailable::Forbidden { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_process_that_does_not_exist_is_named() {
        let error = Counters::attach(i32::MAX as u32).unwrap_err();
        assert!(matches!(error, Unavailable::NoProcess { .. }), "{error}");
    }
}
