//! Why nothing can be counted.

use std::{fmt, io};

use crate::procfs;

/// Why [`Counters::attach`](super::Counters::attach) failed, with what to do as its message.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unavailable {
    /// The machine has no counters, or its hypervisor keeps them.
    NotSupported(io::Error),
    /// This user may not count in that process.
    Forbidden {
        /// `kernel.perf_event_paranoid`, where it can be read.
        paranoid: Option<i32>,
    },
    /// There is no such process, or it has exited.
    NoProcess {
        /// The process asked for.
        pid: u32,
    },
    /// The process started and ended threads faster than counters could be attached to them.
    Restless {
        /// The process asked for.
        pid: u32,
    },
    /// Anything else, such as too many open files.
    Io(io::Error),
}

impl Unavailable {
    /// Sorts an error of `perf_event_open`.
    pub(super) fn from_open(error: io::Error, pid: u32) -> Self {
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => Self::Forbidden {
                paranoid: paranoid(),
            },
            Some(libc::ESRCH) => Self::NoProcess { pid },
            Some(
                libc::ENOENT
                | libc::ENODEV
                | libc::ENXIO
                | libc::EINVAL
                | libc::ENOSYS
                | libc::EOPNOTSUPP,
            ) => Self::NotSupported(error),
            // perf-event2 turns E2BIG, an option that the kernel is too old for, into this kind.
            _ if error.kind() == io::ErrorKind::Unsupported => Self::NotSupported(error),
            _ => Self::Io(error),
        }
    }
}

fn paranoid() -> Option<i32> {
    procfs::read("/proc/sys/kernel/perf_event_paranoid")
        .ok()?
        .trim()
        .parse()
        .ok()
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSupported(error) => write!(
                f,
                "this machine offers no hardware counters ({error}); use a physical machine, or a \
                 virtual one whose hypervisor passes the processor's counters through"
            ),
            Self::Forbidden { paranoid } => {
                f.write_str("no permission to count in this process")?;
                if let Some(level) = paranoid {
                    write!(f, " (kernel.perf_event_paranoid is {level})")?;
                }
                f.write_str(
                    "; run as root or with CAP_PERFMON, or set `sysctl kernel.perf_event_paranoid=1`; \
                     in a container, its seccomp profile must allow perf_event_open",
                )
            }
            Self::NoProcess { pid } => {
                write!(
                    f,
                    "process {pid} does not exist or has exited; attach while it runs"
                )
            }
            Self::Restless { pid } => write!(
                f,
                "process {pid} starts and ends threads all the time; attach once it has warmed up"
            ),
            Self::Io(error) => write!(
                f,
                "cannot attach counters ({error}); each thread of the process needs four open files"
            ),
        }
    }
}

impl std::error::Error for Unavailable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotSupported(error) | Self::Io(error) => Some(error),
            Self::Forbidden { .. } | Self::NoProcess { .. } | Self::Restless { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(code: i32) -> String {
        Unavailable::from_open(io::Error::from_raw_os_error(code), 7).to_string()
    }

    #[test]
    fn every_message_says_why_and_what_to_do() {
        assert!(message(libc::ENOENT).contains("physical machine"));
        assert!(message(libc::EOPNOTSUPP).contains("no hardware counters"));
        assert!(message(libc::EACCES).contains("perf_event_paranoid"));
        assert!(message(libc::ESRCH).contains("process 7"));
        assert!(message(libc::EMFILE).contains("open files"));
    }
}
