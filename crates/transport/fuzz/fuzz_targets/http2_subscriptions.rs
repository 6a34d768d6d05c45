#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbench_transport::http2::dialogue;
use pushbench_transport_fuzz::Input;

// Three subscriptions to events that share a connection, heads and windows included.
fuzz_target!(|data: &[u8]| {
    let Some(input) = Input::new(data) else {
        return;
    };
    input.same_for_any_cut(|pieces| dialogue(3, pieces));
});
