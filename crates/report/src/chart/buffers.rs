//! What proxies keep until a buffer is full: the formula as a line for each rate, and a dot for every setting.

use pushbench_model::survey::{BUFFERED, Cell as Found, Part, Row, State};
use pushbench_model::theory::pushing::held_by_a_buffer;

use super::canvas::{Anchor, Drawing, Pen, draw};
use super::common::{line_entry, marker_entry};
use super::grid::{Scale, grid, named};
use super::latency::FULL;
use super::palette::{Dash, Role, Shape};
use super::scale::{Axis, zero_range};
use super::{Figure, Palette, Panel, Room};
use crate::number::{THIN, Unit, counted, tick, whole};
use crate::table::{Cell, Column, Table};

const TITLE: &str = "How long the first message is held, measured and by formula";
/// What the lower axis counts.
const ACROSS: &str = "messages that fill a buffer";
/// The transport whose answers have no framing of their own where a proxy asks with HTTP/1.0.
const UNFRAMED: &str = "sse";

/// What came through a proxy that is set to buffer.
struct Dot<'a> {
    setting: &'a str,
    /// Bytes of a buffer, and of a message.
    buffer: u64,
    message: u64,
    /// Between two messages, nanoseconds.
    interval_ns: f64,
    /// Until the first is handed on, nanoseconds.
    expected_ns: f64,
    first_ns: f64,
    /// Why it is not where it should be, if so.
    wrong: Option<&'a str>,
}

impl<'a> Dot<'a> {
    /// Those of `part`; `None` where it holds no such figures.
    fn all(part: &'a Part) -> Option<Vec<Self>> {
        let columns = BUFFERED.iter().map(|&(name, kind)| part.column(name, kind));
        let columns: Vec<usize> = columns.collect::<Option<_>>()?;
        let dots = part.rows.iter().filter_map(|row| Self::of(row, &columns));
        Some(dots.collect())
    }

    fn of(row: &'a Row, columns: &[usize]) -> Option<Self> {
        let cells = columns
            .iter()
            .map(|&column| row.cells.get(column)?.figure());
        let cells: Vec<f64> = cells.collect::<Option<_>>()?;
        let [buffer, message, interval_ns, expected_ns, first_ns]: [f64; 5] =
            cells.try_into().ok()?;
        Some(Self {
            setting: &row.name,
            buffer: buffer as u64,
            message: message as u64,
            interval_ns,
            expected_ns,
            first_ns,
            wrong: row.cells.iter().find_map(why),
        })
    }

    /// Messages that fill a buffer.
    fn full(&self) -> u64 {
        self.buffer.div_ceil(self.message.max(1)).max(1)
    }
}

/// Why something fails, where a cell says that it does.
fn why(cell: &Found) -> Option<&str> {
    match cell {
        Found::State {
            state: State::Fails,
            text,
        } => Some(text),
        _ => None,
    }
}

/// Nanoseconds that the first message waits for `full` of them, one every `interval_ns`.
fn held(full: u64, interval_ns: f64) -> f64 {
    held_by_a_buffer(full, 1, interval_ns)
}

/// `None` where `part` holds nothing that is kept in buffers.
pub(crate) fn figure(part: &Part, palette: &Palette) -> Option<Figure> {
    let dots = Dot::all(part).filter(|dots| !dots.is_empty())?;
    let versions = FULL.map(|(version, size)| plot(&dots, palette, size, version.class()));
    let mut legend = vec![line_entry(
        "by formula: (⌈buffer / message⌉ − 1) · time between messages",
        Role::Text,
        Dash::Solid,
        None,
    )];
    let role = palette.transport(UNFRAMED);
    let entries = dots.iter().enumerate();
    legend.extend(entries.map(|(at, dot)| marker_entry(dot.setting, shape(at), role, true)));
    Some(Figure {
        title: TITLE.into(),
        meta: vec![
            "time from the moment the first message was due to its receipt".into(),
            "on its line is right".into(),
            counted(dots.len(), "setting"),
        ],
        caption: "A proxy that takes an event stream without a framing of its own and buffers hands on whole buffers: the first \
                  message waits for the last of those that fill one, the longer the rarer and the smaller they are. A dot is the \
                  middle of the turns of a setting. The head of the answer lies in the first buffer, too, so a dot may lie a message \
                  or two below its line, and as much above it as a reader takes that works at once."
            .into(),
        findings: vec![finding(&dots)],
        room: Room::Full,
        panels: Panel::alone(versions),
        legend,
        legend_on_phones_only: false,
        data: data(&dots),
    })
}

fn shape(at: usize) -> Shape {
    Shape::ALL[at % Shape::ALL.len()]
}

/// The times between messages, ascending, each once.
fn intervals(dots: &[Dot<'_>]) -> Vec<f64> {
    let mut all: Vec<f64> = dots.iter().map(|dot| dot.interval_ns).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

fn plot(dots: &[Dot<'_>], palette: &Palette, size: (f64, f64), class: &str) -> Drawing {
    let most = dots.iter().map(Dot::full).max().unwrap_or(1);
    let last = most + most.div_ceil(5);
    let across = (0.0, last as f64);
    let intervals = intervals(dots);
    let ends = intervals.iter().map(|&interval| held(last, interval));
    let up = zero_range(ends.chain(dots.iter().map(|dot| dot.first_ns)));
    draw(size, class, TITLE, |canvas| {
        let x = Axis::linear(across, (66.0, size.0 - 84.0));
        let y = Axis::linear(up, (size.1 - 40.0, 10.0));
        let right = Scale::across(&x, across, Unit::Count, size.0);
        let above = y.ticks((size.1 / 38.0) as usize);
        let above = Scale::with(&y, up, named(above));
        grid(canvas, &right, &above, size.0, ACROSS);
        let mut free = f64::MAX;
        for &interval in &intervals {
            let end = y.at(held(last, interval));
            let places = [1, last].map(|n| (x.at(n as f64), y.at(held(n, interval))));
            canvas.path(&places, Pen::new(Role::Text, 1.4));
            // Lines that end close together share the name of the first.
            if free - end >= 14.0 {
                let text = format!("every {}", tick(Unit::Time, interval));
                let at = (size.0 - 80.0, end);
                canvas.text(at, &text, 11.0, Anchor::Start, Role::Muted);
                free = end;
            }
        }
        for (at, dot) in dots.iter().enumerate() {
            let role = match dot.wrong {
                Some(_) => Role::Bad,
                None => palette.transport(UNFRAMED),
            };
            let place = (x.at(dot.full() as f64), y.at(dot.first_ns));
            canvas.marker(place, 5.0, shape(at), role, true);
        }
    })
}

fn finding(dots: &[Dot<'_>]) -> (Option<bool>, String) {
    let wrong = dots
        .iter()
        .filter_map(|dot| Some((dot.setting, dot.wrong?)));
    let wrong: Vec<String> = wrong
        .map(|(setting, why)| format!("{setting} {why}"))
        .collect();
    let all = counted(dots.len(), "dot");
    if wrong.is_empty() {
        return (
            Some(true),
            format!("All of {all} lie where the formula says."),
        );
    }
    let (count, said) = (wrong.len(), wrong.join("; "));
    let said = format!("{count} of {all} do not lie where the formula says: {said}.");
    (Some(false), said)
}

fn data(dots: &[Dot<'_>]) -> Table {
    let numbers = [
        "buffer",
        "message",
        ACROSS,
        "a message every",
        "by formula",
        "measured",
    ];
    let numbers = numbers.map(|name| Column::numbers(name, ""));
    let mut table = Table::new("in front of the server", numbers.into());
    for dot in dots {
        let mut cells = vec![
            Cell::plain(format!("{}{THIN}B", whole(dot.buffer))),
            Cell::plain(format!("{}{THIN}B", whole(dot.message))),
            Cell::plain(whole(dot.full())),
            Cell::plain(tick(Unit::Time, dot.interval_ns)),
            Cell::plain(Unit::Time.in_words(dot.expected_ns)),
            Cell::plain(Unit::Time.in_words(dot.first_ns)),
        ];
        if dot.wrong.is_some() {
            cells[5] = cells[5].clone().bad();
        }
        table.row(dot.setting, cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use pushbench_model::survey::Kind;

    use super::*;
    use crate::chart::tidy::assert_tidy;

    const MS: f64 = 1e6;

    /// Settings with a buffer, a time between messages and the time of the first, milliseconds; the last does not hold.
    fn part(settings: &[(u64, f64, f64)]) -> Part {
        let mut columns = BUFFERED.to_vec();
        columns.push(("does the formula hold?", Kind::Words));
        let mut part = Part::new("Held in a buffer", "setting", &columns);
        for (at, &(buffer, interval, first)) in settings.iter().enumerate() {
            let expected = held_by_a_buffer(buffer, 150, interval);
            let verdict = if (first - expected).abs() < 20.0 {
                Found::words("agrees")
            } else {
                Found::state(State::Fails, "disagrees: so much instead of so much")
            };
            let figures = [
                buffer as f64,
                150.0,
                interval * MS,
                expected * MS,
                first * MS,
            ];
            let cells = figures.map(Found::number).into_iter().chain([verdict]);
            part.row(format!("setting {at}"), cells.collect::<Vec<_>>());
        }
        part
    }

    fn drawn(part: &Part) -> Figure {
        let figure = figure(part, &Palette::known()).unwrap();
        for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
            assert_tidy(TITLE, drawing);
        }
        figure
    }

    #[test]
    fn dots_lie_on_a_line_for_each_rate() {
        assert_eq!(held(28, 5.0 * MS), 135.0 * MS);
        assert_eq!(held(1, 5.0 * MS), 0.0);
        let figure = drawn(&part(&[
            (4096, 5.0, 131.0),
            (16_384, 5.0, 546.0),
            (4096, 21.0, 560.0),
        ]));
        assert_eq!(figure.data.rows.len(), 3);
        let texts = figure.data.rows[1].cells.iter();
        let texts: Vec<&str> = texts.map(|cell| cell.text.as_str()).collect();
        let expected = ["16 384 B", "150 B", "110", "5 ms", "545 ms", "546 ms"];
        assert_eq!(texts, expected.map(|text| text.replace(' ', "\u{202f}")));
        assert_eq!(figure.findings[0].0, Some(true));
        for drawing in &figure.panels[0].versions {
            let named = |name: &str| drawing.labels.iter().any(|label| label.text == name);
            assert!(named("every 5\u{202f}ms") && named("every 21\u{202f}ms"));
            // Two lines, and the dots: a circle, a square and a triangle.
            assert_eq!(drawing.svg.matches("<polyline").count(), 2);
            assert_eq!(drawing.svg.matches("<circle").count(), 1);
            assert_eq!(drawing.svg.matches("<polygon").count(), 2);
        }
        drawn(&part(&[(4096, 5.0, 135.0)]));
    }

    #[test]
    fn what_is_not_held_as_long_is_red() {
        let figure = drawn(&part(&[(4096, 5.0, 135.0), (16_384, 5.0, 1.0)]));
        let (good, said) = &figure.findings[0];
        assert_eq!(*good, Some(false));
        assert!(
            said.starts_with("1 of 2 dots do not lie") && said.contains("setting 1 disagrees"),
            "{said}"
        );
        let drawing = &figure.panels[0].versions[0].svg;
        assert_eq!(drawing.matches("var(--bad)").count(), 1);
    }

    #[test]
    fn other_parts_have_no_chart() {
        let palette = Palette::known();
        let mut other = part(&[(4096, 5.0, 135.0)]);
        assert!(figure(&other, &palette).is_some());
        // Nothing came.
        other.rows[0].cells[4] = Found::absent("nothing came");
        assert!(figure(&other, &palette).is_none());
        // Of an older survey, which did not say how often messages came.
        let mut older = part(&[(4096, 5.0, 135.0)]);
        older.columns.remove(2);
        older.rows[0].cells.remove(2);
        assert!(figure(&older, &palette).is_none());
        assert!(figure(&Part::default(), &palette).is_none());
    }
}
