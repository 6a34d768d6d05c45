//! Tables of a report, drawn for a terminal.
//!
//! Numbers are never broken. A table that is too wide first gets its headings and remarks in several lines, then loses
//! the columns that can best be done without; the report has them all.

use comfy_table::{CellAlignment, ContentArrangement, Table as TextTable, presets};
use pushbench_report::table::{Cell, Table};

use crate::output::wrap;

/// Columns that are left out one after the other where the terminal is narrow, by a part of their name.
const DISPENSABLE: [&str; 5] = [" max", "load CPU", "memory", "segments", "instructions"];

/// Draws `table` in lines of at most `width` characters, if it can be done.
pub(crate) fn draw(table: &Table, width: usize) -> String {
    let fits = |text: &String| text.lines().all(|line| line.chars().count() <= width);
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let roomy = render(table, &all, Breaks::Nowhere);
    if fits(&roomy) {
        return roomy;
    }
    let mut shown = all;
    let mut text = render(table, &shown, Breaks::BetweenWords);
    let mut left_out = Vec::new();
    for part in DISPENSABLE {
        if fits(&text) {
            break;
        }
        let (kept, dropped) = shown
            .into_iter()
            .partition(|&column| !table.columns[column].name.contains(part));
        shown = kept;
        left_out.extend(
            dropped
                .into_iter()
                .map(|column: usize| table.columns[column].name.as_str()),
        );
        text = render(table, &shown, Breaks::BetweenWords);
    }
    if !left_out.is_empty() {
        let note = format!("Too narrow for {}: see the report.", left_out.join(" and "));
        text = format!("{text}\n{}", wrap(&note, width).join("\n"));
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Breaks {
    Nowhere,
    BetweenWords,
}

fn render(table: &Table, shown: &[usize], breaks: Breaks) -> String {
    let mut text = TextTable::new();
    text.load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled);
    let widths: Vec<usize> = match breaks {
        Breaks::Nowhere => vec![usize::MAX; shown.len()],
        Breaks::BetweenWords => shown
            .iter()
            .map(|&column| narrowest(table, column))
            .collect(),
    };
    let columns = || shown.iter().zip(&widths);
    let heading = |(&column, &width): (&usize, &usize)| {
        wrap(&table.columns[column].heading(), width).join("\n")
    };
    text.set_header(std::iter::once(table.head.clone()).chain(columns().map(heading)));
    for row in &table.rows {
        let cells = columns().map(|(&column, &width)| lines(&row.cells[column], width).join("\n"));
        text.add_row(std::iter::once(row.name.clone()).chain(cells));
    }
    for drawn in text.column_iter_mut() {
        drawn.set_padding((0, 1));
    }
    for (place, &column) in (1..).zip(shown) {
        if let Some(drawn) = text.column_mut(place)
            && !table.columns[column].words
        {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    // Rules as long as the text between them, which ends before the padding of its last column.
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    let is_rule = |line: &&String| line.starts_with(['─', '═']);
    let width = lines
        .iter()
        .filter(|line| !is_rule(line))
        .map(|line| line.chars().count())
        .max();
    let cut = |line: &String| line.chars().take(width.unwrap_or(0)).collect::<String>();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// The figure, then what stands under it.
fn lines(cell: &Cell, width: usize) -> Vec<String> {
    let mut lines = vec![cell.text.clone()];
    for small in &cell.small {
        match width {
            usize::MAX => lines.push(small.clone()),
            _ => lines.extend(wrap(in_short(small), width)),
        }
    }
    lines
}

/// `1.20× floor (0.38–3.82)` without its interval.
fn in_short(small: &str) -> &str {
    small.split_once(" (").map_or(small, |(before, _)| before)
}

/// The least width of a column that breaks no figure and no word, and no remark more than once.
fn narrowest(table: &Table, column: usize) -> usize {
    let length = |text: &str| text.chars().count();
    let cells = || table.rows.iter().map(|row| &row.cells[column]);
    let figures = cells().map(|cell| length(&cell.text)).max();
    let heading = table.columns[column].heading();
    let words = heading.split(' ').map(length).max();
    let remarks = cells().flat_map(|cell| &cell.small).map(|small| {
        let small = in_short(small);
        (1..).find(|&width| {
            wrap(small, width).len() <= 2 && small.split(' ').all(|w| length(w) <= width)
        })
    });
    figures.max(words).max(remarks.flatten().max()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use pushbench_report::table::{Column, Row};

    use super::*;

    fn column(name: &str, unit: &str) -> Column {
        Column {
            name: name.into(),
            unit: unit.into(),
            words: false,
        }
    }

    fn table() -> Table {
        let columns = vec![
            column("response p50", "µs"),
            column("response max", "µs"),
            column("server CPU per delivery", "µs"),
            column("load CPU per delivery", "µs"),
            column("lost", ""),
        ];
        let cell = |text: &str, small: &[&str]| Cell {
            text: text.into(),
            small: small.iter().map(|&small| small.into()).collect(),
            ..Cell::default()
        };
        let cost = cell("34.9", &["15.5–78.7", "1.20×\u{202f}floor (0.379–3.82)"]);
        let cells = vec![
            cell("3\u{202f}980", &["7.36–3\u{202f}980"]),
            cell("25\u{202f}700", &[]),
            cost.clone(),
            cost,
            cell("0", &[]),
        ];
        Table {
            head: "server".into(),
            columns,
            rows: vec![Row {
                name: "sse/reference".into(),
                cells,
            }],
            notes: Vec::new(),
        }
    }

    fn widest(text: &str) -> usize {
        text.lines().map(|line| line.chars().count()).max().unwrap()
    }

    #[test]
    fn with_room_nothing_is_broken_or_shortened() {
        let text = draw(&table(), 200);
        for whole in ["server CPU per delivery, µs", "floor (0.379–3.82)"] {
            assert!(text.contains(whole), "{text}");
        }
    }

    #[test]
    fn headings_break_before_anything_is_left_out() {
        let text = draw(&table(), 80);
        assert!(widest(&text) <= 80, "{text}");
        for whole in [
            "3\u{202f}980",
            "7.36–3\u{202f}980",
            "25\u{202f}700",
            "1.20×\u{202f}floor",
            "load CPU",
        ] {
            assert!(text.contains(whole), "{text}");
        }
        assert!(
            !text.contains("(0.379") && !text.contains("see the report"),
            "{text}"
        );
    }

    #[test]
    fn columns_that_do_not_fit_are_named() {
        let text = draw(&table(), 60);
        assert!(widest(&text) <= 60, "{text}");
        assert!(
            text.ends_with("Too narrow for response max: see the report."),
            "{text}"
        );
        let text = draw(&table(), 50);
        assert!(widest(&text) <= 50, "{text}");
        let note = "Too narrow for response max and load CPU per delivery: see the report.";
        assert!(
            text.replace('\n', " ").ends_with(note) && text.contains("lost"),
            "{text}"
        );
    }
}
