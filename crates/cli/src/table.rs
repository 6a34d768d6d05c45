//! Tables of a report, drawn for a terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table as TextTable, presets};
use pushbench_report::table::Table;

/// Draws `table` in lines no wider than the terminal.
pub(crate) fn draw(table: &Table) -> String {
    let mut text = TextTable::new();
    text.load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let headings = table.columns.iter().map(pushbench_report::table::Column::heading);
    text.set_header(std::iter::once(table.head.clone()).chain(headings));
    for row in &table.rows {
        let cells = row.cells.iter().map(|cell| {
            let lines: Vec<&str> =
                std::iter::once(cell.text.as_str()).chain(cell.small.iter().map(String::as_str)).collect();
            lines.join("\n")
        });
        text.add_row(std::iter::once(row.name.clone()).chain(cells));
    }
    for (index, column) in (1..).zip(&table.columns) {
        if let Some(drawn) = text.column_mut(index)
            && !column.words
        {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    text.to_string()
}
