//! The servers of benches/servers, started as the list of servers says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pushbench_harness::servers::{Server, check};
use pushbench_model::scenario::Setting;
use pushbench_transport::transport::by_name;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{DEADLINE, root, skipped};

/// A running server.
pub(crate) struct System {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
    /// Path of its subscribers.
    pub(crate) path: String,
    /// Path of its publishers.
    publish: String,
}

impl System {
    /// Starts `stack` for `transport` as its documentation shows it, if this machine can.
    pub(crate) fn start(stack: &str, transport: &str) -> Option<Self> {
        let listed = Server::read(&root().join("benches/servers.toml")).unwrap();
        let mut wanted: Vec<Server> = listed
            .into_iter()
            .filter(|server| server.label.stack == stack && server.label.transport == transport)
            .collect();
        // Of two tunings the last one is that of the documentation.
        let wanted = wanted.pop().unwrap();
        let mut checked = check(vec![wanted]);
        for absent in checked.absent {
            skipped(&format!(
                "{transport}/{stack}: {}; {} installs it",
                absent.reason, absent.install
            ));
        }
        Some(Self::started(&checked.available.pop()?))
    }

    fn started(server: &Server) -> Self {
        let pushbench = Path::new(env!("CARGO_BIN_EXE_pushbench"));
        let arguments = server.arguments(pushbench, &[0], 10, Setting::default());
        let mut command = Command::new(&arguments[0]);
        command
            .args(&arguments[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(directory) = &server.directory {
            command.current_dir(directory);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.strip_prefix("READY ").map(str::trim).unwrap();
        let contract = by_name(&server.label.transport).unwrap().endpoint().1;
        let or = |path: &Option<String>, usual: &str| path.clone().unwrap_or_else(|| usual.into());
        Self {
            address: url.split_once("://").unwrap().1.to_owned(),
            path: or(&server.paths.subscribe, contract),
            publish: or(&server.paths.publish, "/publish"),
            child,
        }
    }

    /// Publishes a message; it is accepted.
    #[track_caller]
    pub(crate) fn publish(&self, body: &str) {
        let head = format!(
            "POST {} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}",
            self.publish,
            body.len()
        );
        let answer = self.ask(&head, body);
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }

    /// Two rounds of the server's loop, which has one thread: whatever was sent to it before is dealt with.
    pub(crate) fn settle(&self) {
        for _ in 0..2 {
            let answer = self.ask("GET /healthz HTTP/1.1", "");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }

    fn ask(&self, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let request = format!(
            "{head}\r\nHost: {}\r\nConnection: close\r\n\r\n{body}",
            self.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for System {
    /// Its script may have a child of its own: it is asked, and killed only if it does not listen.
    fn drop(&mut self) {
        // Not reaped yet, so the id is its own.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(5) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
