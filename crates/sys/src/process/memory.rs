//! Memory.

use std::io;

use crate::procfs;

/// Memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident bytes, pages shared with other processes counted in full.
    pub rss_bytes: u64,
    /// Resident bytes, each shared page divided by the number of processes that share it. `None`
    /// when the process may not be inspected (another user's).
    pub pss_bytes: Option<u64>,
    /// Resident bytes that belong to no file: heap, stacks, changed copies. Unlike the other figures it does not move
    /// when another process that runs the same program starts or ends. `None` as for `pss_bytes`.
    pub anonymous_bytes: Option<u64>,
    /// Resident bytes that would be freed if the process ended. `None` as for `pss_bytes`.
    pub private_bytes: Option<u64>,
    /// The most that was ever resident, bytes; `None` on a kernel that does not tell. It is a little behind, as all that
    /// `/proc/PID/status` says: no more than some pages per core.
    pub peak_bytes: Option<u64>,
    /// Living threads.
    pub threads: u64,
}

/// Memory of a process. Socket buffers belong to the kernel and are not in it.
///
/// # Errors
///
/// When there is no such process, or it has exited and holds no memory any more.
pub fn memory(pid: u32) -> io::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = procfs::read(&path)?;
    // Only as much as permissions allow: what matters to everyone is in `status`.
    let rollup = procfs::read(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    parse(&status, &rollup).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("{path} shows no memory: process {pid} has exited"),
        )
    })
}

fn parse(status: &str, rollup: &str) -> Option<Memory> {
    let bytes = |text, key| procfs::field(text, key).map(|kib| kib * 1024);
    let private = ["Private_Clean", "Private_Dirty"]
        .into_iter()
        .map(|key| bytes(rollup, key))
        .sum::<Option<u64>>();
    Some(Memory {
        // The rollup counts pages; VmRSS adds up per-core counters that lag behind.
        rss_bytes: bytes(rollup, "Rss").or_else(|| bytes(status, "VmRSS"))?,
        pss_bytes: bytes(rollup, "Pss"),
        anonymous_bytes: bytes(rollup, "Anonymous"),
        // Huge pages of hugetlbfs are apart, and absent from old kernels.
        private_bytes: private.map(|sum| sum + bytes(rollup, "Private_Hugetlb").unwrap_or(0)),
        peak_bytes: bytes(status, "VmHWM"),
        threads: procfs::field(status, "Threads")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_memory_is_consistent() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.rss_bytes > 0 && memory.threads > 0);
        // One's own process may always be inspected.
        let (pss, private) = (memory.pss_bytes.unwrap(), memory.private_bytes.unwrap());
        assert!(
            private > 0 && private <= pss && pss <= memory.rss_bytes,
            "{memory:?}"
        );
    }

    #[test]
    fn touched_pages_show() {
        let pid = std::process::id();
        let before = memory(pid).unwrap().private_bytes.unwrap();
        let touched = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = memory(pid).unwrap().private_bytes.unwrap();
        // Half of it, because other tests of this process free memory meanwhile.
        assert!(
            after - before > touched.len() as u64 / 2,
            "{before} -> {after}"
        );
    }

    /// What was touched and given back is in the peak, and in nothing else any more.
    #[test]
    fn the_most_is_remembered() {
        let pid = std::process::id();
        let large = 64 << 20;
        drop(std::hint::black_box(vec![1_u8; large]));
        let memory = memory(pid).unwrap();
        assert!(memory.peak_bytes.unwrap() > large as u64, "{memory:?}");
    }

    #[test]
    fn without_a_rollup_the_status_remains() {
        let parsed = parse("VmRSS:\t8 kB\nThreads:\t2\n", "").unwrap();
        let expected = Memory {
            rss_bytes: 8192,
            pss_bytes: None,
            anonymous_bytes: None,
            private_bytes: None,
            peak_bytes: None,
            threads: 2,
        };
        assert_eq!(parsed, expected);
    }

    #[test]
    fn an_exited_process_has_no_memory() {
        assert_eq!(parse("State:\tZ (zombie)\nThreads:\t1\n", ""), None);
    }
}
