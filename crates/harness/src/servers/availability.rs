//! Which servers this machine can start.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pushbench_model::record::AbsentServer;

use super::Server;
use crate::process;

/// A runtime that takes longer to say its version is as good as absent.
const VERSION_DEADLINE: Duration = Duration::from_secs(10);

/// Servers sorted by whether this machine can start them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedServers {
    /// Those that can take part.
    pub available: Vec<Server>,
    /// Those that cannot, and why.
    pub absent: Vec<AbsentServer>,
    /// Versions of the runtimes found, by program.
    pub runtimes: BTreeMap<String, String>,
}

/// Looks for what every server needs. Each runtime is asked for its version once.
#[must_use]
pub fn check(servers: Vec<Server>) -> CheckedServers {
    check_on(servers, &std::env::var_os("PATH").unwrap_or_default())
}

fn check_on(servers: Vec<Server>, path: &OsStr) -> CheckedServers {
    let mut checked = CheckedServers::default();
    let mut versions = BTreeMap::new();
    for server in servers {
        let mut version_of = |program: &str| -> Result<String, String> {
            let version = || version(program, path);
            versions
                .entry(program.to_owned())
                .or_insert_with(version)
                .clone()
        };
        match missing(&server, &mut version_of) {
            None => checked.available.push(server),
            Some(reason) => checked.absent.push(AbsentServer {
                server: server.label,
                reason,
                install: server.install,
            }),
        }
    }
    let found = versions
        .into_iter()
        .filter_map(|(program, version)| Some((program, version.ok()?)));
    checked.runtimes = found.collect();
    checked
}

/// What keeps `server` from being started.
fn missing(
    server: &Server,
    version_of: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Option<String> {
    if let Some(program) = &server.program {
        let version = match version_of(program) {
            Ok(version) => version,
            Err(reason) => return Some(reason),
        };
        if let Some(minimum) = server.minimum
            && major(&version).is_none_or(|major| major < minimum)
        {
            return Some(format!(
                "{program} is {version}; {minimum} or newer is needed"
            ));
        }
    }
    let mut needs = server.needs.iter();
    needs
        .find(|need| !need.path.exists())
        .map(|need| format!("{} does not exist", need.named.display()))
}

fn version(program: &str, path: &OsStr) -> Result<String, String> {
    let file = find(program, path).ok_or_else(|| format!("{program} is not on the PATH"))?;
    let mut command = Command::new(file);
    command.arg("--version");
    let printed = process::first_words(&mut command, VERSION_DEADLINE)
        .map_err(|reason| format!("`{program} --version` gave no answer: {reason}"))?;
    number(&printed).map(str::to_owned).ok_or_else(|| {
        format!(
            "`{program} --version` printed no version: {:?}",
            printed.trim()
        )
    })
}

/// Looks for an executable file as a shell does; a name with a slash is a path.
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let is_executable = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(Path::new(program).to_owned()).filter(is_executable);
    }
    std::env::split_paths(path)
        .map(|directory| directory.join(program))
        .find(is_executable)
}

/// The first line that a command prints, in `directory`.
pub(crate) fn first_line(command: &mut Command) -> Result<String, String> {
    let printed = process::first_words(command, VERSION_DEADLINE)?;
    let line = printed.lines().find(|line| !line.trim().is_empty());
    line.map(|line| line.trim().to_owned())
        .ok_or_else(|| "it printed nothing".to_owned())
}

/// The first thing in `text` that looks like a version: digits, with more behind dots.
fn number(text: &str) -> Option<&str> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches('.'))
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(more: &str) -> Server {
        let text = format!(
            "[[server]]\nstack = \"x\"\ntransports = [\"sse\"]\ncommand = [\"x\"]\n\
             publishes = \"relay\"\nabout = \"\"\ninstall = \"get x\"\n{more}"
        );
        Server::parse(&text, Path::new("servers.toml"))
            .unwrap()
            .remove(0)
    }

    fn reason(more: &str) -> Option<String> {
        let version_of = |program: &str| match program {
            "node" => Ok("20.11.1".to_owned()),
            _ => Err(format!("{program} is not on the PATH")),
        };
        missing(&server(more), &mut { version_of })
    }

    #[test]
    fn whatever_is_missing_is_named() {
        assert_eq!(reason(""), None);
        assert_eq!(reason("program = \"node\"\nminimum = 20"), None);
        assert_eq!(
            reason("program = \"node\"\nminimum = 22").unwrap(),
            "node is 20.11.1; 22 or newer is needed"
        );
        assert_eq!(
            reason("program = \"deno\"").unwrap(),
            "deno is not on the PATH"
        );
        assert_eq!(
            reason("needs = [\"/no/such\"]").unwrap(),
            "/no/such does not exist"
        );
        assert_eq!(
            reason("directory = \"/no/dir\"").unwrap(),
            "/no/dir does not exist"
        );
    }

    /// A reason goes into records, and those are shared.
    #[test]
    fn what_is_missing_is_named_as_the_list_sees_it() {
        let outside = tempfile::tempdir().unwrap();
        let home = outside.path().join("lists");
        std::fs::create_dir(&home).unwrap();
        let list = home.join("servers.toml");
        let text = |more: &str| {
            format!(
                "[[server]]\nstack = \"x\"\ntransports = [\"sse\"]\ncommand = [\"x\"]\n\
                 publishes = \"relay\"\nabout = \"\"\n{more}"
            )
        };
        let reason = |more: &str| {
            let servers = Server::parse(&text(more), &list).unwrap();
            check(servers).absent.pop().map(|absent| absent.reason)
        };
        let in_a_directory = "directory = \"node\"\nneeds = [\"modules/ws\"]";
        assert_eq!(reason(in_a_directory).unwrap(), "node does not exist");
        std::fs::create_dir(home.join("node")).unwrap();
        assert_eq!(
            reason(in_a_directory).unwrap(),
            "node/modules/ws does not exist"
        );
        assert_eq!(reason("needs = [\"../x\"]").unwrap(), "../x does not exist");
        std::fs::create_dir_all(home.join("node/modules/ws")).unwrap();
        assert_eq!(reason(in_a_directory), None);
    }

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(number("v20.11.1\n"), Some("20.11.1"));
        assert_eq!(number("Python 3.12.3"), Some("3.12.3"));
        assert_eq!(number("go version go1.22.1 linux/amd64"), Some("1.22.1"));
        assert_eq!(number("nothing"), None);
        assert_eq!(major("20.11.1"), Some(20));
    }

    #[test]
    fn absent_servers_say_how_to_install_them() {
        let checked = check_on(vec![server("program = \"sh\""), server("")], OsStr::new(""));
        assert_eq!(checked.available.len(), 1);
        assert_eq!(checked.absent[0].reason, "sh is not on the PATH");
        assert_eq!(checked.absent[0].install, "get x");
        assert!(checked.runtimes.is_empty());
    }

    /// A real program: the one that builds this test.
    #[test]
    fn a_runtime_on_the_path_is_asked_for_its_version() {
        let checked = check(vec![server("program = \"cargo\"\nminimum = 1")]);
        assert_eq!(checked.absent, []);
        assert!(
            checked.runtimes["cargo"].starts_with("1."),
            "{:?}",
            checked.runtimes
        );
    }

    #[test]
    fn directories_and_plain_files_are_no_programs() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("node")).unwrap();
        std::fs::write(directory.path().join("php"), "").unwrap();
        for program in ["node", "php", "./node"] {
            assert_eq!(
                find(program, directory.path().as_os_str()),
                None,
                "{program}"
            );
        }
    }
}
