//! Orders to the server that sends: its control endpoint (docs/PROTOCOL.md), asked once per connection.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use pushbench_model::control::{Health, PublishOrder, PublishReport};
use serde::de::DeserializeOwned;

/// A control endpoint on loopback that takes longer has a fault.
const PATIENCE: Duration = Duration::from_secs(5);

/// The control endpoint of a server.
pub(super) struct Control {
    host: String,
}

impl Control {
    /// From the control URL of a ready line.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let host = url
            .strip_prefix("http://")
            .ok_or_else(|| format!("the server's control URL {url:?} is no http:// URL"))?;
        Ok(Self {
            host: host.trim_end_matches('/').to_owned(),
        })
    }

    /// What the server has accepted and published.
    pub(super) fn health(&self) -> Result<Health, String> {
        self.get("/healthz")
    }

    /// What the last order has come to.
    pub(super) fn report(&self) -> Result<PublishReport, String> {
        self.get("/schedule")
    }

    /// Orders messages to be published.
    pub(super) fn order(&self, order: &PublishOrder) -> Result<(), String> {
        let body = serde_json::to_string(order).map_err(|error| error.to_string())?;
        self.ask("POST /schedule", &body).map(drop)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let answer = self.ask(&format!("GET {path}"), "")?;
        serde_json::from_str(&answer)
            .map_err(|error| format!("the server answered GET {path} with {answer:?}: {error}"))
    }

    fn ask(&self, line: &str, body: &str) -> Result<String, String> {
        let answer = self
            .exchange(line, body)
            .map_err(|error| format!("{line} to the server at {} failed: {error}", self.host))?;
        let (head, content) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| format!("{line}: the server's answer has no end of its head"))?;
        let status = head.split_ascii_whitespace().nth(1).unwrap_or_default();
        if status.starts_with('2') {
            Ok(content.to_owned())
        } else {
            Err(format!("{line} was answered with {status}: {content}"))
        }
    }

    fn exchange(&self, line: &str, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.host,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answering(answer: &'static str) -> Control {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /healthz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        Control::new(&format!("http://{address}")).unwrap()
    }

    #[test]
    fn answers_are_read_and_refusals_are_errors() {
        let good = "HTTP/1.1 200 OK\r\nx: y\r\n\r\n{\"accepted\":3,\"nodelay\":3,\"published\":7,\"lagged\":0}";
        let health = answering(good).health().unwrap();
        assert_eq!((health.accepted, health.published), (3, 7));
        let bad = "HTTP/1.1 500 Oh\r\n\r\nno";
        let error = answering(bad).health().unwrap_err();
        assert!(error.contains("answered with 500: no"), "{error}");
        assert!(Control::new("tcp://x").is_err());
    }
}
