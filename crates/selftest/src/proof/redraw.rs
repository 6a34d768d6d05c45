//! A report is a function of its record: drawn again, it is the same to the byte.

use pushbench_model::record::Record;

use crate::record::{Kind, synthetic};
use crate::{About, Context, Finding, Proof, Unproven};

pub(super) struct Redraw {
    /// The report in all its formats.
    draw: fn(&Record) -> Vec<String>,
}

pub(super) static REAL: Redraw = Redraw { draw };

fn draw(record: &Record) -> Vec<String> {
    vec![
        pushbench_report::html(record),
        pushbench_report::markdown(record),
        pushbench_report::csv(record),
    ]
}

impl Proof for Redraw {
    fn about(&self) -> About {
        About {
            id: "redraw",
            rules: &[37],
            rule: "A report is drawn from its record alone, byte for byte the same every time.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        // Written to disk and read back, twice.
        let record = synthetic(context.seed, Kind::OneAbsurdTrial)?;
        let again = synthetic(context.seed, Kind::OneAbsurdTrial)?;
        let (first, second) = ((self.draw)(&record), (self.draw)(&again));
        let bytes: usize = first.iter().map(String::len).sum();
        let different: usize = first
            .iter()
            .zip(&second)
            .map(|(a, b)| differing(a, b))
            .sum();
        Ok(Finding {
            injected: "one record, written and read twice; HTML, Markdown and CSV drawn from each"
                .into(),
            expected: "0 differing bytes".into(),
            read: format!("{different} differing bytes of {bytes}"),
            naive: None,
            holds: different == 0 && bytes > 0 && first.len() == second.len(),
        })
    }
}

fn differing(a: &str, b: &str) -> usize {
    let common = a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count();
    common + a.len().abs_diff(b.len())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    #[test]
    fn passes() {
        assert_passes(&REAL);
    }

    #[test]
    fn a_report_that_knows_more_than_its_record_fails() {
        static DRAWN: AtomicU64 = AtomicU64::new(0);
        assert_fails(&Redraw {
            draw: |record| {
                let mut formats = draw(record);
                let number = DRAWN.fetch_add(1, Ordering::Relaxed);
                formats[1] += &format!("Report number {number}.\n");
                formats
            },
        });
    }
}
