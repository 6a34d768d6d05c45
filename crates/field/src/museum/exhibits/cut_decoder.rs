//! A decoder that forgets.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::serving::{accept, chunk, end, event_stream};
use crate::museum::exhibit::{Exhibit, Kind};

const TEXT: &str = "你好 😀";
/// Between two pieces: long enough that each is a read of its own.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) const CUT_DECODER: Exhibit = Exhibit {
    name: "cut-decoder",
    title: "A decoder that forgets",
    meant: "The text that was sent, whatever pieces it comes in.",
    intended: &["\"你好 😀\""],
    written: "text += decoder.decode(value)",
    why: "A read ends where a packet did, in the middle of a character if need be. Without the option the decoder takes each piece \
          for a whole text, and what is left of a character becomes U+FFFD.",
    fix: "text += decoder.decode(value, { stream: true })",
    modules: &[],
    kind: Kind::Client {
        serve,
        read: |seen, _| vec![format!("{:?}", seen["text"].as_str().unwrap_or_default())],
    },
};

/// Sends the text cut inside of its characters.
fn serve(listener: &TcpListener) -> usize {
    let Some(mut stream) = accept(listener) else {
        return 0;
    };
    let text = TEXT.as_bytes();
    event_stream(&mut stream);
    for piece in [&text[..1], &text[1..5], &text[5..9], &text[9..]] {
        thread::sleep(PAUSE);
        if !chunk(&mut stream, piece) {
            break;
        }
    }
    end(&mut stream);
    1
}
