#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_transport::tcp::frame::{FrameDecoder, encode};
use pushbench_transport_fuzz::Input;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else {
        return;
    };
    input.same_for_any_cut(|pieces| {
        let mut decoder = FrameDecoder::new(input.max_message);
        let mut frames = Vec::new();
        let result = pieces
            .iter()
            .try_for_each(|piece| decoder.feed(piece, &mut |body| frames.push(body.to_vec())));
        if result.is_ok() {
            // What was decoded is what was written, and a whole number of frames leaves nothing.
            let mut again = Vec::new();
            for frame in &frames {
                encode(frame, &mut again).expect("a body that came with a u32 length");
            }
            assert!(input.stream.starts_with(&again));
            assert_eq!(decoder.is_at_boundary(), again.len() == input.stream.len());
        }
        (frames, result)
    });
});
