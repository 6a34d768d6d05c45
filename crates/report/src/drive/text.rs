//! A page of a terminal.

use super::{Driven, Judged, Judgement, bars, facts, hint, notices, percentiles, title};
use crate::number::{capitalised, counted, whole};
use crate::table::{Table, Tone};

/// What the page is written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Columns.
    pub width: usize,
    /// Whether it shows colours.
    pub colour: bool,
}

const MARGIN: &str = "  ";
/// Longer lines of prose are hard to read.
const PROSE: usize = 100;

/// The page.
#[must_use]
pub fn text(driven: &Driven<'_>, judged: &[Judged], paper: Paper) -> String {
    let page = Page(paper);
    let mut out = format!("{}\n\n", page.strong(&title(driven)));
    let all = facts(driven);
    let widest = all.iter().map(|fact| fact.about.len()).max().unwrap_or(0);
    for fact in &all {
        let head = format!("{MARGIN}{:widest$}  ", capitalised(fact.about));
        out += &page.hanging(&head, &fact.text, fact.bad);
    }
    out.push('\n');
    for notice in notices(driven) {
        out += &page.hanging(MARGIN, &notice, false);
    }
    let table = percentiles::table(driven);
    if !table.rows.is_empty() {
        out.push('\n');
        out += &page.table(&table);
        for note in &table.notes {
            out += &page.hanging(MARGIN, note, false);
        }
    }
    if let Some((name, samples)) = driven.main_samples() {
        let heading = format!(
            "{}, {}",
            capitalised(percentiles::name(name)),
            counted(samples.len() as usize, "sample")
        );
        out += &format!("\n{MARGIN}{}\n", page.strong(&heading));
        let room = paper.width.saturating_sub(30).clamp(8, 50);
        for line in bars::lines(samples, room) {
            out += &format!("{MARGIN}{line}\n");
        }
    }
    out += &page.faults(driven);
    out + &page.thresholds(judged)
}

struct Page(Paper);

impl Page {
    fn painted(&self, code: &str, text: &str) -> String {
        if self.0.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn strong(&self, text: &str) -> String {
        self.painted("1", text)
    }

    fn bad(&self, text: &str) -> String {
        self.painted("31", text)
    }

    /// `head`, then `text` in the columns behind it.
    fn hanging(&self, head: &str, text: &str, bad: bool) -> String {
        let indent = head.chars().count();
        let room = self.0.width.min(PROSE).saturating_sub(indent).max(20);
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let last = lines.last_mut().filter(|line| {
                line.is_empty() || line.chars().count() + 1 + word.chars().count() <= room
            });
            match last {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) => {
                    line.push(' ');
                    line.push_str(word);
                }
                None => lines.push(word.to_owned()),
            }
        }
        let painted = lines
            .iter()
            .map(|line| if bad { self.bad(line) } else { line.clone() });
        let painted: Vec<String> = painted.collect();
        format!("{head}{}\n", painted.join(&format!("\n{:indent$}", "")))
    }

    fn table(&self, table: &Table) -> String {
        let cells = |at: usize| {
            let name = |column: &crate::table::Column| column.name.chars().count();
            let texts = table
                .rows
                .iter()
                .map(|row| row.cells[at].text.chars().count());
            texts.fold(name(&table.columns[at]), usize::max)
        };
        let names = table.rows.iter().map(|row| row.name.chars().count());
        let first = names.max().unwrap_or(0);
        let widths: Vec<usize> = (0..table.columns.len()).map(cells).collect();
        let mut heading = format!("{:first$}", "");
        for (column, width) in table.columns.iter().zip(&widths) {
            heading += &format!("  {:>width$}", column.name);
        }
        let mut out = format!("{MARGIN}{}\n", self.strong(&heading));
        for row in &table.rows {
            out += &format!("{MARGIN}{:first$}", capitalised(&row.name));
            for (cell, width) in row.cells.iter().zip(&widths) {
                let text = format!("{:>width$}", cell.text);
                out += MARGIN;
                out += &if cell.tone == Tone::Bad {
                    self.bad(&text)
                } else {
                    text
                };
            }
            out.push('\n');
        }
        out
    }

    fn faults(&self, driven: &Driven<'_>) -> String {
        let faults = &driven.report.faults;
        if faults.is_empty() {
            return String::new();
        }
        let mut out = format!("\n{MARGIN}{}\n", self.strong("What went wrong"));
        let counts: Vec<String> = faults.iter().map(|fault| whole(fault.count)).collect();
        let widest = counts.iter().map(|count| count.chars().count()).max();
        let widest = widest.unwrap_or(0);
        let mut hinted = Vec::new();
        for (fault, count) in faults.iter().zip(&counts) {
            let head = format!("{MARGIN}{count:>widest$} ×  ");
            out += &self.hanging(&head, &fault.text, true);
            if let Some(hint) = hint(fault.kind).filter(|_| !hinted.contains(&fault.kind)) {
                hinted.push(fault.kind);
                let head = format!("{MARGIN}{:widest$}    -> ", "");
                out += &self.hanging(&head, hint, false);
            }
        }
        out
    }

    fn thresholds(&self, judged: &[Judged]) -> String {
        if judged.is_empty() {
            return String::new();
        }
        let mut out = format!("\n{MARGIN}{}\n", self.strong("Thresholds"));
        let widest = |of: fn(&Judged) -> &str| {
            let lengths = judged.iter().map(|one| of(one).chars().count());
            lengths.max().unwrap_or(0)
        };
        let (labels, texts) = (
            widest(|one| one.judgement.label()),
            widest(|one| &one.threshold),
        );
        for one in judged {
            let label = format!("{:labels$}", one.judgement.label());
            let label = match one.judgement {
                Judgement::Kept => label,
                Judgement::Exceeded | Judgement::Undecided => self.bad(&label),
            };
            out += &format!("{MARGIN}{label}  {:texts$}  {}\n", one.threshold, one.found);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::{judge, sample};

    const PLAIN: Paper = Paper {
        width: 100,
        colour: false,
    };

    fn page(
        report: &pushbench_model::drive::DriveReport,
        thresholds: &[&str],
        paper: Paper,
    ) -> String {
        let driven = Driven::new(report).unwrap();
        let judged: Vec<Judged> = thresholds
            .iter()
            .map(|text| judge(&driven, &text.parse().unwrap()))
            .collect();
        text(&driven, &judged, paper)
    }

    #[test]
    fn pages() {
        insta::assert_snapshot!(
            "with_latency",
            page(
                &sample::with_latency(),
                &["response.p99>1ms", "lost>0", "response.p99.999>1s"],
                PLAIN
            )
        );
        insta::assert_snapshot!(
            "without_latency",
            page(&sample::without_latency(), &[], PLAIN)
        );
        insta::assert_snapshot!("nothing", page(&sample::nothing(), &[], PLAIN));
    }

    #[test]
    fn no_line_is_wider_than_the_paper() {
        for width in [80, 100, 200] {
            for report in [sample::with_latency(), sample::without_latency()] {
                let paper = Paper {
                    width,
                    colour: false,
                };
                for line in page(&report, &["lost>0"], paper).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                    assert_eq!(line, line.trim_end());
                }
            }
        }
    }

    #[test]
    fn colour_is_all_that_colour_adds() {
        let report = sample::without_latency();
        let coloured = page(
            &report,
            &["messages<1000000"],
            Paper {
                colour: true,
                ..PLAIN
            },
        );
        let plain = page(&report, &["messages<1000000"], PLAIN);
        assert!(coloured.contains("\x1b[31m") && !plain.contains('\x1b'));
        let mut stripped = coloured;
        for code in ["\x1b[31m", "\x1b[1m", "\x1b[0m"] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }
}
