//! The limit of connections over HTTP/2, which browsers speak over TLS alone: nginx in front of a server of ours, with a certificate made for
//! it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use pushbench_model::survey::AbsentSystem;
use pushbench_sys::process::Child;
use pushbench_transport::transport::ServeOptions;

use super::chromium::{Browser, Folder};
use super::delivery::start_with;
use super::devtools::BrowserError;
use super::limits::{Limit, Tally, answered, hold};
use crate::proxies::proxy::{find, free_ports, listens, local, nginx_preamble};

/// EventSources that a page asks for, at a host that would have six connections over HTTP/1.1.
pub const STREAMS: u64 = 40;
/// Those that it asks for besides.
pub const MORE: u64 = 100;
/// Streams that nginx takes on a connection, `http2_max_concurrent_streams`, which is the value it has by itself.
pub const MOST: u64 = 128;

/// nginx, speaking HTTP/2 over TLS in front of a server of SSE.
struct Front {
    address: SocketAddr,
    // Its files are removed after it has ended: fields are dropped in this order.
    _child: Child,
    _files: Folder,
}

impl Front {
    fn start(upstream: SocketAddr) -> Result<Result<Self, AbsentSystem>, BrowserError> {
        let nginx = match find("nginx", "nginx", "apt-get install -y nginx") {
            Ok(nginx) => nginx,
            Err(absent) => return Ok(Err(absent)),
        };
        let files = Folder::new("nginx")?;
        let failed = |source: io::Error| BrowserError::Io {
            what: "cannot start nginx in front of a server".into(),
            source,
        };
        let refused = |why: String| failed(io::Error::other(why));
        let pair = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()])
            .map_err(|error| refused(error.to_string()))?;
        let (certificate, key) = (files.0.join("certificate.pem"), files.0.join("key.pem"));
        fs::write(&certificate, pair.cert.pem()).map_err(failed)?;
        fs::write(&key, pair.signing_key.serialize_pem()).map_err(failed)?;
        let port = free_ports(1).map_err(failed)?;
        let address = local(port.first().copied().unwrap_or_default());
        let text = format!(
            "{}  server {{\n    listen {address} ssl http2;\n    http2_max_concurrent_streams {MOST};\n    \
             ssl_certificate {};\n    ssl_certificate_key {};\n    proxy_http_version 1.1;\n    \
             proxy_set_header Connection \"\";\n    proxy_buffering off;\n    location / {{ proxy_pass http://{upstream}; }}\n  }}\n}}\n",
            nginx_preamble(&files.0),
            certificate.display(),
            key.display(),
        );
        let file = files.0.join("nginx.conf");
        fs::write(&file, text).map_err(failed)?;
        let mut command = Command::new(nginx);
        command.arg("-p").arg(&files.0).arg("-c").arg(&file);
        let child = Child::start(command.stdin(Stdio::null())).map_err(failed)?;
        listens("nginx", address, &child).map_err(refused)?;
        Ok(Ok(Self {
            address,
            _child: child,
            _files: files,
        }))
    }
}

/// Asks a page for more streams than HTTP/1.1 would have.
///
/// # Errors
///
/// When nginx does not start, or the browser fails. Where nginx is not installed, that is the answer.
pub fn streams(browser: &mut Browser) -> Result<Result<Vec<Limit>, AbsentSystem>, BrowserError> {
    // Through nginx and over HTTP/2 a page is told that a stream is open with its first bytes.
    let server = start_with(
        "sse",
        ServeOptions {
            heartbeat_s: Some(1),
            ..ServeOptions::default()
        },
    )?;
    let front = match Front::start(server.data_addr())? {
        Ok(front) => front,
        Err(absent) => return Ok(Err(absent)),
    };
    let origin = format!("https://{}", front.address);
    let found = browser.with_tab(&origin, |browser, tab| {
        browser.trust_anybody(tab)?;
        let first = hold(browser, tab, "EventSource", STREAMS, "/sse")?;
        let fetch = answered(browser, tab)?;
        let more = hold(browser, tab, "EventSource", MORE, "/sse")?;
        let more = Tally {
            open: more.open.saturating_sub(first.open),
            ..more
        };
        Ok(vec![
            Limit::of(
                "forty EventSources over HTTP/2",
                first,
                "streams of one connection: no six",
            ),
            Limit::answer("a plain fetch meanwhile, over HTTP/2", fetch, "answered"),
            Limit::of(
                "a hundred more",
                more,
                "the server takes 128 on a connection",
            ),
        ])
    })?;
    Ok(Ok(found))
}
