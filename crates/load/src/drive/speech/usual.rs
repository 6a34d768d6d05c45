//! What the polls of a worker have in common, which saves writing and reading most of them: as all its connections take
//! the same messages, a poll and its answer differ from the last in a number here and there.

use std::ops::Range;
use std::rc::Rc;

use pushbench_transport::long_poll::usual::{KnownHead, KnownPoll};

use crate::drive::place::Place;

/// The last poll and the last answer.
#[derive(Debug, Default)]
pub(in crate::drive) struct Usual {
    pub(super) head: KnownHead,
    poll: KnownPoll,
    /// Where that poll was sent to.
    place: Option<Rc<Place>>,
}

impl Usual {
    /// Appends the poll at `place` for messages after number `after`. `write` appends it to a text of its own and returns
    /// where its number stands; nothing but the place and the number may differ from one poll to the next.
    pub(super) fn ask(
        &mut self,
        place: &Rc<Place>,
        after: u64,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Range<usize>,
    ) {
        // Behind a redirect each connection has a place of its own, and it is the same for all.
        let is_known = |known: &Rc<Place>| Rc::ptr_eq(known, place) || **known == **place;
        if !self.place.as_ref().is_some_and(is_known) {
            self.poll = KnownPoll::default();
            self.place = Some(Rc::clone(place));
        }
        out.extend_from_slice(self.poll.text(after, write));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_is_written_once_per_place_whoever_holds_that() {
        let mut usual = Usual::default();
        let mut written = 0;
        let mut ask = |path: &str, after: u64| {
            let place = Rc::new(Place::parse(&format!("http://127.0.0.1:9{path}")).unwrap());
            let mut out = Vec::new();
            usual.ask(&place, after, &mut out, |text| {
                written += 1;
                text.extend_from_slice(format!("{path} {after}.").as_bytes());
                text.len() - 1 - after.to_string().len()..text.len() - 1
            });
            assert_eq!(out, format!("{path} {after}.").as_bytes());
            written
        };
        assert_eq!(ask("/a", 9), 1);
        assert_eq!(ask("/a", 10), 1);
        assert_eq!(ask("/a", 10), 1);
        assert_eq!(ask("/b", 10), 2);
        assert_eq!(ask("/a", 7), 3);
    }
}
