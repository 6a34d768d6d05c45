//! What the whole machine did: a trial during which a neighbour took the cores is not a measurement
//! of the server.

mod cpu;
mod pressure;

pub use cpu::{CpuTimes, HostCpu, cpu_times};
pub use pressure::{Pressure, Stall, pressure};
