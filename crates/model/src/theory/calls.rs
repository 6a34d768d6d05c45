//! System calls and packets per message. The anatomy counts the calls of this suite's own servers and clients; nothing holds
//! them against these formulas.

use super::segments;

/// Writes that `messages` take which are ready together, where a library hands up to `most` of them to the kernel at once: one
/// where each is flushed, 16 in hyper (its list of buffers).
#[must_use]
pub fn writes(messages: u64, most: u64) -> u64 {
    messages.div_ceil(most)
}

/// Frames per write of a library that collects them and writes when it has more than `buffer` bytes, as tungstenite does.
#[must_use]
pub fn frames_per_write(buffer: u64, frame: u64) -> u64 {
    buffer / frame + 1
}

/// Acknowledgements without payload per segment that comes every `gap` seconds: one where the reader empties its socket at
/// once, or where the next does not come before the kernel's patience of `delay` seconds is over; otherwise every second segment
/// has one (RFC 9293 §3.8.6.3).
#[must_use]
pub fn acknowledgements(gap: f64, read_at_once: bool, delay: f64) -> f64 {
    if read_at_once || gap >= delay {
        1.0
    } else {
        0.5
    }
}

/// Segments of a poll and its answer of so many bytes, at most `largest` in each, with an acknowledgement by itself if
/// the poll is held for longer than the kernel's patience of `delay` seconds; otherwise the answer carries it. That of the answer goes
/// with the next poll.
#[must_use]
pub fn poll_segments(request: u64, response: u64, largest: u64, held: f64, delay: f64) -> u64 {
    segments(request, largest) + segments(response, largest) + u64::from(held > delay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::websocket_server_frame;

    const DELAY: f64 = 0.04;

    #[test]
    fn a_thousand_messages_that_are_ready() {
        assert_eq!(writes(1000, 16), 63);
        assert_eq!(writes(1000, 1), 1000);
        // Collected, a frame of 66 bytes at a time, in 128 KiB.
        let most = frames_per_write(128 * 1024, websocket_server_frame(64));
        assert_eq!((most, writes(1000, most)), (1986, 1));
        assert_eq!(frames_per_write(128, 64), 3, "two are not more than it");
    }

    #[test]
    fn acknowledgements_wait_for_a_second_segment() {
        assert_eq!(acknowledgements(0.001, true, DELAY), 1.0);
        assert_eq!(acknowledgements(0.001, false, DELAY), 0.5);
        assert_eq!(acknowledgements(0.1, false, DELAY), 1.0);
    }

    #[test]
    fn a_poll_that_is_held_is_acknowledged_by_itself() {
        assert_eq!(poll_segments(677, 197, 1448, 0.001, DELAY), 2);
        assert_eq!(poll_segments(677, 197, 1448, 0.1, DELAY), 3);
        assert_eq!(poll_segments(677, 1449, 1448, 0.1, DELAY), 4);
    }
}
