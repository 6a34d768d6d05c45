//! Points in time as records and directories name them.

use jiff::Timestamp;

/// RFC 3339, UTC, whole seconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The same without colons, which archives and other systems do not take in file names.
pub(crate) fn for_file_name(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H-%M-%SZ").to_string()
}

/// The time of day, RFC 3339, UTC.
#[must_use]
pub fn now() -> String {
    rfc3339(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let time: Timestamp = "2026-11-21T01:37:00.9Z".parse().unwrap();
        assert_eq!(rfc3339(time), "2026-11-21T01:37:00Z");
        assert_eq!(for_file_name(time), "2026-11-21T01-37-00Z");
    }
}
