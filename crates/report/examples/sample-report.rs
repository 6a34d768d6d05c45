//! Prints a report of a synthetic record, to look at while working on it.
//!
//! Arguments, in any order: `markdown` or `csv` instead of HTML; `counters` for a machine with hardware counters;
//! `anatomy` for a record that holds only an anatomy, `with-anatomy` for one that holds it beside trials;
//! `extreme` for figures at the ends of what can be recorded; a directory to read a real record instead.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;

use pushbench_model::record::Record;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut record = support::record();
    let mut format: fn(&Record) -> String = pushbench_report::html;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "html" => format = pushbench_report::html,
            "markdown" => format = pushbench_report::markdown,
            "csv" => format = pushbench_report::csv,
            "anatomy" => record = support::anatomy_alone(),
            "with-anatomy" => record.anatomy = Some(support::anatomy()),
            "counters" => record = support::with_counters(record),
            "extreme" => record = support::extreme(record),
            directory => record = Record::read(Path::new(directory))?,
        }
    }
    print!("{}", format(&record));
    Ok(())
}
