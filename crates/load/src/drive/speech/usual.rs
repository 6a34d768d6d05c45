//! What the polls of a worker have in common, which saves writing and reading most of them: as all its connections take
//! the same messages, a poll and its answer differ from the last in a number here and there.

use std::io::Write as _;
use std::ops::Range;
use std::rc::Rc;

use pushbench_transport::long_poll::usual::KnownHead;

use crate::drive::place::Place;

/// Most digits of a number.
const DIGITS: usize = 20;

/// The last poll and the last answer.
#[derive(Debug, Default)]
pub(in crate::drive) struct Usual {
    pub(super) head: KnownHead,
    poll: Option<KnownPoll>,
}

#[derive(Debug)]
struct KnownPoll {
    /// Where it was sent to.
    place: Rc<Place>,
    after: u64,
    text: Vec<u8>,
    /// Where its number stands.
    digits: Range<usize>,
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
        match &mut self.poll {
            Some(known) if Rc::ptr_eq(&known.place, place) => {
                known.renumber(after);
                out.extend_from_slice(&known.text);
            }
            other => {
                let mut text = Vec::new();
                let digits = write(&mut text);
                out.extend_from_slice(&text);
                *other = Some(KnownPoll {
                    place: Rc::clone(place),
                    after,
                    text,
                    digits,
                });
            }
        }
    }
}

impl KnownPoll {
    fn renumber(&mut self, after: u64) {
        if self.after == after {
            return;
        }
        let mut room = [0; DIGITS];
        let mut left = &mut room[..];
        // Any number fits.
        let _ = write!(left, "{after}");
        let len = DIGITS - left.len();
        let Range { start, end } = self.digits;
        if len == end - start {
            self.text[start..end].copy_from_slice(&room[..len]);
        } else {
            self.text.splice(start..end, room[..len].iter().copied());
            self.digits = start..start + len;
        }
        self.after = after;
    }
}
