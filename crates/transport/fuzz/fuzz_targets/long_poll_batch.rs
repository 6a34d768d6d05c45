#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_transport::long_poll::batch::{BatchSplitter, LastLine};
use pushbench_transport_fuzz::Input;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else {
        return;
    };
    for last_line in [LastLine::MustEnd, LastLine::MayBeOpen] {
        input.same_for_any_cut(|pieces| {
            let mut splitter = BatchSplitter::new(input.max_message);
            let mut messages = Vec::new();
            let mut keep = |message: &[u8]| messages.push(message.to_vec());
            let result = pieces
                .iter()
                .try_for_each(|piece| splitter.feed(piece, &mut keep))
                .and_then(|()| splitter.finish(last_line, &mut keep));
            if result.is_ok() {
                let lines = input.stream.split(|byte| *byte == b'\n');
                assert!(lines.filter(|line| !line.is_empty()).eq(messages.iter()));
            }
            (messages, result)
        });
    }
});
