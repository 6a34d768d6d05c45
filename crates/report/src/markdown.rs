//! Markdown: the answers and tables, for an issue or a README. The charts are in the HTML.

use pushbench_model::record::Record;

use crate::answer::{answer_table, same_stack, sentences};
use crate::notices;
use crate::results::Results;
use crate::saturation::Saturation;
use crate::table::{Cell, Table, Tone};
use crate::texts;

/// `record` as Markdown (GitHub's).
#[must_use]
pub fn markdown(record: &Record) -> String {
    let results = Results::new(record);
    let run = &record.run;
    let mut out = format!(
        "# {}\n\n{}.\n\n",
        escape(&texts::heading(record)),
        escape(&texts::asked(record))
    );
    for notice in notices::all(&results) {
        out += &format!("- {}\n", escape(&notice));
    }
    if let Some(saturation) = Saturation::of(record) {
        out += &search(&saturation);
    }
    for group in &results.groups {
        out += &format!("\n## {}\n\n", escape(&group.scenario.name));
        out += &format!(
            "{} ({}; {}.)\n\n",
            escape(&sentence(&group.scenario.models)),
            escape(&texts::parameters(group.scenario, run)),
            texts::loop_model(group.loop_model),
        );
        for (index, sentence) in sentences(group).iter().enumerate() {
            let text = escape(sentence);
            out += &if index == 0 {
                format!("**{text}**\n")
            } else {
                format!("{text}\n")
            };
        }
        out.push('\n');
        out += &table(&answer_table(group, run.environment.no_counters.as_deref()));
        if let Some(pairs) = same_stack(group) {
            out += &format!("\n{}\n\n", texts::SAME_STACK);
            out += &table(&pairs);
        }
    }
    out += &after(record);
    out
}

fn search(saturation: &Saturation<'_>) -> String {
    let mut out = format!("\n## {}\n\n", escape(&saturation.search.scenario));
    for sentence in saturation.sentences() {
        out += &format!("{}\n\n", escape(&sentence));
    }
    out += &table(&saturation.results());
    out += &format!("\n{}\n", escape(&texts::searched(saturation.search)));
    out += "\n### Probes\n\n";
    out + &table(&saturation.probe_table())
}

fn after(record: &Record) -> String {
    let run = &record.run;
    let mut out = String::new();
    if !run.absent.is_empty() {
        out += "\n## Absent servers\n\n";
        for absent in &run.absent {
            out += &format!(
                "- {}: {} Install: {}\n",
                escape(&absent.server.to_string()),
                escape(&sentence(&absent.reason)),
                code(&absent.install),
            );
        }
    }
    let unused = texts::unused_trials(record);
    if !unused.rows.is_empty() {
        out += "\n## Trials that enter no figure\n\n";
        out += &table(&unused);
    }
    out += "\n## How the figures are made\n\n";
    for (name, text) in texts::METHOD {
        out += &format!("- **{name}.** {text}\n");
    }
    out += &format!(
        "\nThe {} profile leaves out: {}.\n",
        run.profile,
        run.profile.leaves_out()
    );
    out += "\n## Machine\n\n";
    out += &table(&texts::environment(record));
    out += &format!(
        "\nStarted {}, seed {}, by this command:\n\n    {}\n",
        escape(&run.started),
        run.seed,
        texts::command(&run.command).replace('\n', " "),
    );
    out
}

pub(crate) fn table(table: &Table) -> String {
    let mut out = format!("| {} |", escape(&table.head));
    for column in &table.columns {
        out += &format!(" {} |", escape(&column.heading()));
    }
    out += "\n| --- |";
    for column in &table.columns {
        out += if column.words { " --- |" } else { " ---: |" };
    }
    out.push('\n');
    for row in &table.rows {
        out += &format!("| {} |", escape(&row.name));
        for cell in &row.cells {
            out += &format!(" {} |", cell_text(cell));
        }
        out.push('\n');
    }
    for note in &table.notes {
        out += &format!("\n{}\n", escape(note));
    }
    out
}

fn cell_text(cell: &Cell) -> String {
    let main = escape(&cell.text);
    let main = if cell.tone == Tone::Bad {
        format!("**{main}**")
    } else {
        main
    };
    let small: String = cell
        .small
        .iter()
        .map(|small| format!("<br><sub>{}</sub>", escape(small)))
        .collect();
    main + &small
}

/// Ends `text` with a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// Text that Markdown shows as it is.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A code span that holds any backticks `text` has.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_says_stays_text() {
        assert_eq!(escape("a|b <i>*x*"), r"a\|b &lt;i&gt;\*x\*");
        assert_eq!(code("npm ci"), "`npm ci`");
        assert_eq!(code("echo `x`"), "`` echo `x` ``");
    }
}
