//! What a message costs when it does not come alone.

use pushbench_model::anatomy::{Anatomy, Row, Side};

use super::{Finding, NO_DIFFERENCE, apart};
use crate::anatomy::{stages, words};
use crate::number::{Unit, significant, whole};

/// Names of the servers that only frame.
const BARE: [&str; 4] = ["tcp/bare", "sse/bare", "websocket/bare", "long-poll/bare"];

/// One server alone and with company.
struct Batched<'a> {
    name: &'a str,
    alone_ns: f64,
    together_ns: f64,
    ratio: f64,
    apart: bool,
}

impl Batched<'_> {
    fn figure(&self) -> String {
        if self.apart {
            format!("{}×", significant(self.ratio, 2))
        } else {
            NO_DIFFERENCE.into()
        }
    }
}

pub(super) fn finding(anatomy: &Anatomy) -> Option<Finding> {
    let measured = in_turns(anatomy).or_else(|| in_stages(anatomy))?;
    let batch = whole(u64::from(measured.batch));
    let mut text = vec![format!(
        "When {batch} messages are ready together, a server may put them into one write, and they share what the kernel \
         charges for it. A message among {batch}, against a message alone, in processor time per delivery:"
    )];
    for one in &measured.rows {
        let scale = Unit::Time.scale([one.together_ns, one.alone_ns]);
        text.push(format!(
            "{}: {} ({} against {}).",
            one.name,
            one.figure(),
            scale.with_unit(one.together_ns),
            scale.with_unit(one.alone_ns),
        ));
    }
    text.push(format!(
        "Measured on the server side with {}. {}",
        words::subscribers(measured.subscribers),
        measured.how
    ));
    let apart: Vec<f64> = measured
        .rows
        .iter()
        .filter(|one| one.apart)
        .map(|one| one.ratio)
        .collect();
    let low = apart.iter().copied().fold(f64::INFINITY, f64::min);
    let high = apart.iter().copied().fold(0.0, f64::max);
    let (low, high) = (significant(low, 2), significant(high, 2));
    let figure = match apart.len() {
        0 => NO_DIFFERENCE.to_owned(),
        _ if low == high => format!("{low}×"),
        _ => format!("{low} to {high}×"),
    };
    Some(Finding {
        title: format!("{batch} messages at a time"),
        figure,
        text,
    })
}

struct Measured<'a> {
    subscribers: u32,
    batch: u32,
    rows: Vec<Batched<'a>>,
    how: &'static str,
}

/// Servers that took turns with themselves.
fn in_turns(anatomy: &Anatomy) -> Option<Measured<'_>> {
    let first = anatomy.batching.iter().max_by_key(|one| one.batch)?;
    let of_first = anatomy
        .batching
        .iter()
        .filter(|one| (one.subscribers, one.batch) == (first.subscribers, first.batch));
    let rows: Vec<Batched<'_>> = BARE
        .iter()
        .filter_map(|name| of_first.clone().find(|one| one.name == *name))
        .map(|one| Batched {
            name: &one.name,
            alone_ns: one.alone_ns.median,
            together_ns: one.together_ns.median,
            ratio: one.ratio.median,
            apart: one.ratio.high < 1.0 || one.ratio.low > 1.0,
        })
        .collect();
    (!rows.is_empty()).then_some(Measured {
        subscribers: first.subscribers,
        batch: first.batch,
        rows,
        how: "The two took turns, and the ratio is of slices of the same turn.",
    })
}

/// The stage to show first that was also measured with more messages per wake, the stage with most of them, and the
/// servers that are in both: for records in which they did not take turns.
fn in_stages(anatomy: &Anatomy) -> Option<Measured<'_>> {
    let stages = stages(anatomy, Side::Server);
    stages.iter().find_map(|&alone| {
        let more = stages
            .iter()
            .copied()
            .filter(|s| s.subscribers == alone.subscribers && s.batch > alone.batch);
        let together = more.max_by_key(|s| s.batch)?;
        let rows: Vec<Batched<'_>> = BARE
            .iter()
            .filter_map(|name| {
                let (alone, together) = (alone.row(name)?, together.row(name)?);
                (alone.cpu_ns.median > 0.0).then(|| batched(alone, together))
            })
            .collect();
        (alone.batch == 1 && !rows.is_empty()).then_some(Measured {
            subscribers: alone.subscribers,
            batch: together.batch,
            rows,
            how: "The two were measured one after the other and not in turns, so that a machine whose speed wanders may \
                  account for some of it.",
        })
    })
}

fn batched<'a>(alone: &'a Row, together: &Row) -> Batched<'a> {
    Batched {
        name: &alone.name,
        alone_ns: alone.cpu_ns.median,
        together_ns: together.cpu_ns.median,
        ratio: together.cpu_ns.median / alone.cpu_ns.median,
        apart: apart(&together.cpu_ns, &alone.cpu_ns),
    }
}
