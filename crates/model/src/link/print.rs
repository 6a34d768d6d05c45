//! A link as text, and in words.

use std::fmt;

use super::{Direction, Link};

/// `rtt=80ms,jitter=5ms,loss=1%,rate=10mbit`: what it does, and nothing that it does not. Reads back as the same link.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtt={}", Time(self.rtt_us))?;
        if self.jitter_us > 0 {
            write!(f, ",jitter={}", Time(self.jitter_us))?;
        }
        for (name, ppm) in [("loss", self.loss_ppm), ("reorder", self.reorder_ppm)] {
            if ppm > 0 {
                write!(f, ",{name}={}%", Percent(ppm))?;
            }
        }
        for (name, rate) in [("rate", self.rate_bps), ("up", self.up_bps)] {
            if let Some(rate) = rate {
                write!(f, ",{name}={}", Rate(rate))?;
            }
        }
        if let Some(bytes) = self.queue_bytes {
            write!(f, ",queue={}", Size(bytes))?;
        }
        match self.congestion {
            Some(congestion) => write!(f, ",congestion={congestion}"),
            None => Ok(()),
        }
    }
}

impl Link {
    /// `a link of 80 ms round trip and up to 5 ms more each way, 1 % loss each way and 10 Mbit/s`, for reports.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut text = format!("a link of {} round trip", spaced(&Time(self.rtt_us)));
        if self.jitter_us > 0 {
            text += &format!(" and up to {} more each way", spaced(&Time(self.jitter_us)));
        }
        for (name, ppm) in [
            ("lost", self.loss_ppm),
            ("overtaken by later ones", self.reorder_ppm),
        ] {
            if ppm > 0 {
                text += &format!(", {} % of the packets {name} each way", Percent(ppm));
            }
        }
        if let Some(rate) = self.rate_bps {
            text += &format!(", {}", bits(rate));
        }
        if let Some(rate) = self.up_bps {
            text += &format!(" towards the load process and {} back", bits(rate));
        }
        if self.queue_bytes.is_some()
            && let Some(bytes) = self.queue(Direction::Down)
        {
            text += &format!(", a queue of {bytes} bytes");
        }
        if let Some(congestion) = self.congestion {
            text += &format!(", {congestion} at both ends");
        }
        text
    }
}

fn spaced(time: &Time) -> String {
    let text = time.to_string();
    let at = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(at.unwrap_or(text.len()));
    format!("{number} {unit}")
}

fn bits(rate: u64) -> String {
    let mbit = rate as f64 / 1e6;
    format!("{mbit} Mbit/s")
}

/// Microseconds.
struct Time(u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            us if us >= 1_000_000 && us % 1_000_000 == 0 => write!(f, "{}s", us / 1_000_000),
            us if us % 1000 == 0 => write!(f, "{}ms", us / 1000),
            us => write!(f, "{us}us"),
        }
    }
}

/// Of a million.
struct Percent(u32);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:04}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// Bits per second.
struct Rate(u64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            rate if rate % 1_000_000_000 == 0 => write!(f, "{}gbit", rate / 1_000_000_000),
            rate if rate % 1_000_000 == 0 => write!(f, "{}mbit", rate / 1_000_000),
            rate if rate % 1000 == 0 => write!(f, "{}kbit", rate / 1000),
            rate => write!(f, "{rate}bit"),
        }
    }
}

/// Bytes.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            size if size % 1_000_000 == 0 => write!(f, "{}mb", size / 1_000_000),
            size if size % 1000 == 0 => write!(f, "{}kb", size / 1000),
            size => write!(f, "{size}b"),
        }
    }
}
