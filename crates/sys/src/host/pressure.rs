//! Pressure stall information: how long tasks waited for what they lacked.

use crate::procfs;

/// Stalls of at least one task ("some") on one resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stall {
    /// Percent of the last 10 seconds.
    pub avg10: f64,
    /// Microseconds since boot.
    pub total_us: u64,
}

/// Stalls by resource; `None` where the kernel does not account for them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// Runnable, but waiting for a core.
    pub cpu: Option<Stall>,
    /// Waiting for memory to be reclaimed or read back.
    pub memory: Option<Stall>,
    /// Waiting for storage.
    pub io: Option<Stall>,
}

/// Reads the pressure of the machine.
#[must_use]
pub fn pressure() -> Pressure {
    // Absent before Linux 4.20, in many containers, and where it is switched off: then unknown.
    let stall = |name: &str| parse(&procfs::read(format!("/proc/pressure/{name}")).ok()?);
    Pressure {
        cpu: stall("cpu"),
        memory: stall("memory"),
        io: stall("io"),
    }
}

fn parse(text: &str) -> Option<Stall> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let value = |key| {
        some.split_ascii_whitespace()
            .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
    };
    Some(Stall {
        avg10: value("avg10")?.parse().ok()?,
        total_us: value("total")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_some_line_is_read() {
        let text = "some avg10=1.25 avg60=0.44 avg300=1.20 total=9739055\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(
            parse(text),
            Some(Stall {
                avg10: 1.25,
                total_us: 9_739_055
            })
        );
        assert_eq!(parse("full avg10=0.00 total=0\n"), None);
    }

    #[test]
    fn this_machine_answers_where_it_accounts() {
        let accounts = std::fs::read("/proc/pressure/cpu").is_ok();
        assert_eq!(pressure().cpu.is_some(), accounts);
    }
}
