//! Another cargo, from within a test or a bench.

use std::ffi::OsStr;
use std::process::Command;

/// Beginnings of the variables by which cargo tells a program what package it is of.
const OF_THE_CALLER: [&str; 4] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
];

/// The cargo that runs this program, if one does, as a person starts it: without what it says about the package of this
/// program. Build scripts that look at that (`ring` does) would run again, and all that depends on them would be compiled
/// again, now and once more by the next cargo that a person starts.
#[must_use]
pub fn cargo() -> Option<Command> {
    let mut command = Command::new(std::env::var_os("CARGO")?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_the_caller(name)) {
        command.env_remove(name);
    }
    Some(command)
}

fn is_of_the_caller(name: &OsStr) -> bool {
    let known =
        |name: &str| name == "OUT_DIR" || OF_THE_CALLER.iter().any(|first| name.starts_with(first));
    name.to_str().is_some_and(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_about_this_package_is_not_handed_on() {
        let command = cargo().expect("a cargo runs this test");
        let removed: Vec<&OsStr> = command
            .get_envs()
            .filter_map(|(name, value)| value.is_none().then_some(name))
            .collect();
        for name in [
            "CARGO_PKG_NAME",
            "CARGO_PKG_VERSION_MAJOR",
            "CARGO_MANIFEST_DIR",
        ] {
            assert!(removed.contains(&OsStr::new(name)), "{name}: {removed:?}");
        }
        // What a person may have set stays.
        assert!(!is_of_the_caller(OsStr::new("CARGO_PROFILE_RELEASE_LTO")));
        assert!(!is_of_the_caller(OsStr::new("CARGO_HOME")));
    }
}
