//! Servers that refuse, lie, break off or keep silent: a measurement ends in one clear error, or in figures that say
//! what happened. It never hangs and never panics.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod answers;
mod arrivals;
mod connections;
mod control;
mod fake;
mod files;
mod refusals;
mod streams;
