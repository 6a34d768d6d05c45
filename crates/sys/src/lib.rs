//! What the machine offers to a benchmark, and nothing of the benchmark itself.
//!
//! # Layout
//!
//! - [`clock`]: the one clock of every stamp, and sleeping until an instant on it
//! - [`pacer`]: an open-loop schedule turned into calls, on a thread of its own
//! - [`affinity`]: which cores a thread, and the children it spawns, may use
//! - [`namespace`], [`netlink`], [`tun`]: a network of this process's own, and a device in it
//! - [`poller`]: waiting for many sockets at once
//! - [`tcp`]: what the kernel counted on a connection
//! - [`sockets`]: which connections there are
//! - [`process`]: CPU, memory and context switches of a process, seen from outside
//! - [`counters`]: instructions and cycles of a process, where the processor shares them
//! - [`host`]: what the rest of the machine did meanwhile
//! - [`machine`]: what the first process of a machine of our own does
//!
//! Times are nanoseconds and sizes are bytes unless a name says otherwise. This is the only crate of
//! the workspace that may contain `unsafe`; each block wraps one system call, or a few
//! instructions of which it matters how many they are.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "Pushbench measures through Linux interfaces (TCP_INFO, /proc, perf_event_open): \
     build and run it on Linux, for example in a virtual machine or a container."
);

#[cfg(target_os = "linux")]
pub mod affinity;
#[cfg(target_os = "linux")]
pub mod clock;
#[cfg(target_os = "linux")]
pub mod counters;
#[cfg(target_os = "linux")]
pub mod host;
#[cfg(target_os = "linux")]
pub mod machine;
#[cfg(target_os = "linux")]
pub mod namespace;
#[cfg(target_os = "linux")]
pub mod netlink;
#[cfg(target_os = "linux")]
pub mod pacer;
#[cfg(target_os = "linux")]
pub mod poller;
#[cfg(target_os = "linux")]
pub mod process;
#[cfg(target_os = "linux")]
mod procfs;
#[cfg(target_os = "linux")]
pub mod sockets;
#[cfg(target_os = "linux")]
pub mod tcp;
#[cfg(test)]
mod testing;
#[cfg(target_os = "linux")]
pub mod timer;
#[cfg(target_os = "linux")]
pub mod tun;
