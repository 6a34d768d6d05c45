//! What publishers and subscribers do: one file per workload.

pub(crate) mod connect;
pub(crate) mod fan_out;
pub(crate) mod slices;
pub(crate) mod tokens;
