//! What a message costs on its way up, beside its way down, where subscribers speak.

use crate::number::{THIN, Unit, whole};
use crate::results::{Arm, Group};

/// Bytes per message that was said, over all valid trials of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Said {
    /// Of the frame or the request.
    pub(super) up: f64,
    /// Of the answer to it; `None` where there is none.
    pub(super) answer: Option<f64>,
    /// Of what goes down to all subscribers together.
    down: f64,
}

impl Said {
    /// `None` where nobody has said anything.
    pub(super) fn of(arm: &Arm<'_>) -> Option<Self> {
        let measured = arm.valid.iter();
        let measured = measured.filter_map(|t| t.trial.measurement.as_ref());
        let (mut up, mut answers, mut answer_bytes, mut down) = (0, 0, 0, 0);
        let mut messages = 0;
        for one in measured {
            let Some(said) = one.upstream else { continue };
            messages += said.messages;
            up += said.bytes;
            answers += said.answers;
            answer_bytes += said.answer_bytes;
            down += one.wire.bytes_down.saturating_sub(said.answer_bytes);
        }
        let per = |bytes: u64| bytes as f64 / messages as f64;
        (messages > 0).then(|| Self {
            up: per(up),
            answer: (answers > 0).then(|| per(answer_bytes)),
            down: per(down),
        })
    }
}

/// One sentence for each way of speaking: that of the first server of each transport.
pub(super) fn sentence(group: &Group<'_>) -> Option<String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut parts = Vec::new();
    for arm in &group.arms {
        let transport = arm.server.transport.as_str();
        let Some(said) = Said::of(arm).filter(|_| !seen.contains(&transport)) else {
            continue;
        };
        seen.push(transport);
        let scale = Unit::Bytes.scale([said.up, said.down]);
        let bytes = |value| format!("{}{THIN}{}", scale.number(value), scale.symbol);
        let answer = said.answer.map_or_else(
            || "without an answer".to_owned(),
            |answer| format!("with an answer of {}", bytes(answer)),
        );
        parts.push(format!(
            "{} up {answer} and {} down to all ({})",
            bytes(said.up),
            bytes(said.down),
            arm.label(),
        ));
    }
    (!parts.is_empty()).then(|| {
        format!(
            "A message that one of {} subscribers says and all of them hear takes {}.",
            whole(group.scenario.workload.subscribers().into()),
            parts.join("; ")
        )
    })
}
