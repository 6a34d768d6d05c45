//! Tables.

use super::{escape, prose};
use crate::chart::Palette;
use crate::results::Group;
use crate::table::{Cell, Table, Tone};

/// A table whose rows are not servers, or whose servers need no mark.
pub(crate) fn plain(table: &Table) -> String {
    render(table, breakable)
}

/// A table with a row per server of `group`, in its order, each with its mark.
pub(super) fn servers(table: &Table, group: &Group<'_>, palette: &Palette) -> String {
    render(table, |name| {
        let arm = group.arms.iter().find(|arm| arm.label() == name);
        let mark = arm.map_or_else(String::new, |arm| {
            crate::chart::server_mark(arm.server, palette).svg
        });
        format!("{mark}{}", breakable(name))
    })
}

/// A name that may break after its slash or a space, or before its tuning, and nowhere else, where the page is narrow.
fn breakable(name: &str) -> String {
    escape(name)
        .replace('/', "/<wbr>")
        .replace('@', "<wbr>@")
        .replace(' ', " <wbr>")
}

fn render(table: &Table, name: impl Fn(&str) -> String) -> String {
    let mut out = String::from("<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>");
    out += &format!("<th scope=\"col\">{}</th>", escape(&table.head));
    for column in &table.columns {
        let class = if column.words { "words" } else { "number" };
        out += &format!(
            "<th scope=\"col\" class=\"{class}\">{}",
            escape(&column.name)
        );
        if !column.unit.is_empty() {
            out += &format!(" <span class=\"unit\">{}</span>", escape(&column.unit));
        }
        out += "</th>";
    }
    out += "</tr></thead>\n<tbody>\n";
    for row in &table.rows {
        out += &format!("<tr><th scope=\"row\">{}</th>", name(&row.name));
        for (cell, column) in row.cells.iter().zip(&table.columns) {
            out += &data(cell, column.words);
        }
        out += "</tr>\n";
    }
    out += "</tbody>\n</table>\n</div>\n";
    for note in &table.notes {
        out += &format!("<p class=\"note\">{}</p>\n", prose(note));
    }
    out
}

fn data(cell: &Cell, words: bool) -> String {
    let class = match (cell.tone, words) {
        (Tone::Bad, true) => " class=\"words bad\"",
        (Tone::Bad, false) => " class=\"bad\"",
        (Tone::Absent, true) => " class=\"words absent\"",
        (Tone::Absent, false) => " class=\"absent\"",
        (Tone::Good, _) => " class=\"words good\"",
        (Tone::Doubtful, _) => " class=\"words doubtful\"",
        (Tone::Code, _) => " class=\"words\"",
        (Tone::Plain, true) => " class=\"words\"",
        (Tone::Plain, false) => "",
    };
    let small: String = cell
        .small
        .iter()
        .map(|small| format!("<small>{}</small>", prose(small)))
        .collect();
    if cell.tone == Tone::Code {
        let lines: Vec<String> = cell.text.split('\n').map(escape).collect();
        return format!("<td{class}><pre>{}</pre>{small}</td>", lines.join("\n"));
    }
    let text = prose(&cell.text);
    format!("<td{class}>{text}{small}</td>")
}
