//! How many connections this machine can hold, and how.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use pushbench_load::capacity::{Limits, MOST_TABLES};

use super::{Finding, Level};

/// A crowd that one table of file descriptors and one source address seldom hold.
const CROWD: u64 = 50_000;

/// Memory of a connection, bytes: what the kernel keeps for both of its ends, which is much the same on all systems, and
/// what the load generator adds.
const KERNEL: u64 = 2 * 5 * 1024;
const LOAD: u64 = 1024;

pub(super) fn findings() -> [Finding; 6] {
    let limits = Limits::of_this_machine();
    [
        open_files(&limits),
        file_tables(&limits),
        local_ports(&limits),
        handshakes(),
        memory(),
        crowd(&limits),
    ]
}

fn open_files(limits: &Limits) -> Finding {
    let level = if limits.files >= 11_000 {
        Level::Good
    } else if limits.own_tables {
        Level::Note
    } else {
        Level::Bad
    };
    Finding {
        level,
        what: "open files",
        found: format!(
            "{}, so one table of file descriptors holds {} connections",
            limits.files,
            limits.per_table()
        ),
        advice: "each connection needs one on both sides: ulimit -n 65536, or raise the hard limit in limits.conf",
    }
}

fn file_tables(limits: &Limits) -> Finding {
    let (level, found) = if limits.own_tables {
        let most = limits.per_table().saturating_mul(MOST_TABLES);
        let found = format!(
            "threads can have tables of their own: {MOST_TABLES} of them hold {most} connections"
        );
        (Level::Good, found)
    } else {
        let found = format!("one only: at most {} connections", limits.per_table());
        (Level::Note, found)
    };
    Finding {
        level,
        what: "file tables",
        found,
        advice: "a sandbox forbids unshare(CLONE_FILES), by which threads get more of them: allow it, or raise ulimit -n",
    }
}

fn local_ports(limits: &Limits) -> Finding {
    let level = if limits.ports >= 20_000 {
        Level::Good
    } else {
        Level::Note
    };
    let addresses = CROWD.div_ceil(limits.per_address().max(1));
    Finding {
        level,
        what: "local ports",
        found: format!(
            "{} (net.ipv4.ip_local_port_range): {} connections from one address to one port, {CROWD} from {addresses}",
            limits.ports,
            limits.per_address(),
        ),
        advice: "few of them limit how many connections reach one port that is not on loopback: \
                 sysctl net.ipv4.ip_local_port_range=\"15000 60999\"",
    }
}

fn handshakes() -> Finding {
    let name = "net.ipv4.tcp_max_syn_backlog";
    let text = fs::read_to_string("/proc/sys/net/ipv4/tcp_max_syn_backlog");
    let value = text.ok().and_then(|text| text.trim().parse::<u64>().ok());
    let (level, found) = match value {
        Some(value) if value >= 512 => (Level::Good, format!("{value} ({name})")),
        Some(value) => (Level::Note, format!("{value} ({name})")),
        None => (Level::Note, format!("{name} cannot be read")),
    };
    Finding {
        level,
        what: "half-open queue",
        found,
        advice: "handshakes that come all at once are dropped and tried again: sysctl net.ipv4.tcp_max_syn_backlog=4096",
    }
}

fn memory() -> Finding {
    let needed = CROWD * (KERNEL + LOAD);
    let available = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| available(&text));
    let mib = |bytes: u64| bytes >> 20;
    let (level, found) = match available {
        Some(bytes) if bytes / 2 >= needed => (Level::Good, format!("{} MiB free", mib(bytes))),
        Some(bytes) => (Level::Note, format!("{} MiB free", mib(bytes))),
        None => (Level::Note, "how much is free cannot be read".to_owned()),
    };
    Finding {
        level,
        what: "memory",
        found: format!(
            "{found}; {CROWD} connections take about {} MiB in the kernel and the load generator",
            mib(needed)
        ),
        advice: "the server comes on top, with 1 to 130 KiB a connection: ask for fewer subscribers",
    }
}

/// Free memory in bytes, by /proc/meminfo.
fn available(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// What would be done for a crowd.
fn crowd(limits: &Limits) -> Finding {
    let (level, found) = match limits.spread(CROWD, SocketAddr::from((Ipv4Addr::LOCALHOST, 80))) {
        Ok(spread) => {
            let tables = match spread.own_tables {
                0 => "the common file table".to_owned(),
                tables => format!("{tables} worker threads with file tables of their own"),
            };
            let addresses = match spread.addresses {
                1 => "one source address".to_owned(),
                last => format!("127.0.0.1 to 127.0.0.{last}"),
            };
            (Level::Good, format!("{tables}, {addresses}"))
        }
        Err(error) => (Level::Note, error.to_string()),
    };
    Finding {
        level,
        what: "50,000 connections",
        found,
        advice: "smaller crowds are not concerned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(files: u64, own_tables: bool) -> Limits {
        Limits {
            files,
            own_tables,
            ports: 28_232,
        }
    }

    #[test]
    fn a_crowd_is_explained() {
        let found = |limits: &Limits| crowd(limits).found;
        assert_eq!(
            found(&limits(20_000, true)),
            "3 worker threads with file tables of their own, 127.0.0.1 to 127.0.0.5"
        );
        assert_eq!(
            found(&limits(100_000, false)),
            "the common file table, 127.0.0.1 to 127.0.0.5"
        );
        let forbidden = crowd(&limits(20_000, false));
        assert_eq!(forbidden.level, Level::Note);
        assert!(
            forbidden
                .found
                .contains("50064 open files and the limit is 20000")
        );
    }

    #[test]
    fn few_files_are_bad_only_where_there_is_one_table() {
        let level = |files, own| open_files(&limits(files, own)).level;
        assert_eq!(level(1024, false), Level::Bad);
        assert_eq!(level(1024, true), Level::Note);
        assert_eq!(level(20_000, false), Level::Good);
        assert_eq!(file_tables(&limits(20_000, false)).level, Level::Note);
    }

    #[test]
    fn free_memory_is_read() {
        let text = "MemTotal:  9 kB\nMemFree: 1 kB\nMemAvailable:    3 kB\n";
        assert_eq!(available(text), Some(3072));
        assert_eq!(available("MemTotal: 9 kB\n"), None);
    }
}
