//! Everything read again.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use super::serving::{accept, chunk, end, event_stream};
use crate::museum::exhibit::{Exhibit, Kind};

const EVENTS: usize = 200;
/// Between two events: long enough that most are a read of their own.
const PAUSE: Duration = Duration::from_millis(3);

pub(super) const READ_AGAIN: Exhibit = Exhibit {
    name: "read-again",
    title: "All that came is read again",
    meant: "200 events, each looked at when it comes.",
    intended: &["200 events, each byte read once"],
    written: "onDownloadProgress: (event) => parse(event.target.responseText)",
    why: "responseText holds all that has come so far. Parsing it at every event reads n·(n+1)/2 events in place of n: the work of a \
          long answer grows with the square of its length.",
    fix: "parse(text.slice(read)); read = text.length",
    modules: &[],
    kind: Kind::Client {
        serve,
        read: |seen, _| {
            let number = |name: &str| seen[name].as_f64().unwrap_or_default();
            // What is left of an event at the end of a read is looked at twice: that is once, to a tenth.
            let times = number("scanned") / number("received").max(1.0);
            let times = if times < 1.1 {
                "once".to_owned()
            } else {
                format!("{times:.0} times")
            };
            vec![format!(
                "{} events, each byte read {times}",
                number("events")
            )]
        },
    },
};

fn serve(listener: &TcpListener) -> usize {
    let Some(mut stream) = accept(listener) else {
        return 0;
    };
    event_stream(&mut stream);
    for event in 0..EVENTS {
        if !chunk(
            &mut stream,
            format!("data: token {event:04}\n\n").as_bytes(),
        ) {
            break;
        }
        thread::sleep(PAUSE);
    }
    end(&mut stream);
    1
}
