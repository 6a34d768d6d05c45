#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_transport::sse::decode::Decoder;
use pushbench_transport_fuzz::Input;

fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else {
        return;
    };
    input.same_for_any_cut(|pieces| {
        let mut decoder = Decoder::new(input.max_message);
        let mut events = Vec::new();
        let result = pieces.iter().try_for_each(|piece| {
            decoder.feed(piece, &mut |e| {
                assert!(e.data.len() <= 3 * input.max_message);
                let data = std::str::from_utf8(e.data).expect("data is UTF-8");
                events.push([e.event, data, e.last_event_id].map(str::to_owned));
            })
        });
        let state = (decoder.last_event_id().to_owned(), decoder.retry_ms());
        // After an error nothing is promised but that there is no panic.
        let _ = decoder.feed(b"\n\ndata: x\n\n", &mut |_| {});
        (events, result, state)
    });
});
