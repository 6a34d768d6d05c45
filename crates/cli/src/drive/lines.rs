//! Where there is no terminal: a line every few seconds on standard error.

use pushbench_report::{drive, whole};

use super::history::{History, clock, per_second};
use crate::output;

const EVERY_NS: u64 = 5_000_000_000;

/// When the last line was.
#[derive(Default)]
pub(super) struct Lines {
    told_ns: u64,
}

impl Lines {
    pub(super) fn show(&mut self, history: &History) {
        let now = history.last.elapsed_ns;
        if now < self.told_ns + EVERY_NS {
            return;
        }
        // In step with the seconds, however late this one is.
        self.told_ns = now - now % EVERY_NS;
        output::say(&line(history));
    }
}

fn line(history: &History) -> String {
    let last = &history.last;
    let mut line = format!(
        "{}: {} of {} open, {} messages, {}",
        clock(last.elapsed_ns),
        whole(last.open.into()),
        whole(history.connections.into()),
        whole(last.messages),
        per_second(history.now().0),
    );
    if last
        .latency
        .as_ref()
        .is_some_and(|samples| !samples.is_empty())
    {
        line += &format!(
            ", {} p50 {} p99 {}",
            drive::name(last.latency_name),
            history.quantile(0.5),
            history.quantile(0.99)
        );
    }
    if last.lost > 0 {
        line += &format!(", {} lost", whole(last.lost));
    }
    match history.faults() {
        0 => {}
        1 => line += ", 1 fault",
        n => line += &format!(", {} faults", whole(n)),
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::history::sample;

    #[test]
    fn a_line() {
        assert_eq!(
            line(&sample(20)).replace('\u{202f}', " "),
            "5.0 s: 48 of 50 open, 28 000 messages, 6 880/s, response time p50 1.10 ms p99 1.98 ms, 3 lost, 14 faults"
        );
    }

    #[test]
    fn one_every_five_seconds() {
        let mut lines = Lines::default();
        let mut told = Vec::new();
        for moment in 1..=44 {
            let before = lines.told_ns;
            lines.show(&sample(moment));
            if lines.told_ns != before {
                told.push(moment);
            }
        }
        assert_eq!(told, [20, 40]);
    }
}
