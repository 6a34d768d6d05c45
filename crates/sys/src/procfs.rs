//! Reading `/proc` with errors that name the file.

use std::path::Path;
use std::{fs, io};

/// The text of a file under `/proc`.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    let path = path.as_ref();
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("read {}: {error}", path.display())))
}

/// The ids of the threads of a process, ascending.
pub(crate) fn threads_of(pid: u32) -> io::Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task");
    let mut threads = fs::read_dir(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("list {path}: {error}")))?
        // An entry that can not be read is a thread that ended meanwhile; all names are numbers.
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect::<Vec<u32>>();
    threads.sort_unstable();
    Ok(threads)
}

/// The number after `key` in lines of the form `Key:  123 kB`.
pub(crate) fn field(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .and_then(|value| value.split_ascii_whitespace().next()?.parse().ok())
}

/// For text that is not what the kernel documents.
pub(crate) fn malformed(path: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{path} is not in the documented form"),
    )
}

/// A count of clock ticks in nanoseconds.
pub(crate) fn ticks_to_ns(ticks: u64) -> u64 {
    ticks * (1_000_000_000 / rustix::param::clock_ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_match_whole_keys() {
        let text = "Pss_Dirty:  7 kB\nPss:\t518 kB\nThreads:\t3\nName:\tx\n";
        assert_eq!(field(text, "Pss"), Some(518));
        assert_eq!(field(text, "Threads"), Some(3));
        assert_eq!(field(text, "Name"), None);
        assert_eq!(field(text, "Rss"), None);
    }

    #[test]
    fn errors_name_the_file_and_keep_their_kind() {
        let error = read("/proc/0/stat").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("/proc/0/stat"), "{error}");
        assert!(threads_of(0).is_err());
    }

    #[test]
    fn own_threads_contain_the_process() {
        assert!(
            threads_of(std::process::id())
                .unwrap()
                .contains(&std::process::id())
        );
    }
}
