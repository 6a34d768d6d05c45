//! Reports: a record in, bytes out.
//!
//! Every function here is pure: the same record gives the same bytes, on any day. There are no clocks and no files.
//!
//! # Layout
//!
//! - [`metric`]: the figures of one trial
//! - [`results`]: a record sorted by scenario, tuning and server
//! - [`tier`]: how far the machine can be trusted
//! - [`answer`]: verdicts, and the sentences and tables that answer a scenario
//! - [`table`]: a table before it has a format
//! - [`wire`]: counted bytes against the formulas
//! - `theory`: measured figures held against what formulas say of them
//! - `twins`: a scenario beside the same one but for one thing
//! - `cuts`: what was lost over connections that were cut
//! - `goal`: figures that have a goal
//! - `anatomy`: what a delivery is made of, rung by rung
//! - `saturation`: a search for the highest sustained rate
//! - `trials`: trials that enter no figure, and flagged ones; `selftest`: what the self-test of the method found
//! - `prose`: sentences with program text in them
//! - [`peers`]: programs of others beside our own
//! - [`survey`]: what clients, browsers, proxies and faulty samples did
//! - [`drive`]: one drive of an endpoint
//! - `chart`: one file per chart
//! - `html`, `markdown`, `csv`, `summary`: one per format
//! - [`compare`]: several records against the first

mod anatomy;
pub mod answer;
mod chart;
pub mod compare;
mod csv;
mod cuts;
pub mod drive;
mod goal;
mod html;
mod markdown;
pub mod metric;
mod notices;
mod number;
pub mod peers;
mod prose;
pub mod results;
mod saturation;
mod selftest;
mod summary;
pub mod survey;
pub mod table;
mod texts;
mod theory;
pub mod tier;
mod trials;
mod twins;
pub mod wire;

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod sample;

pub use anatomy::{AnatomySummary, StageSummary, anatomy_summary};
pub use csv::csv;
pub use html::html;
pub use markdown::markdown;
pub use number::{Unit, whole};
pub use summary::{ScenarioSummary, Summary, summary};
