//! What a message says of itself: its number and its time.

use std::time::{SystemTime, UNIX_EPOCH};

use pushbench_model::drive::StampClock;
use pushbench_model::message;
use pushbench_sys::clock;

use super::plan::Reading;
use super::pointer::{Found, Pointer};
use crate::LoadError;

/// What was found in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamped {
    /// Its number.
    pub(super) seq: Option<u64>,
    /// When it was to be published, CLOCK_MONOTONIC nanoseconds.
    pub(super) intended: Option<u64>,
    /// Its time stamp, CLOCK_MONOTONIC nanoseconds.
    pub(super) stamp: Option<u64>,
}

/// Reads messages.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    Contract,
    Pointers {
        sequence: Option<Pointer>,
        time: Option<(Pointer, u64)>,
        /// What is added to a time stamp: from the time of day to CLOCK_MONOTONIC, nanoseconds.
        offset: i128,
        clock: StampClock,
    },
    Opaque,
}

impl Reader {
    pub(super) fn new(reading: &Reading) -> Result<Self, LoadError> {
        let pointer = |text: &String| Pointer::parse(text).map_err(LoadError::Reading);
        Ok(match reading {
            Reading::Contract => Self::Contract,
            Reading::Opaque => Self::Opaque,
            Reading::Pointers { sequence, time } => {
                let unix = time.as_ref().is_some_and(|time| time.unix);
                Self::Pointers {
                    sequence: sequence.as_ref().map(pointer).transpose()?,
                    time: match time {
                        Some(time) => Some((pointer(&time.pointer)?, time.unit_ns)),
                        None => None,
                    },
                    offset: if unix { from_unix() } else { 0 },
                    clock: if unix {
                        StampClock::Unix
                    } else {
                        StampClock::Monotonic
                    },
                }
            }
        })
    }

    /// What time stamps rest on.
    pub(super) fn clock(&self) -> Option<StampClock> {
        match self {
            Self::Contract => Some(StampClock::Monotonic),
            Self::Pointers { time, clock, .. } => time.as_ref().map(|_| *clock),
            Self::Opaque => None,
        }
    }

    /// Reads `body`; a sentence when what should be there is not.
    pub(super) fn read(&self, body: &[u8]) -> Result<Stamped, String> {
        match self {
            Self::Opaque => Ok(Stamped::default()),
            Self::Contract => {
                let stamp = message::parse(body).map_err(|error| error.to_string())?;
                Ok(Stamped {
                    seq: Some(stamp.seq),
                    intended: Some(stamp.intended),
                    stamp: Some(stamp.published),
                })
            }
            Self::Pointers {
                sequence,
                time,
                offset,
                ..
            } => {
                let mut stamped = Stamped::default();
                if let Some(pointer) = sequence {
                    let found = pointer.find(body).and_then(|found| whole(&found));
                    stamped.seq =
                        Some(found.ok_or("no whole number where the sequence number should be")?);
                }
                if let Some((pointer, unit)) = time {
                    let found = pointer
                        .find(body)
                        .and_then(|found| nanoseconds(&found, *unit));
                    let ns = found.ok_or("no time where the time stamp should be")?;
                    stamped.stamp = u64::try_from(ns + offset).ok();
                }
                Ok(stamped)
            }
        }
    }
}

/// From the time of day to CLOCK_MONOTONIC, by the shortest of a few looks at both.
fn from_unix() -> i128 {
    let look = || {
        let before = clock::now();
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let after = clock::now();
        let middle = i128::from(before) + i128::from(after - before) / 2;
        (
            after - before,
            middle - i128::try_from(unix.as_nanos()).unwrap_or(0),
        )
    };
    (0..16)
        .map(|_| look())
        .min()
        .map_or(0, |(_, offset)| offset)
}

fn text<'a>(found: &Found<'a>) -> Option<&'a str> {
    let (Found::Bare(bytes) | Found::Text(bytes)) = found;
    str::from_utf8(bytes).ok()
}

fn whole(found: &Found<'_>) -> Option<u64> {
    text(found)?.parse().ok()
}

fn nanoseconds(found: &Found<'_>, unit: u64) -> Option<i128> {
    let text = text(found)?;
    if let Ok(whole) = text.parse::<i64>() {
        return Some(i128::from(whole) * i128::from(unit));
    }
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some((number * unit as f64) as i128);
    }
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::super::plan::TimeAt;
    use super::*;

    fn reader(sequence: Option<&str>, time: Option<(&str, u64, bool)>) -> Reader {
        Reader::new(&Reading::Pointers {
            sequence: sequence.map(str::to_owned),
            time: time.map(|(pointer, unit_ns, unix)| TimeAt {
                pointer: pointer.into(),
                unit_ns,
                unix,
            }),
        })
        .unwrap()
    }

    #[test]
    fn numbers_and_times_are_read() {
        let read = reader(Some("/n"), Some(("/t", 1_000, false)));
        let stamped = read.read(br#"{"n":"12","t":2.5}"#).unwrap();
        assert_eq!((stamped.seq, stamped.stamp), (Some(12), Some(2_500)));
        assert!(
            read.read(br#"{"n":-1,"t":1}"#)
                .unwrap_err()
                .contains("sequence")
        );
        assert!(read.read(br#"{"n":1}"#).unwrap_err().contains("time stamp"));
        assert!(read.read(b"nothing").is_err());
        assert_eq!(Reader::Opaque.read(b"x"), Ok(Stamped::default()));
        assert!(Reader::Contract.read(b"x").is_err());
    }

    #[test]
    fn the_time_of_day_becomes_the_clock_of_this_machine() {
        let read = reader(None, Some(("/t", 1, true)));
        let now = jiff::Timestamp::now();
        for text in [
            format!("{{\"t\":\"{now}\"}}"),
            format!("{{\"t\":{}}}", now.as_nanosecond()),
        ] {
            let stamp = read.read(text.as_bytes()).unwrap().stamp.unwrap();
            let age = clock::now().abs_diff(stamp);
            assert!(age < 60_000_000_000, "{age}");
        }
    }
}
