//! The rates of the curve of latency over load.

/// Up to what was found, as shares of it; it has itself been confirmed.
const BELOW: [f64; 6] = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9];
/// And beyond.
const BEYOND: [f64; 2] = [1.1, 1.2];

/// The points that are left.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    rates: Vec<f64>,
}

impl Curve {
    /// Around `found`; beyond it only where that is known to be the server's limit.
    pub(super) fn new(found: f64, beyond: bool) -> Self {
        let beyond: &[f64] = if beyond { &BEYOND } else { &[] };
        let shares = BELOW.iter().chain(beyond).rev();
        Self {
            rates: shares.map(|share| share * found).collect(),
        }
    }

    pub(super) fn next(&self) -> Option<f64> {
        self.rates.last().copied()
    }

    pub(super) fn advance(&mut self) {
        self.rates.pop();
    }
}
