//! What was found by comparing two rows of one stage, in words that need no background. A finding whose rows were not
//! measured does not appear.

mod batching;

use pushbench_model::anatomy::{Anatomy, Quartiles, Row, Side, Stage};

use super::words::load;
use super::{stages, tables};
use crate::number::{THIN, Unit, short, significant};

/// Something found, with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) title: String,
    /// The number, or that there is none.
    pub(crate) figure: String,
    /// What it says, a paragraph each.
    pub(crate) text: Vec<String>,
}

const NO_DIFFERENCE: &str = "no difference shown";

/// Two rows of one stage.
struct Pair<'a> {
    stage: &'a Stage,
    over: &'a Row,
    under: &'a Row,
}

impl<'a> Pair<'a> {
    /// From the stage to show first, or the nearest one that has both.
    fn of(anatomy: &'a Anatomy, side: Side, over: &str, under: &str) -> Option<Self> {
        Self::all(anatomy, side, over, under).next()
    }

    fn all(
        anatomy: &'a Anatomy,
        side: Side,
        over: &str,
        under: &str,
    ) -> impl Iterator<Item = Self> {
        stages(anatomy, side).into_iter().filter_map(move |stage| {
            let (over, under) = (stage.row(over)?, stage.row(under)?);
            let measured = over.cpu_ns.median > 0.0 && under.cpu_ns.median > 0.0;
            measured.then_some(Self { stage, over, under })
        })
    }

    /// The figures to compare: multiples of the floor where there are any, since these pair slices of one turn.
    fn spread(&self) -> (Quartiles, Quartiles) {
        match (self.over.times_floor, self.under.times_floor) {
            (Some(over), Some(under)) if under.median > 0.0 => (over, under),
            _ => (self.over.cpu_ns, self.under.cpu_ns),
        }
    }

    fn ratio(&self) -> f64 {
        let (over, under) = self.spread();
        over.median / under.median
    }

    /// Whether the middle halves of the slices lie apart.
    fn apart(&self) -> bool {
        let (over, under) = self.spread();
        apart(&over, &under)
    }

    /// `6.0×`, or that no difference was shown.
    fn figure(&self) -> String {
        if self.apart() {
            format!("{}×", significant(self.ratio(), 3))
        } else {
            NO_DIFFERENCE.into()
        }
    }

    /// `4.10 µs against 1.20 µs`
    fn times(&self) -> String {
        let (over, under) = (self.over.cpu_ns.median, self.under.cpu_ns.median);
        let scale = Unit::Time.scale([over, under]);
        format!(
            "{} against {}",
            scale.with_unit(over),
            scale.with_unit(under)
        )
    }

    /// User instructions of the first over those of the second.
    fn instructions(&self) -> Option<f64> {
        let under = self.under.user_instructions.filter(|n| *n > 0.0)?;
        Some(self.over.user_instructions? / under)
    }

    /// What an emulated machine executed for the first and for the second.
    fn executed(&self) -> Option<String> {
        let under = self.under.instructions.filter(|n| *n > 0.0)?;
        let over = self.over.instructions?;
        Some(format!(
            "In instructions of program and kernel, on an emulated machine: {} against {} ({}).",
            tables::counted_figure(over),
            tables::counted_figure(under),
            match (
                self.over.instructions_times_floor,
                self.under.instructions_times_floor,
            ) {
                (Some(over), Some(under)) if !apart(&over, &under) =>
                    "no difference is shown".into(),
                _ => more(over / under),
            }
        ))
    }

    /// `websocket/reference@defaults against websocket/reference@defaults-4k`
    fn names(&self) -> String {
        format!("{} against {}", self.over.name, self.under.name)
    }

    /// Where it was measured, for the end of a paragraph.
    fn measured_at(&self) -> String {
        format!(
            "Measured on the {} side with {}.",
            self.stage.side.label(),
            load(self.stage)
        )
    }
}

fn apart(a: &Quartiles, b: &Quartiles) -> bool {
    a.low > b.high || a.high < b.low
}

/// `8 % more`, `3 % less`, `the same`.
fn more(ratio: f64) -> String {
    let share = 100.0 * (ratio - 1.0);
    match share {
        s if s.abs() < 0.05 => "the same".into(),
        s if s > 0.0 => format!("{}{THIN}% more", short_of(s)),
        s => format!("{}{THIN}% less", short_of(-s)),
    }
}

fn short_of(share: f64) -> String {
    if share < 1.0 {
        format!("{share:.1}")
    } else {
        short(share)
    }
}

/// Every finding that can be made.
pub(crate) fn findings(anatomy: &Anatomy) -> Vec<Finding> {
    [
        equal_engineering(anatomy),
        zeros(
            anatomy,
            Side::Server,
            "websocket/reference@defaults",
            "websocket/reference@defaults-4k",
        ),
        zeros(
            anatomy,
            Side::Client,
            "websocket/tungstenite",
            "websocket/tungstenite-4k",
        ),
        threads(anatomy),
        batching::finding(anatomy),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The price of a large read buffer that is cleared before every read.
fn zeros(anatomy: &Anatomy, side: Side, large: &str, small: &str) -> Option<Finding> {
    let pair = Pair::of(anatomy, side, large, small)?;
    let said = match (pair.apart(), pair.ratio() > 1.0) {
        (false, _) => {
            "Here this makes no difference that stands out of the noise: the middle halves of the slices overlap."
        }
        (true, true) => {
            "With a buffer of 4\u{202f}KiB, and nothing else changed, a delivery costs less."
        }
        (true, false) => {
            "Here a buffer of 4\u{202f}KiB, with nothing else changed, does not make a delivery cheaper."
        }
    };
    let mut text = vec![format!(
        "As its documentation shows it, the WebSocket library tungstenite keeps a read buffer of 128{THIN}KiB and fills it \
         with zeros before it tries to read, however little there is to read. {said} {}: {}.",
        pair.names(),
        pair.times()
    )];
    if let Some(instructions) = pair.instructions()
        && pair.apart()
        && (instructions - 1.0).abs() < (pair.ratio() - 1.0) / 2.0
    {
        text.push(format!(
            "Counting instructions shows little of this: in user instructions the first needs {} than the second, because clearing \
             a block takes few instructions and much time.",
            more_than(instructions)
        ));
    }
    text.extend(others(anatomy, side, large, small));
    text.push(pair.measured_at());
    Some(Finding {
        title: format!("A read buffer full of zeros, {} side", side.label()),
        figure: pair.figure(),
        text,
    })
}

/// `8 % more`, and for none at all words that go before “than”.
fn more_than(ratio: f64) -> String {
    match more(ratio).as_str() {
        "the same" => "no more".into(),
        other => other.to_owned(),
    }
}

/// The range of the ratio over all stages that have both rows, where there are several.
fn others(anatomy: &Anatomy, side: Side, over: &str, under: &str) -> Option<String> {
    let ratios: Vec<f64> = Pair::all(anatomy, side, over, under)
        .map(|pair| pair.ratio())
        .collect();
    let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ratios.iter().copied().fold(0.0, f64::max);
    let (low, high) = (significant(low, 3), significant(high, 3));
    let said = if low == high {
        format!("is {low}")
    } else {
        format!("lies between {low} and {high}")
    };
    (ratios.len() > 1).then(|| {
        format!(
            "Over all {} stages on this side the ratio {said}.",
            ratios.len()
        )
    })
}

/// The two protocols on one write loop.
fn equal_engineering(anatomy: &Anatomy) -> Option<Finding> {
    let (sse, websocket) = ("sse/bare", "websocket/bare");
    let pair = Pair::of(anatomy, Side::Server, sse, websocket)?;
    let said = if pair.apart() {
        format!("the first needs {} processor time", more(pair.ratio()))
    } else {
        "no difference in processor time was shown, since the middle halves of their slices overlap"
            .into()
    };
    let mut text = vec![format!(
        "{sse} and {websocket} send with the same loop; only the handshake and the few bytes around each message differ. \
         {}: {said} ({}).",
        pair.names(),
        pair.times()
    )];
    if let Some(ratio) = pair.instructions() {
        let count = |row: &Row| {
            row.user_instructions
                .map_or_else(String::new, tables::counted_figure)
        };
        text.push(format!(
            "In user instructions: {} against {} ({}).",
            count(pair.over),
            count(pair.under),
            more(ratio)
        ));
    }
    text.extend(pair.executed());
    let library = Pair::of(
        anatomy,
        Side::Server,
        "sse/reference",
        "websocket/reference",
    );
    if let Some(library) = library.filter(|l| l.stage == pair.stage) {
        let said = if library.apart() {
            format!("the ratio is {}", library.figure())
        } else {
            "no difference is shown either".into()
        };
        text.push(format!(
            "With their usual libraries ({}) {said}. What that figure has beyond the one above is owed to libraries and \
             not to protocols.",
            library.names()
        ));
        text.extend(library.executed());
    }
    text.extend(others(anatomy, Side::Server, sse, websocket));
    text.push(pair.measured_at());
    Some(Finding {
        title: "SSE and WebSocket at equal engineering".into(),
        figure: pair.figure(),
        text,
    })
}

/// A runtime of several threads against one of a single thread.
fn threads(anatomy: &Anatomy) -> Option<Finding> {
    let pairs: Vec<Pair<'_>> = ["sse", "websocket"]
        .iter()
        .filter_map(|transport| {
            let several = format!("{transport}/axum-multi-thread");
            Pair::of(
                anatomy,
                Side::Server,
                &several,
                &format!("{transport}/axum"),
            )
        })
        .collect();
    let first = pairs.first()?;
    let named = |pair: &Pair<'_>| format!("{} {}", pair.over.transport, pair.figure());
    let figures: Vec<String> = pairs.iter().map(named).collect();
    let mut text = vec![
        "The same server on a runtime that spreads its tasks over several threads, against one that keeps them on one \
         thread. Several threads can use more processors; what is compared here is the work that a delivery then needs, \
         handing tasks from thread to thread included."
            .to_owned(),
    ];
    for pair in &pairs {
        let said = if pair.apart() {
            format!("{} processor time", more(pair.ratio()))
        } else {
            NO_DIFFERENCE.into()
        };
        text.push(format!("{}: {said} ({}).", pair.names(), pair.times()));
    }
    text.push(first.measured_at());
    Some(Finding {
        title: "Several threads or one".into(),
        figure: figures.join(", "),
        text,
    })
}
