//! Markdown: the answers and tables, for an issue or a README. The charts are in the HTML.

mod apart;
mod escape;

use pushbench_model::anatomy::{Anatomy, Side};
use pushbench_model::record::Record;

use crate::anatomy;
use crate::answer::{Verdicts, answer_table, defaults_cost, objective, same_stack, sentences};
use crate::notices;
use crate::number::capitalised;
use crate::results::{Group, Results};
use crate::saturation::Saturation;
use crate::table::{Cell, Table, Tone};
use crate::{selftest, survey, texts, theory, trials};
use escape::{code, code_cell, prose_in_cell};

pub(crate) use escape::{escape, prose};

/// `record` as Markdown (GitHub's).
#[must_use]
pub fn markdown(record: &Record) -> String {
    let results = Results::new(record);
    let mut out = format!(
        "# {}\n\n{}.\n\n",
        escape(&texts::heading(record)),
        escape(&texts::asked(record))
    );
    for notice in notices::all(&results) {
        out += &format!("- {}\n", prose(&notice));
    }
    if let Some(saturation) = Saturation::of(record) {
        out += &search(&saturation);
    }
    for question in results.questions() {
        out += &one(&results, question);
    }
    out += &apart::one_thing(&results);
    out += &apart::cut(&results);
    out += &held(&results);
    if let Some(measured) = &record.anatomy {
        out += &delivery(measured);
    }
    out += &after(record);
    out
}

/// A scenario, one tuning under the other.
fn one(results: &Results<'_>, question: &[Group<'_>]) -> String {
    let Some(first) = question.first() else {
        return String::new();
    };
    let run = &results.record.run;
    let mut out = format!(
        "\n## {}\n\n{} ({}; {}.)\n",
        escape(&first.scenario.name),
        escape(&sentence(&first.scenario.models)),
        escape(&texts::parameters(first.scenario, run)),
        texts::loop_model(first),
    );
    for group in question {
        if let Some(tuning) = texts::tuning(group) {
            out += &format!("\n### {}\n", escape(&tuning));
        }
        let verdicts = Verdicts::of(group);
        for (index, sentence) in sentences(group, &verdicts).iter().enumerate() {
            let text = escape(sentence);
            out += &if index == 0 {
                format!("\n**{text}**\n")
            } else {
                format!("\n{text}\n")
            };
        }
        if let (Some(heading), Some(objective)) =
            (objective::heading(group), objective::table(group))
        {
            out += &format!("\n{}\n\n", escape(&heading));
            out += &table(&objective);
        }
        out.push('\n');
        out += &table(&answer_table(group, run.environment.no_counters.as_deref()));
        if let Some(pairs) = same_stack(group, &verdicts) {
            out += &format!("\n{}\n\n", texts::SAME_STACK);
            out += &table(&pairs);
        }
        out += &format!("\n{}\n", escape(&texts::rests_on(group, &verdicts)));
    }
    if let Some(cost) = defaults_cost(question) {
        out += &format!(
            "\n### What the libraries' defaults cost\n\n{}\n\n",
            texts::DEFAULTS_COST
        );
        out += &table(&cost);
    }
    out
}

/// Figures held against theory.
fn held(results: &Results<'_>) -> String {
    let questions = theory::questions(results);
    if questions.is_empty() {
        return String::new();
    }
    let mut out = format!("\n## {}\n\n{}\n", theory::TITLE, theory::INTRODUCTION);
    for question in &questions {
        let (_, finding) = question.finding();
        out += &format!(
            "\n### {}, held against theory\n\n{}\n\n",
            escape(question.scenario),
            escape(&finding)
        );
        out += &table(&question.table());
    }
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

/// The anatomy: the stage to look at first of each side, and the multiples of the floor over all of them.
fn delivery(measured: &Anatomy) -> String {
    let mut out = String::from("\n## Anatomy of a delivery\n");
    for paragraph in anatomy::INTRODUCTION {
        out += &format!("\n{paragraph}\n");
    }
    out.push('\n');
    for (rung, meaning) in anatomy::RUNGS {
        out += &format!("- **{rung}.** {meaning}\n");
    }
    for finding in anatomy::findings(measured) {
        out += &format!(
            "\n**{}: {}.** {}\n",
            escape(&finding.title),
            escape(&finding.figure),
            escape(&finding.text.join(" ")),
        );
    }
    if let Some(goals) = anatomy::goals(measured) {
        out += "\n### Held against the goals\n\n";
        out += &table(&goals);
        out.push('\n');
        for (goal, why) in anatomy::reasons(measured) {
            out += &format!("- **{goal}.** {why}\n");
        }
    }
    for side in Side::ALL {
        let stages = anatomy::stages(measured, side);
        let Some(main) = stages.first() else { continue };
        let name = capitalised(&anatomy::stage_name(main));
        out += &format!("\n### {}\n\n", escape(&name));
        out += &table(&anatomy::stage_table(measured, main));
        let overviews = anatomy::overviews(measured, side);
        if !overviews.is_empty() {
            out += &format!("\n### All stages of the {} side\n", side.label());
        }
        for overview in &overviews {
            out += &format!("\n{}", table(overview));
        }
    }
    if let Some(instrument) = anatomy::instrument(measured) {
        out += &format!(
            "\n### What the instrument adds\n\n{}\n\n{}",
            anatomy::INSTRUMENT,
            table(&instrument)
        );
    }
    for side in Side::ALL {
        if let Some(setup) = anatomy::setup(measured, side) {
            out += &format!(
                "\n### What a connection costs, {} side\n\n{}\n\n{}",
                side.label(),
                anatomy::SETUP,
                table(&setup)
            );
        }
    }
    if let Some(left_out) = anatomy::left_out(measured) {
        out += "\n### Left out of the anatomy\n\n";
        out += &table(&left_out);
    }
    out += "\n### How to read these figures\n\n";
    for (name, text) in anatomy::METHOD {
        out += &format!("- **{name}.** {text}\n");
    }
    out += &format!(
        "\n{}\n\n    {}\n",
        escape(&anatomy::made_with(measured)),
        texts::command(&measured.command).replace('\n', " "),
    );
    out
}

fn after(record: &Record) -> String {
    let run = &record.run;
    let mut out = String::new();
    if let Some(found) = &record.peers {
        out += &apart::peers(found);
    }
    for found in &record.surveys {
        out += &format!("\n## {}\n", escape(&found.title));
        for section in survey::sections(found) {
            out += &format!("\n### {}\n\n", escape(&section.title));
            for sentence in &section.about {
                out += &format!("{}\n\n", prose(sentence));
            }
            out += &table(&section.table);
        }
        out += &format!("\n{}\n", escape(&survey::made_with(found)));
    }
    if !run.absent.is_empty() {
        out += "\n## Absent servers\n\n";
        for absent in &run.absent {
            out += &format!(
                "- {}: {} Install: {}\n",
                escape(&absent.server.to_string()),
                prose(&sentence(&absent.reason)),
                code(&absent.install),
            );
        }
    }
    if !run.left_out.is_empty() {
        out += "\n## Servers left out\n\n";
        for left_out in &run.left_out {
            out += &format!("- {}\n", prose(&left_out.to_string()));
        }
    }
    let unused = trials::unused(record);
    if !unused.rows.is_empty() {
        out += "\n## Trials that enter no figure\n\n";
        out += &table(&unused);
    }
    let flagged = trials::flagged(record);
    if !flagged.rows.is_empty() {
        out += "\n## Trials that are used and flagged\n\n";
        out += &table(&flagged);
    }
    if let Some(test) = &record.selftest {
        out += &format!(
            "\n## Self-test of the method\n\n{}\n\n",
            prose(&selftest::made_with(test))
        );
        out += &table(&selftest::proofs(test));
    }
    if anatomy::alone(record).is_none() {
        out += "\n## How the figures are made\n\n";
        for (name, text) in texts::METHOD {
            out += &format!("- **{name}.** {text}\n");
        }
        out += &format!("\n## What the {} profile leaves out\n\n", run.profile);
        for sentence in run.missing() {
            out += &format!("- {}.\n", escape(&capitalised(&sentence)));
        }
    }
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
        out += &format!("\n{}\n", prose(note));
    }
    out
}

fn cell_text(cell: &Cell) -> String {
    let main = match cell.tone {
        Tone::Bad => format!("**{}**", prose_in_cell(&cell.text)),
        Tone::Code if !cell.text.is_empty() => code_cell(&cell.text),
        _ => prose_in_cell(&cell.text),
    };
    let small: String = cell
        .small
        .iter()
        .map(|small| format!("<br><sub>{}</sub>", prose_in_cell(small)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_within_a_cell_is_code() {
        let cell = |tone| {
            cell_text(&Cell {
                tone,
                ..Cell::plain("a `b|c`")
            })
        };
        assert_eq!(cell(Tone::Plain), r"a `b\|c`");
        assert_eq!(cell(Tone::Bad), r"**a `b\|c`**");
        assert_eq!(cell(Tone::Code), r"`` a `b\|c` ``");
    }
}
