//! Reading a link from its text.

use std::str::FromStr;

use super::{Congestion, Link, MTU, PRESETS};

/// What a link is described by.
pub const KEYS: [&str; 8] = [
    "rtt",
    "jitter",
    "loss",
    "reorder",
    "rate",
    "up",
    "queue",
    "congestion",
];

/// Longest time, microseconds: 10 s.
const LONGEST_US: u64 = 10_000_000;
/// Most that may be lost or overtaken, of a million.
const MOST_PPM: u64 = 500_000;
/// Rates, bits per second.
const RATES: std::ops::RangeInclusive<u64> = 8_000..=10_000_000_000;
/// Largest queue, bytes.
const LARGEST_QUEUE: u64 = 256_000_000;

const TIME: Kind = Kind {
    units: &[("us", 1), ("ms", 1000), ("s", 1_000_000)],
    range: 0..=LONGEST_US,
    wanted: "a time from 0us to 10s in whole microseconds, such as 80ms",
};
const SHARE: Kind = Kind {
    units: &[("%", 10_000)],
    range: 0..=MOST_PPM,
    wanted: "a share from 0% to 50% with four decimals at most, such as 0.5%",
};
const RATE: Kind = Kind {
    units: &[
        ("bit", 1),
        ("kbit", 1000),
        ("mbit", 1_000_000),
        ("gbit", 1_000_000_000),
    ],
    range: RATES,
    wanted: "a rate from 8kbit to 10gbit per second, such as 10mbit",
};
const SIZE: Kind = Kind {
    units: &[("b", 1), ("kb", 1000), ("mb", 1_000_000)],
    range: MTU..=LARGEST_QUEUE,
    wanted: "a size from 1500b, one packet, to 256mb, such as 64kb",
};

/// The name of a preset, or `rtt=80ms` and what else the link does, separated by commas.
impl FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(preset) = PRESETS.iter().find(|preset| preset.name == text) {
            return Ok(preset.link);
        }
        if !text.contains('=') {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            return Err(format!(
                "no link {text:?}; there are {}, or name what it does: rtt=80ms,loss=1%,rate=10mbit,jitter=5ms",
                names.join(", ")
            ));
        }
        let mut link = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for word in text.split(',') {
            let (name, value) = word
                .split_once('=')
                .ok_or_else(|| format!("{word:?} has no value: NAME=VALUE is wanted"))?;
            if seen.contains(&name) {
                return Err(format!("{name} is given twice"));
            }
            seen.push(name);
            link.set(name, value)?;
        }
        link.checked(seen.contains(&"rtt"))
    }
}

impl Link {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let of = |kind: Kind| {
            kind.read(value)
                .ok_or_else(|| format!("{name}={value}: {} is wanted", kind.wanted))
        };
        // A share is at most a million.
        let ppm = || of(SHARE).map(|ppm| ppm as u32);
        match name {
            "rtt" => self.rtt_us = of(TIME)?,
            "jitter" => self.jitter_us = of(TIME)?,
            "loss" => self.loss_ppm = ppm()?,
            "reorder" => self.reorder_ppm = ppm()?,
            "rate" => self.rate_bps = Some(of(RATE)?),
            "up" => self.up_bps = Some(of(RATE)?),
            "queue" => self.queue_bytes = Some(of(SIZE)?),
            "congestion" => self.congestion = Some(control(value)?),
            _ => {
                let known = KEYS.join(", ");
                return Err(format!("a link has no {name:?}; it has {known}"));
            }
        }
        Ok(())
    }

    /// What would have no effect is refused.
    fn checked(self, has_rtt: bool) -> Result<Self, String> {
        if !has_rtt {
            return Err("rtt=TIME is missing: a link has a round trip, such as rtt=80ms".into());
        }
        if self.rate_bps.is_none() && (self.up_bps.is_some() || self.queue_bytes.is_some()) {
            return Err(
                "up and queue mean nothing without a rate: add one, such as rate=10mbit".into(),
            );
        }
        Ok(self)
    }
}

/// The congestion control called `value`.
fn control(value: &str) -> Result<Congestion, String> {
    value.parse().map_err(|()| {
        let known = Congestion::ALL.map(Congestion::label).join(", ");
        format!("congestion={value}: one of {known} is wanted")
    })
}

/// How a kind of value is written.
struct Kind {
    /// Units, and what one is in the whole numbers of a link.
    units: &'static [(&'static str, u64)],
    range: std::ops::RangeInclusive<u64>,
    wanted: &'static str,
}

impl Kind {
    fn read(&self, text: &str) -> Option<u64> {
        let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = text.split_at(at);
        let (_, factor) = self.units.iter().find(|(name, _)| *name == unit)?;
        scaled(number, *factor).filter(|value| self.range.contains(value))
    }
}

/// The decimal `number` times `factor`, where that is a whole number.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    let fraction_of: u64 = fraction.parse().ok()?;
    let tens = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = fraction_of.checked_mul(factor)?;
    if part % tens != 0 {
        return None;
    }
    whole.checked_mul(factor)?.checked_add(part / tens)
}
