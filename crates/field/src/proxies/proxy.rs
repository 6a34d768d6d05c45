//! A proxy that runs: one process with a port for each of its settings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::survey::AbsentSystem;
use pushbench_sys::process::Child;

use super::setting::{Program, SETTINGS, Setting};
use crate::program;

/// A proxy that does not listen after so long is not going to.
const START: Duration = Duration::from_secs(10);
/// Between two tries whether it listens.
const LOOK: Duration = Duration::from_millis(10);

/// Where the servers behind it are.
#[derive(Clone, Copy, Debug)]
pub struct Upstreams {
    /// SSE.
    pub sse: SocketAddr,
    /// WebSocket.
    pub websocket: SocketAddr,
    /// Long-polling.
    pub long_poll: SocketAddr,
}

/// A running proxy.
pub struct Proxy {
    /// Its version, as it says it.
    pub version: String,
    ports: BTreeMap<&'static str, SocketAddr>,
    _child: Child,
}

/// Why there is none.
pub enum NoProxy {
    /// It is not installed.
    Absent(AbsentSystem),
    /// It does not start.
    Failed(String),
}

impl Proxy {
    /// Starts `program` with all its settings, with its files in `directory`.
    ///
    /// # Errors
    ///
    /// [`NoProxy`].
    pub fn start(which: Program, upstreams: Upstreams, directory: &Path) -> Result<Self, NoProxy> {
        let (name, binary, asks, install) = match which {
            Program::HaProxy => ("HAProxy", "haproxy", "-v", "apt-get install -y haproxy"),
            Program::Nginx | Program::Direct => {
                ("nginx", "nginx", "-v", "apt-get install -y nginx")
            }
        };
        let binary = find(name, binary, install).map_err(NoProxy::Absent)?;
        let version = program::version(&binary, asks).unwrap_or_default();
        let failed = |error: io::Error| NoProxy::Failed(format!("{name}: {error}"));
        let settings: Vec<&'static Setting> =
            SETTINGS.iter().filter(|s| s.program == which).collect();
        let mut ports = free_ports(settings.len() + 1).map_err(failed)?;
        let spare = ports.pop().unwrap_or(0);
        let ports: Vec<(&'static Setting, u16)> = settings.into_iter().zip(ports).collect();
        let (file, text) = match which {
            Program::HaProxy => ("haproxy.cfg", haproxy(&ports, upstreams)),
            Program::Nginx | Program::Direct => {
                ("nginx.conf", nginx(&ports, spare, upstreams, directory))
            }
        };
        let file = directory.join(file);
        fs::write(&file, text).map_err(failed)?;
        let mut command = Command::new(binary);
        match which {
            Program::HaProxy => command.arg("-db").arg("-f").arg(&file),
            Program::Nginx | Program::Direct => {
                command.arg("-p").arg(directory).arg("-c").arg(&file)
            }
        };
        let child = Child::start(command.stdin(Stdio::null())).map_err(failed)?;
        let proxy = Self {
            version,
            ports: ports
                .iter()
                .map(|(setting, port)| (setting.name, local(*port)))
                .collect(),
            _child: child,
        };
        for address in proxy.ports.values() {
            listens(name, *address, &proxy._child).map_err(NoProxy::Failed)?;
        }
        Ok(proxy)
    }

    /// Where `setting` listens.
    #[must_use]
    pub fn address(&self, setting: &Setting) -> Option<SocketAddr> {
        self.ports.get(setting.name).copied()
    }
}

/// Where a proxy is installed.
///
/// # Errors
///
/// That it is absent.
pub(crate) fn find(name: &str, program: &str, install: &str) -> Result<PathBuf, AbsentSystem> {
    // Debian keeps proxies where only root looks.
    program::need(name, program, install)
        .or_else(|absent| program::find(&format!("/usr/sbin/{program}")).ok_or(absent))
}

/// Waits until `name`, running as `child`, listens on `address`.
///
/// # Errors
///
/// A sentence, when it does not.
pub(crate) fn listens(name: &str, address: SocketAddr, child: &Child) -> Result<(), String> {
    let deadline = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        if Instant::now() > deadline {
            let said = child.errors();
            return Err(format!("{name} does not listen on {address}: {said}"));
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Ports that nobody listens on now.
pub(crate) fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners: io::Result<Vec<TcpListener>> = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect();
    listeners?
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}

/// The beginning of a configuration of nginx whose files are in `directory`; the block `http` is open.
pub(crate) fn nginx_preamble(directory: &Path) -> String {
    let directory = directory.display();
    let mut text = format!(
        "daemon off;\nworker_processes 1;\npid {directory}/nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000;\n"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "  {kind}_temp_path {directory}/{kind};");
    }
    text
}

fn nginx(ports: &[(&Setting, u16)], spare: u16, upstreams: Upstreams, directory: &Path) -> String {
    let Upstreams {
        sse,
        websocket,
        long_poll,
    } = upstreams;
    let mut text = nginx_preamble(directory);
    text += "  map $http_upgrade $upgrade_or_none { default upgrade; '' ''; }\n";
    let server = |port: u16, http2: bool, directives: &str, to: [String; 3]| {
        let [sse, websocket, long_poll] = to;
        let http2 = if http2 { " http2" } else { "" };
        format!(
            "  server {{\n    listen 127.0.0.1:{port}{http2};\n    {directives}\n    location /sse {{ proxy_pass http://{sse}; }}\n    \
             location /ws {{ proxy_pass http://{websocket}; }}\n    location /poll {{ proxy_pass http://{long_poll}; }}\n  }}\n"
        )
    };
    let servers = [sse, websocket, long_poll].map(|address| address.to_string());
    for (setting, port) in ports {
        let to = if setting.accelerated {
            [(); 3].map(|()| local(spare).to_string())
        } else {
            servers.clone()
        };
        text += &server(*port, setting.http2, setting.directives, to);
    }
    // The server that says it wants no buffering: ours, with a header added on its way.
    text += &server(
        spare,
        false,
        "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off; add_header X-Accel-Buffering no;",
        servers,
    );
    text + "}\n"
}

fn haproxy(ports: &[(&Setting, u16)], upstreams: Upstreams) -> String {
    let mut text = String::from(
        "global\n    maxconn 1000\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client 1m\n    timeout server 1m\n",
    );
    for (index, (setting, port)) in ports.iter().enumerate() {
        let (client, server): (Vec<&str>, Vec<&str>) = setting
            .directives
            .lines()
            .map(str::trim)
            .partition(|line| line.starts_with("timeout client"));
        let both = server.iter().filter(|line| line.starts_with("option"));
        let http2 = if setting.http2 { " proto h2" } else { "" };
        let _ = writeln!(text, "frontend f{index}\n    bind 127.0.0.1:{port}{http2}");
        for line in client.iter().chain(both) {
            let _ = writeln!(text, "    {line}");
        }
        let _ = writeln!(
            text,
            "    use_backend ws{index} if {{ path_beg /ws }}\n    use_backend poll{index} if {{ path_beg /poll }}\n    \
             default_backend sse{index}"
        );
        for (name, address) in [
            ("sse", upstreams.sse),
            ("ws", upstreams.websocket),
            ("poll", upstreams.long_poll),
        ] {
            let _ = writeln!(text, "backend {name}{index}\n    server s {address}");
            for line in &server {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
    text
}
