//! Links with a name.

use super::Link;

/// A link with a name, and where its numbers are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it does.
    pub link: Link,
    /// Where its numbers are from.
    pub source: &'static str,
}

const NOTHING: Link = Link {
    rtt_us: 0,
    jitter_us: 0,
    loss_ppm: 0,
    reorder_ppm: 0,
    rate_bps: None,
    up_bps: None,
    queue_bytes: None,
    congestion: None,
};

const MBIT: u64 = 1_000_000;

/// All of them, from near to far.
pub const PRESETS: [Preset; 5] = [
    Preset {
        name: "lan",
        link: Link {
            rtt_us: 400,
            rate_bps: Some(1000 * MBIT),
            ..NOTHING
        },
        source: "1000BASE-T (IEEE 802.3ab); the round trip is an assumption: four store-and-forward hops of 12 us each \
                 way for a full packet, and the network cards and interrupts of two hosts",
    },
    Preset {
        name: "fibre",
        link: Link {
            rtt_us: 4_000,
            rate_bps: Some(100 * MBIT),
            up_bps: Some(20 * MBIT),
            ..NOTHING
        },
        source: "rates: what the FCC calls broadband since 2024 (FCC 24-27); round trip: profile FIOS of WebPageTest",
    },
    Preset {
        name: "4g",
        link: Link {
            rtt_us: 70_000,
            jitter_us: 10_000,
            rate_bps: Some(12 * MBIT),
            ..NOTHING
        },
        source: "profile LTE of WebPageTest; the jitter is an assumption: the 10 ms of an LTE frame",
    },
    Preset {
        name: "3g",
        link: Link {
            rtt_us: 300_000,
            jitter_us: 20_000,
            rate_bps: Some(1_600_000),
            up_bps: Some(768_000),
            ..NOTHING
        },
        source: "profile 3G of WebPageTest; the jitter is an assumption: two transmission intervals of 10 ms",
    },
    Preset {
        name: "satellite",
        link: Link {
            rtt_us: 558_000,
            rate_bps: Some(25 * MBIT),
            up_bps: Some(3 * MBIT),
            ..NOTHING
        },
        source: "round trip through a geostationary satellite: RFC 2488, section 2; rates: what the FCC called broadband \
                 from 2015 to 2024 (FCC 15-10)",
    },
];
