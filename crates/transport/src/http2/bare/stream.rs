//! The streams of a connection: each has its own place in the sequence and its own window.

use std::collections::VecDeque;

use crate::http2::frame::LARGEST;

use super::parcel::Parcel;
use super::site::Site;

/// How many streams that have ended are remembered, to tell what may still be under way from what has no place.
const REMEMBERED: usize = 128;

/// Where a stream is in what it is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// What comes before all messages was sent.
    pub(super) greeted: bool,
    /// The message that is next, or under way.
    pub(super) cursor: u64,
    /// Bytes of it that were sent.
    pub(super) offset: usize,
}

/// One subscription.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) number: u32,
    pub(super) place: Place,
    /// The first message published after it was begun: what it asked for beyond that does not count as waiting.
    pub(super) live_from: u64,
    /// Bytes that may be sent on it; below zero where its client has taken back what it had allowed.
    pub(super) window: i64,
    /// Its client has ended its side.
    pub(super) ended: bool,
    /// Bytes of the client that it was not allowed to send anew.
    pub(super) taken: u32,
    /// Bytes of the request's body that are to come, where it has said so.
    pub(super) length: Option<u64>,
}

/// What came of looking at a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// A frame of it is in the parcel.
    Frame,
    /// It has all there is.
    Nothing,
    /// It has to wait.
    Waits,
}

impl Stream {
    /// Puts a frame with what is next into `parcel`, if the windows allow that; `index` is its place among the streams, and
    /// `connection` the window of all.
    #[inline]
    pub(super) fn put(
        &mut self,
        index: usize,
        connection: &mut i64,
        site: &Site,
        parcel: &mut Parcel,
    ) -> Put {
        let Place {
            greeted,
            cursor,
            offset,
        } = self.place;
        let content = match &site.endpoint.greeting {
            Some(greeting) if !greeted => greeting,
            _ if cursor >= site.feed.next_seq() => return Put::Nothing,
            _ if cursor < site.feed.first_seq() => return Put::Waits,
            _ => match site.feed.get(cursor) {
                Some(message) => message,
                None => return Put::Nothing,
            },
        };
        let rest = &content[offset..];
        let allowed = self.window.min(*connection).clamp(0, LARGEST as i64) as usize;
        let len = rest.len().min(allowed);
        if len == 0 && !rest.is_empty() {
            return Put::Waits;
        }
        parcel.data(index, self.number, self.place, &rest[..len]);
        self.window -= len as i64;
        *connection -= len as i64;
        self.place = if len < rest.len() {
            Place {
                offset: offset + len,
                ..self.place
            }
        } else if greeted {
            Place {
                greeted,
                cursor: cursor + 1,
                offset: 0,
            }
        } else {
            Place {
                greeted: true,
                cursor,
                offset: 0,
            }
        };
        Put::Frame
    }
}

/// How a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By us, while its client may have been sending.
    Ours,
    /// By its client, in an error.
    Theirs,
    /// Both sides are done.
    Both,
}

/// How the last streams that have ended did.
#[derive(Debug, Default)]
pub(super) struct Past(VecDeque<(u32, Ending)>);

impl Past {
    pub(super) fn remember(&mut self, number: u32, ending: Ending) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((number, ending));
    }

    /// How the stream `number` ended; `None` when that is forgotten, or it never was.
    pub(super) fn of(&self, number: u32) -> Option<Ending> {
        let mut all = self.0.iter().rev();
        all.find_map(|&(one, ending)| (one == number).then_some(ending))
    }
}
