#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_conform::inspect::{Inspector, Kind};
use pushbench_transport_fuzz::Input;

// Every byte is in exactly one piece, in order, and what comes of the stream does not depend on how it is cut.
fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let Some(input) = Input::new(data) else {
        return;
    };
    let kind = match kind & 3 {
        0 => Kind::Sse,
        1 => Kind::WebSocket,
        2 => Kind::Poll,
        _ => Kind::Http,
    };
    input.same_for_any_cut(|pieces| {
        let mut inspector = Inspector::new(kind);
        let mut entries = Vec::new();
        for piece in pieces {
            entries.extend(inspector.feed(piece));
        }
        entries.extend(inspector.finish());
        let mut at = 0;
        let mut found = Vec::new();
        for entry in entries {
            assert_eq!(entry.piece.at as usize, at);
            let end = at + entry.piece.bytes.len();
            assert_eq!(input.stream.get(at..end), Some(&entry.piece.bytes[..]));
            at = end;
            found.extend(entry.found);
        }
        assert_eq!(at, input.stream.len());
        found
    });
});
