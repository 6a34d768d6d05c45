//! What a message costs when it does not come alone.

use pushbench_model::anatomy::{Anatomy, Row, Side, Stage};

use super::{Finding, NO_DIFFERENCE, apart};
use crate::anatomy::{stages, words};
use crate::number::{Unit, significant, whole};

/// Names of the servers that only frame.
const BARE: [&str; 4] = ["tcp/bare", "sse/bare", "websocket/bare", "long-poll/bare"];

/// One server alone and with company.
struct Batched<'a> {
    alone: &'a Row,
    together: &'a Row,
}

impl Batched<'_> {
    fn ratio(&self) -> f64 {
        self.together.cpu_ns.median / self.alone.cpu_ns.median
    }

    fn apart(&self) -> bool {
        apart(&self.together.cpu_ns, &self.alone.cpu_ns)
    }

    fn figure(&self) -> String {
        if self.apart() {
            format!("{}×", significant(self.ratio(), 2))
        } else {
            NO_DIFFERENCE.into()
        }
    }
}

pub(super) fn finding(anatomy: &Anatomy) -> Option<Finding> {
    let (alone, together, rows) = measured(anatomy)?;
    let batch = whole(u64::from(together.batch));
    let mut text = vec![format!(
        "When {batch} messages are ready together, a server may put them into one write, and they share what the kernel \
         charges for it. A message among {batch}, against a message alone, in processor time per delivery:"
    )];
    for one in &rows {
        let (together, alone) = (one.together.cpu_ns.median, one.alone.cpu_ns.median);
        let scale = Unit::Time.scale([together, alone]);
        text.push(format!(
            "{}: {} ({} against {}).",
            one.alone.name,
            one.figure(),
            scale.with_unit(together),
            scale.with_unit(alone),
        ));
    }
    text.push(format!(
        "Measured on the server side with {}. The two were measured one after the other and not in turns, so that a \
         machine whose speed wanders may account for some of it.",
        words::subscribers(alone.subscribers)
    ));
    let apart: Vec<f64> = rows
        .iter()
        .filter(|one| one.apart())
        .map(Batched::ratio)
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

/// The stage to show first that was also measured with more messages per wake, the stage with most of them, and the
/// servers that are in both.
fn measured(anatomy: &Anatomy) -> Option<(&Stage, &Stage, Vec<Batched<'_>>)> {
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
                (alone.cpu_ns.median > 0.0).then_some(Batched { alone, together })
            })
            .collect();
        (alone.batch == 1 && !rows.is_empty()).then_some((alone, together, rows))
    })
}
