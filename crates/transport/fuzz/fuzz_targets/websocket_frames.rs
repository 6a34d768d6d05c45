#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_transport::websocket::frame::FrameDecoder;
use pushbench_transport_fuzz::Input;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else {
        return;
    };
    input.same_for_any_cut(|pieces| {
        let mut decoder = FrameDecoder::new(input.max_message);
        let mut items = Vec::new();
        let result = pieces
            .iter()
            .try_for_each(|piece| decoder.feed(piece, &mut |item| items.push(format!("{item:?}"))));
        let closed = decoder.is_closed();
        // After an error nothing is promised but that there is no panic.
        let _ = decoder.feed(b"\x80\x00\x81\x01x", &mut |_| {});
        (items, result, closed)
    });
});
