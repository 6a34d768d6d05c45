//! Columns for subscribers that speak: what it takes to say a message.

use super::Builder;
use crate::answer::upstream::Said;
use crate::number::{THIN, Unit, whole};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column};

impl Builder<'_, '_> {
    /// Bytes that go up with a message, and those of its answer where there is one.
    pub(super) fn upstream(&mut self) {
        let said: Vec<_> = self.group.arms.iter().map(Said::of).collect();
        if said.iter().all(Option::is_none) {
            return;
        }
        self.bytes_said("bytes up per message said", &said, |said| Some(said.up));
        if said.iter().flatten().any(|said| said.answer.is_some()) {
            self.bytes_said("bytes of answers per message", &said, |said| said.answer);
        }
    }

    fn bytes_said(&mut self, name: &str, said: &[Option<Said>], of: impl Fn(&Said) -> Option<f64>) {
        let figures: Vec<_> = said.iter().map(|said| of(said.as_ref()?)).collect();
        let scale = Unit::Bytes.scale(figures.iter().copied().flatten());
        self.columns.push(Column::numbers(name, scale.symbol));
        for ((figure, said), row) in figures.into_iter().zip(said).zip(&mut self.rows) {
            row.push(match (figure, said) {
                (Some(bytes), _) => Cell::plain(scale.number(bytes)),
                (None, Some(_)) => Cell::plain("none"),
                (None, None) => Cell::absent(""),
            });
        }
    }
}

/// What figures per delivery hold where subscribers speak.
pub(super) fn note(group: &Group<'_>) -> Option<String> {
    let is_valid = |arm: &Arm<'_>| !arm.valid.is_empty();
    let two_way = group.scenario.is_two_way() && group.arms.iter().any(is_valid);
    two_way.then(|| {
        let subscribers = group.scenario.workload.subscribers();
        format!(
            "Subscribers say the messages. The server’s CPU per delivery holds what it spends on receiving them and on answering, once \
             for each {}{THIN}deliveries; that of the load process holds the reading of answers, but not the saying, which its \
             publishing thread does. Bytes per message are those of all connections of subscribers, divided by the \
             deliveries; memory per connection is that per subscriber. Pushbench’s own servers take what is posted on a port of its own, \
             with hyper, whatever the stack; what is said on a WebSocket is taken by the stack itself.",
            whole(subscribers.into())
        )
    })
}
