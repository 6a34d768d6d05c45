//! Quotes of a ticker: names that come again and again, and numbers that change. Text as data looks that is worth compressing.
//!
//! ```text
//! symbol:KELP,bid:112.37,ask:112.41,last:112.39,volume:4200;symbol:ONYX,bid:..
//! ```

use std::io::Write as _;

use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

/// What is quoted.
const SYMBOLS: [&str; 24] = [
    "ARCH", "BOLT", "CEDR", "DUNE", "ELMS", "FERN", "GALE", "HAZE", "IRIS", "JADE", "KELP", "LARK",
    "MICA", "NOVA", "ONYX", "PINE", "QUAY", "REED", "SAGE", "TIDE", "UMBR", "VALE", "WREN", "ZINC",
];

/// Appends `bytes` bytes of quotes, those of message number `seq`; the last one is cut where it does not fit.
pub(super) fn append(seed: u64, seq: u64, bytes: usize, out: &mut Vec<u8>) {
    let end = out.len() + bytes;
    let mut random = Pcg64Mcg::seed_from_u64(seed ^ seq.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    while out.len() < end {
        let drawn = random.next_u64();
        let which = (drawn % SYMBOLS.len() as u64) as usize;
        // Prices move slowly from message to message, and by some cents from quote to quote.
        let cents = 1500 + 1237 * which as u64 + (seq / 16 + 7 * which as u64) % 97;
        let bid = cents + (drawn >> 8) % 40;
        let ask = bid + 1 + (drawn >> 16) % 8;
        let last = bid + (drawn >> 24) % (ask - bid + 1);
        let volume = 100 * (1 + (drawn >> 32) % 90);
        write!(
            out,
            "symbol:{},bid:{}.{:02},ask:{}.{:02},last:{}.{:02},volume:{volume};",
            SYMBOLS[which],
            bid / 100,
            bid % 100,
            ask / 100,
            ask % 100,
            last / 100,
            last % 100,
        )
        .expect("memory takes all that is written");
    }
    out.truncate(end);
}
