//! The rule for the floor, length-prefixed frames over a plain socket.

use super::site::Site;
use super::wire::Wire;
use super::{Outcome, Rule, broken, instead_of};

pub(super) const RULES: [Rule; 1] = [("tcp: the number of the newest message comes first", newest)];

fn newest(site: &Site) -> Outcome {
    site.publish(&site.small(1))?;
    let expected = format!("{} in 8 little-endian bytes", site.published());
    let ask = || {
        let mut wire = Wire::connect(&site.data)?;
        wire.send(u64::MAX.to_le_bytes())?;
        wire.take(8)
    };
    let came = ask().map_err(instead_of(expected.clone()))?;
    match came == site.published().to_le_bytes() {
        true => Ok(()),
        false => Err(broken(expected, format!("{came:?}"))),
    }
}
