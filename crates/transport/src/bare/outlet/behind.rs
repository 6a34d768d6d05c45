//! What becomes of a subscriber that does not keep up.

use crate::hub::Lagged;
use crate::stack::Overflow;

use super::super::connection::{Connection, Phase};
use super::super::line::Line;
use super::super::{Guise, Protocol};
use super::{Outlet, Stop};

impl<P: Protocol> Outlet<P> {
    /// Applies the policy to a subscriber that is blocked or late.
    pub(in crate::bare) fn keep_up<L: Line>(
        &mut self,
        conn: &mut Connection<P::State, L>,
    ) -> Result<(), Stop> {
        let (first, next) = (self.feed.first_seq(), self.feed.next_seq());
        if self.common.options.overflow == Overflow::Keep && conn.cursor >= first {
            self.keep(conn, next);
            return Ok(());
        }
        let queue = self.common.options.queue as u64;
        let kept = conn.kept();
        let waiting = next.saturating_sub((conn.cursor - kept).max(conn.live_from));
        let sends = match conn.phase {
            Phase::Streaming => conn.cursor >= first && waiting <= queue,
            Phase::Answering => conn.cursor >= first || conn.cursor >= conn.until,
            _ => true,
        };
        if sends {
            return Ok(());
        }
        // What is in records already cannot be left out any more.
        let oldest = first.max(next.saturating_sub(queue.saturating_sub(kept)));
        let whole = conn.phase == Phase::Streaming;
        match self.common.options.overflow {
            // Whole messages: what is left of one that was cut is in `unsent`.
            Overflow::DropOldest if whole => {
                let dropped = oldest - conn.cursor;
                self.feed.hub().count_dropped(dropped);
                conn.cursor = oldest;
                // What is in records is as much as before.
                conn.sealed_from += dropped;
                Ok(())
            }
            // An answer that was begun cannot leave anything out. What the ring ran past at once cannot be kept any more.
            Overflow::DropOldest | Overflow::Disconnect | Overflow::Keep => {
                self.feed.hub().count_lagged();
                Err(Stop::Behind(Lagged {
                    wanted: conn.cursor,
                    oldest,
                }))
            }
        }
    }

    /// Keeps for a connection what it is to be sent and the hub will forget.
    fn keep<L: Line>(&mut self, conn: &mut Connection<P::State, L>, next: u64) {
        let end = match conn.phase {
            Phase::Streaming => next,
            Phase::Answering => conn.until,
            _ => return,
        };
        for seq in conn.cursor..end {
            let Some(frame) = self.feed.get(seq) else {
                return;
            };
            let frame = if conn.guise == Guise::default() {
                frame.clone()
            } else {
                self.protocol.dress(frame, conn.guise)
            };
            if conn.unsent.is_empty() {
                conn.unsent = frame;
            } else {
                conn.backlog.push_back(frame);
            }
            conn.cursor = seq + 1;
        }
    }
}
