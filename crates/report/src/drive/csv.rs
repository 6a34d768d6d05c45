//! CSV: second by second. Figures of the whole drive are in the JSON, which has names for them.

use super::Driven;

/// The columns, documented for users in the help of `pushbench load`.
pub const COLUMNS: &str = "second,messages,bytes,open,faults";

/// One row per second, the first of which is number 1. Numbers are plain.
#[must_use]
pub fn csv(driven: &Driven<'_>) -> String {
    let mut out = format!("{COLUMNS}\n");
    for (second, row) in (1..).zip(&driven.report.seconds) {
        out += &format!(
            "{second},{},{},{},{}\n",
            row.messages, row.bytes, row.open, row.faults
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::sample;

    #[test]
    fn a_row_per_second() {
        let report = sample::with_latency();
        let text = csv(&Driven::new(&report).unwrap());
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(COLUMNS));
        assert_eq!(lines.next(), Some("1,4000,640000,50,0"));
        assert_eq!(lines.count() + 1, report.seconds.len());
    }
}
