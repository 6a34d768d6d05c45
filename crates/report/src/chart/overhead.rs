//! Bytes that a message takes besides its payload: the formulas as curves over its size, and a dot for every server and size.

use pushbench_model::measurement::Measurement;
use pushbench_model::message::{BINARY_ENVELOPE, TEXT_ENVELOPE};
use pushbench_model::payload::PayloadKind;
use pushbench_model::record::ServerLabel;
use pushbench_model::theory;

use super::canvas::{Canvas, Drawing, Pen, draw};
use super::common::{apart, distinct, line_entry, server_entries};
use super::curves::thinned;
use super::grid::{Scale, grid};
use super::latency::FULL;
use super::palette::{Dash, Role};
use super::scale::{Axis, along, log_range};
use super::{Figure, LegendEntry, Palette, Panel, Room};
use crate::number::{THIN, Unit, counted, short, whole};
use crate::table::{Cell, Column, Table};

const TITLE: &str = "Bytes that a message adds to its payload, counted and by formula";
/// What the lower axis counts.
const ACROSS: &str = "bytes of payload";
/// Places of a curve: close enough that its steps look like steps.
const STEPS: u32 = 256;
/// Dots that are closer than this, in pixels, cover one another.
const NEAR: f64 = 8.0;

/// What a server adds to payloads of one size.
#[derive(Clone, Debug)]
pub(crate) struct Overhead {
    /// Which server.
    pub(crate) server: ServerLabel,
    /// In which scenarios.
    pub(crate) scenarios: Vec<String>,
    /// Bytes of payload.
    pub(crate) payload: u64,
    /// As what it travels.
    pub(crate) carried: Carried,
    /// Bytes of both directions besides payload and envelope, as the kernel counted them.
    pub(crate) counted: f64,
    /// The same by formula, for what was received.
    pub(crate) expected: f64,
    /// Whether the two are the same in every trial.
    pub(crate) agrees: bool,
    /// The formula of its transport, in words.
    pub(crate) formula: &'static str,
}

/// As what a payload travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// As the text that it is.
    Text,
    /// As the bytes that it is.
    Bytes,
    /// As text that stands for bytes.
    Base64,
}

impl Carried {
    /// As what payloads of `kind` travelled in a trial.
    pub(crate) fn of(kind: PayloadKind, measured: &Measurement) -> Self {
        let native = measured.body_bytes == measured.payload_bytes + BINARY_ENVELOPE as u64;
        match kind {
            PayloadKind::Text | PayloadKind::Quotes => Self::Text,
            PayloadKind::Binary if native => Self::Bytes,
            PayloadKind::Binary => Self::Base64,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Base64 => "base64",
        }
    }

    /// Bytes of the envelope around it.
    pub(crate) fn envelope(self) -> u64 {
        let bytes = match self {
            Self::Text | Self::Base64 => TEXT_ENVELOPE,
            Self::Bytes => BINARY_ENVELOPE,
        };
        bytes as u64
    }

    /// Bytes of the body that holds `payload` bytes.
    fn body(self, payload: u64) -> u64 {
        self.envelope()
            + match self {
                Self::Text | Self::Bytes => payload,
                Self::Base64 => theory::base64(payload),
            }
    }
}

/// Bytes that `transport` adds to a payload besides its envelope, its id and its heads; `None` where there is no formula.
pub(crate) fn framing(transport: &str, carried: Carried, payload: u64) -> Option<u64> {
    let body = carried.body(payload);
    let framed = match transport {
        "tcp" => theory::tcp_frame(body),
        "websocket" => theory::websocket_server_frame(body),
        "sse" => theory::chunk(theory::sse_event(body, 1, None, None)),
        "ndjson" => theory::chunk(theory::json_line(body)),
        "long-poll" => theory::long_poll_response(0, body, 1),
        _ => return None,
    };
    Some(framed - carried.envelope() - payload)
}

/// What a transport makes of payloads that travel alike.
struct Curve<'a> {
    transport: &'a str,
    carried: Carried,
    /// Ids, heads and requests of a message, which enter as they were: those of the dot in the middle.
    besides: f64,
}

impl<'a> Curve<'a> {
    /// One for each transport, and each form in which its payloads travel, of which there are dots.
    fn all(dots: &'a [Overhead]) -> Vec<Self> {
        let mut curves: Vec<Self> = Vec::new();
        for dot in dots {
            let (transport, carried) = (dot.server.transport.as_str(), dot.carried);
            let known = |one: &Self| one.transport == transport && one.carried == carried;
            if !curves.iter().any(known) {
                curves.push(Self {
                    transport,
                    carried,
                    besides: besides(dots, transport),
                });
            }
        }
        curves
    }

    fn at(&self, payload: f64) -> f64 {
        let framing = framing(self.transport, self.carried, payload.round() as u64);
        framing.unwrap_or(0) as f64 + self.besides
    }
}

/// The middle of what the dots of `transport` have besides its framing, by formula.
fn besides(dots: &[Overhead], transport: &str) -> f64 {
    let mine = dots.iter().filter(|dot| dot.server.transport == transport);
    let all = mine.filter_map(|dot| {
        let framing = framing(transport, dot.carried, dot.payload)?;
        Some(dot.expected - framing as f64)
    });
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}

/// `None` unless there is a transport with payloads of two sizes.
pub(crate) fn figure(dots: &[Overhead], palette: &Palette) -> Option<Figure> {
    let sizes = |one: &Overhead| {
        let mut others = dots
            .iter()
            .filter(|other| other.server.transport == one.server.transport);
        others.any(|other| other.payload != one.payload)
    };
    if !dots.iter().any(sizes) {
        return None;
    }
    let versions = FULL.map(|(version, size)| plot(dots, palette, size, version.class()));
    Some(Figure {
        title: TITLE.into(),
        meta: vec![
            "TCP payload of both directions, without that of the message and its envelope".into(),
            "both axes logarithmic".into(),
            "on its curve is right, lower is better".into(),
            counted(dots.len(), "dot"),
        ],
        caption: format!(
            "A frame costs the same whether it holds much or little; a binary payload that has to travel as text costs a third of \
             itself. A dot is a server with payloads of one size, over all its valid trials on the loopback that have nothing \
             besides: no TLS, heartbeats, windows, cuts or messages of subscribers. The envelope of {TEXT_ENVELOPE} bytes around a \
             text and {BINARY_ENVELOPE} around bytes is the suite's own, and left out. Ids of events, and heads and requests of \
             polls, enter as they were: the curve has those of the dot in the middle, and a server with other heads lies beside it."
        ),
        findings: vec![finding(dots)],
        room: Room::Full,
        panels: Panel::alone(versions),
        legend: legend(dots, palette),
        legend_on_phones_only: false,
        data: data(dots),
    })
}

fn plot(dots: &[Overhead], palette: &Palette, size: (f64, f64), class: &str) -> Drawing {
    let payloads = dots.iter().map(|dot| dot.payload as f64);
    let largest = payloads.clone().fold(0.0, f64::max);
    // Room for the dots beside those of the largest payload.
    let across = log_range(payloads.chain([64.0, 2.0 * largest]), 2.0);
    let curves = Curve::all(dots);
    let points: Vec<(&Curve<'_>, Vec<(f64, f64)>)> = curves
        .iter()
        .map(|curve| {
            let points = along(across, STEPS).map(|payload| (payload, curve.at(payload)));
            (curve, points.collect())
        })
        .collect();
    let heights = points.iter().flat_map(|(_, points)| points.iter());
    let heights = heights.map(|point| point.1);
    let up = log_range(heights.chain(dots.iter().map(|dot| dot.counted)), 4.0);
    draw(size, class, TITLE, |canvas| {
        let x = Axis::log(across, (66.0, size.0 - 14.0));
        let y = Axis::log(up, (size.1 - 40.0, 10.0));
        let right = Scale::across(&x, across, Unit::Bytes, size.0);
        let above = Scale::up(&y, up, Unit::Bytes, size.1);
        grid(canvas, &right, &above, size.0, ACROSS);
        for (curve, points) in &points {
            let places: Vec<_> = points.iter().map(|&(p, v)| (x.at(p), y.at(v))).collect();
            let role = palette.transport(curve.transport);
            let pen = Pen::new(role, 1.8).dash(dash(curve.carried));
            canvas.path(&thinned(&places), pen);
        }
        markers(canvas, dots, palette, &x, &y);
    })
}

fn dash(carried: Carried) -> Dash {
    match carried {
        Carried::Text | Carried::Bytes => Dash::Solid,
        Carried::Base64 => Dash::Dashed,
    }
}

/// The dots; those that would cover one another stand side by side.
fn markers(canvas: &mut Canvas<'_>, dots: &[Overhead], palette: &Palette, x: &Axis, y: &Axis) {
    let mut payloads: Vec<u64> = dots.iter().map(|dot| dot.payload).collect();
    payloads.sort_unstable();
    payloads.dedup();
    let places: Vec<f64> = payloads.iter().map(|&one| x.at(one as f64)).collect();
    for payload in payloads {
        let mut here: Vec<_> = dots.iter().filter(|dot| dot.payload == payload).collect();
        here.sort_by(|a, b| a.counted.total_cmp(&b.counted));
        let height = |dot: &Overhead| y.at(dot.counted);
        for row in here.chunk_by(|a, b| height(a) - height(b) < NEAR) {
            let apart = apart(&places, row.len());
            for (place, dot) in row.iter().enumerate() {
                let beside = (place as f64 - (row.len() as f64 - 1.0) / 2.0) * apart;
                let at = (x.at(payload as f64) + beside, height(dot));
                let shape = palette.shape(&dot.server);
                let role = if dot.agrees {
                    palette.role(&dot.server)
                } else {
                    Role::Bad
                };
                canvas.marker(at, 4.5, shape, role, true);
            }
        }
    }
}

fn legend(dots: &[Overhead], palette: &Palette) -> Vec<LegendEntry> {
    let mut legend = Vec::new();
    let mut known: Vec<&str> = Vec::new();
    for dot in dots {
        let transport = dot.server.transport.as_str();
        if !known.contains(&transport) {
            known.push(transport);
            let label = format!("{transport}: {}", dot.formula);
            let role = palette.transport(transport);
            legend.push(line_entry(&label, role, Dash::Solid, None));
        }
    }
    if dots.iter().any(|dot| dot.carried == Carried::Base64) {
        let label = "binary payload, as base64";
        legend.push(line_entry(label, Role::Text, Dash::Dashed, None));
    }
    let servers = distinct(dots.iter().map(|dot| &dot.server));
    legend.extend(server_entries(servers, palette));
    legend
}

fn finding(dots: &[Overhead]) -> (Option<bool>, String) {
    let wrong = dots.iter().filter(|dot| !dot.agrees);
    let wrong: Vec<String> = wrong
        .map(|dot| {
            format!(
                "{} with {} ({} instead of {})",
                dot.server,
                bytes(dot.payload as f64),
                bytes(dot.counted),
                bytes(dot.expected)
            )
        })
        .collect();
    let all = counted(dots.len(), "dot");
    if wrong.is_empty() {
        let said = format!("All of {all} are what the formulas say, to the byte.");
        return (Some(true), said);
    }
    let (count, names) = (wrong.len(), wrong.join("; "));
    let said = format!("{count} of {all} are not what the formulas say: {names}.");
    (Some(false), said)
}

/// To the byte, where means have no more of their digits to show.
fn bytes(value: f64) -> String {
    if value >= 1000.0 {
        return format!("{}{THIN}B", whole(value.round() as u64));
    }
    Unit::Bytes.in_words(value)
}

fn data(dots: &[Overhead]) -> Table {
    let numbers = [
        "payload",
        "added, by formula",
        "added, counted",
        "of the payload",
    ];
    let numbers = numbers.map(|name| Column::numbers(name, ""));
    let words = ["scenarios", "travels as"].map(Column::words);
    let mut table = Table::new("server", words.into_iter().chain(numbers).collect());
    for dot in dots {
        let share = 100.0 * dot.counted / dot.payload.max(1) as f64;
        let mut cells = vec![
            Cell::plain(dot.scenarios.join(", ")),
            Cell::plain(dot.carried.label()),
            Cell::plain(bytes(dot.payload as f64)),
            Cell::plain(bytes(dot.expected)),
            Cell::plain(bytes(dot.counted)),
            Cell::plain(format!("{}{THIN}%", short(share))),
        ];
        if !dot.agrees {
            cells[4] = cells[4].clone().bad();
        }
        table.row(dot.server.to_string(), cells);
    }
    table
}

#[cfg(test)]
mod tests;
