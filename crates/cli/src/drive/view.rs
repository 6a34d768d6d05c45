//! What the live view shows.

use pushbench_model::drive::FaultKind;
use pushbench_report::{Unit, drive, whole};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

use super::history::{History, clock, per_second};

/// How things look.
pub(super) struct Theme {
    accent: Style,
    muted: Style,
    bad: Style,
}

impl Theme {
    pub(super) fn of_this_terminal() -> Self {
        if super::colours() {
            Self::coloured()
        } else {
            Self::plain()
        }
    }

    fn coloured() -> Self {
        Self {
            accent: Style::new().fg(Color::Cyan),
            // Grey is unreadable in some palettes.
            muted: Style::new().add_modifier(Modifier::DIM),
            bad: Style::new().fg(Color::Red),
        }
    }

    /// Without colours weight has to do.
    fn plain() -> Self {
        Self {
            accent: Style::new(),
            muted: Style::new().add_modifier(Modifier::DIM),
            bad: Style::new().add_modifier(Modifier::BOLD),
        }
    }
}

const LABEL: usize = 13;

pub(super) fn draw(frame: &mut Frame<'_>, history: &History, theme: &Theme) {
    let area = frame.area().inner(ratatui::layout::Margin::new(1, 0));
    let [title, progress, _, counts, chart, times, faults, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(3),
        Constraint::Min(4),
        Constraint::Length(3),
        Constraint::Length(4),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_title(frame, title, history);
    draw_progress(frame, progress, history, theme);
    frame.render_widget(Paragraph::new(counted(history, theme)), counts);
    draw_chart(frame, chart, history, theme);
    frame.render_widget(Paragraph::new(timed(history, theme)), times);
    frame.render_widget(Paragraph::new(failed(history, theme)), faults);
    let text = if history.ending {
        "ending in order; Ctrl-C again ends at once, without a report"
    } else {
        "Ctrl-C or q ends it and reports"
    };
    frame.render_widget(Paragraph::new(text).style(theme.muted), foot);
}

fn draw_title(frame: &mut Frame<'_>, area: Rect, history: &History) {
    let so_far = match (history.duration_ns, history.messages) {
        (Some(duration), _) => format!("{} of {}", clock(history.last.elapsed_ns), clock(duration)),
        (None, Some(messages)) => format!(
            "{}, until {} messages",
            clock(history.last.elapsed_ns),
            whole(messages)
        ),
        (None, None) => clock(history.last.elapsed_ns),
    };
    let width = u16::try_from(so_far.chars().count()).unwrap_or(u16::MAX);
    let [left, right] =
        Layout::horizontal([Constraint::Min(0), Constraint::Length(width + 1)]).areas(area);
    let strong = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(Paragraph::new(history.title.as_str()).style(strong), left);
    frame.render_widget(Paragraph::new(so_far).right_aligned(), right);
}

fn draw_progress(frame: &mut Frame<'_>, area: Rect, history: &History, theme: &Theme) {
    let Some(share) = history.progress() else {
        return;
    };
    let width = f64::from(area.width);
    let filled = (share * width).round();
    let part = |symbol: &str, columns: f64| symbol.repeat(columns as usize);
    let gauge = Line::from(vec![
        Span::styled(part("━", filled), theme.accent),
        Span::styled(part("─", width - filled), theme.muted),
    ]);
    frame.render_widget(gauge, area);
}

/// A line that begins with what it is about.
fn line(label: &str, theme: &Theme, spans: Vec<Span<'static>>) -> Line<'static> {
    let label = Span::styled(format!("{label:LABEL$}"), theme.muted);
    let mut all = vec![label];
    all.extend(spans);
    Line::from(all)
}

fn counted(history: &History, theme: &Theme) -> Vec<Line<'static>> {
    let last = &history.last;
    let (messages, bytes) = history.now();
    let short = last.open < history.connections;
    let open = format!(
        "{} of {} open",
        whole(last.open.into()),
        whole(history.connections.into())
    );
    let open = Span::styled(open, if short { theme.bad } else { Style::new() });
    let connecting = format!(", {} connecting", whole(last.connecting.into()));
    let mut received = vec![Span::raw(format!(
        "{} received, {} and {}/s now",
        whole(last.messages),
        per_second(messages),
        Unit::Memory.in_words(bytes)
    ))];
    if last.lost > 0 {
        let lost = format!(", {} lost", whole(last.lost));
        received.push(Span::styled(lost, theme.bad));
    }
    let mut lines = vec![
        line("connections", theme, vec![open, Span::raw(connecting)]),
        line("messages", theme, received),
    ];
    if history.publishes {
        let posted = format!("{} posted", whole(last.published));
        lines.push(line("published", theme, vec![Span::raw(posted)]));
    }
    lines
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, history: &History, theme: &Theme) {
    let rates = history.rates(area.width.into());
    let most = rates.iter().copied().max().unwrap_or(0);
    let title = format!(" messages per second, at most {} ", whole(most));
    let chart = Sparkline::default()
        .block(Block::bordered().title(title).border_style(theme.muted))
        .style(theme.accent)
        .max(most.max(1));
    let inner = usize::from(area.width.saturating_sub(2));
    let shown = rates.len().saturating_sub(inner);
    frame.render_widget(chart.data(&rates[shown..]), area);
}

fn timed(history: &History, theme: &Theme) -> Vec<Line<'static>> {
    let last = &history.last;
    let Some(samples) = last.latency.as_ref().filter(|samples| !samples.is_empty()) else {
        let none = Span::styled("nothing is timed yet", theme.muted);
        return vec![Line::default(), Line::from(none)];
    };
    let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
    let mut heads = format!("{:LABEL$}", "");
    let mut figures = String::new();
    for (name, q) in quantiles {
        heads += &format!("{name:>10}");
        figures += &format!("{:>10}", history.quantile(q));
    }
    heads += &format!("{:>10}{:>12}", "max", "n");
    figures += &format!(
        "{:>10}{:>12}",
        Unit::Time.in_words(samples.max() as f64),
        whole(samples.len())
    );
    // The longest names of histograms are longer than labels.
    let name = drive::name(last.latency_name);
    let name = if name.len() >= LABEL {
        last.latency_name
    } else {
        name
    };
    vec![
        Line::from(Span::styled(heads, theme.muted)),
        line(name, theme, vec![Span::raw(figures)]),
    ]
}

fn failed(history: &History, theme: &Theme) -> Vec<Line<'static>> {
    if history.last.faults.is_empty() {
        return vec![line("faults", theme, vec![Span::raw("none")])];
    }
    // A head and three lines are the room there is; the page at the end names all.
    let faults = history.last.faults.iter().take(4).enumerate();
    let of = |(at, &(kind, count)): (usize, &(FaultKind, u64))| {
        let label = if at == 0 { "faults" } else { "" };
        let text = format!("{} × {}", whole(count), in_words(kind));
        line(label, theme, vec![Span::styled(text, theme.bad)])
    };
    faults.map(of).collect()
}

fn in_words(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Connect => "no connection",
        FaultKind::Tls => "TLS failed",
        FaultKind::Timeout => "no answer in time",
        FaultKind::Redirect => "redirect not followed",
        FaultKind::Status => "status that refuses",
        FaultKind::ContentType => "answer of another kind",
        FaultKind::Protocol => "protocol broken",
        FaultKind::Ended => "ended by the server",
        FaultKind::Message => "message without what was to be found in it",
        FaultKind::Publish => "publish failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::history::sample;
    use pushbench_load::drive::Snapshot;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Buffer;

    fn drawn(history: &History, theme: &Theme, (width, height): (u16, u16)) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, history, theme)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn text(buffer: &Buffer) -> String {
        let rows = buffer.content.chunks(buffer.area.width.into());
        let row = |cells: &[ratatui::buffer::Cell]| {
            let text: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
            text.trim_end().to_owned() + "\n"
        };
        rows.map(row).collect()
    }

    #[test]
    fn the_view_in_a_usual_terminal() {
        insta::assert_snapshot!(text(&drawn(&sample(60), &Theme::plain(), (80, 24))));
    }

    #[test]
    fn before_anything_came() {
        let mut history = sample(0);
        history.push(
            Snapshot {
                elapsed_ns: 250_000_000,
                connecting: 50,
                ..Snapshot::default()
            },
            true,
        );
        let text = text(&drawn(&history, &Theme::plain(), (80, 24)));
        for wanted in [
            "0 of 50 open, 50 connecting",
            "nothing is timed yet",
            "ending in order",
            "none",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
    }

    /// A terminal may be of any size, and is made smaller while it is drawn on.
    #[test]
    fn any_size_will_do() {
        for size in [(1, 1), (3, 40), (40, 3), (20, 10), (300, 80)] {
            drawn(&sample(60), &Theme::coloured(), size);
        }
    }

    #[test]
    fn no_colour_is_none() {
        let colours = |theme| {
            let buffer = drawn(&sample(60), &theme, (80, 24));
            buffer
                .content
                .iter()
                .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
        };
        assert!(colours(Theme::coloured()) && !colours(Theme::plain()));
    }
}
