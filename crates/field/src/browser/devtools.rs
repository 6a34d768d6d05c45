//! A client of the DevTools protocol: calls, and the events that come between them.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// Between two looks at whether a person wants an end.
const LOOK: Duration = Duration::from_millis(50);
/// How long the browser may take to accept us.
const GREETING: Duration = Duration::from_secs(10);

/// What can go wrong with a browser.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// It cannot be started, or files of its profile cannot be made or read.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// It does not say where it listens.
    #[error("Chromium does not open its debugging port within {limit_s} s: {said}")]
    Silent {
        /// How long was waited, seconds.
        limit_s: u64,
        /// The end of what it wrote to standard error.
        said: String,
    },
    /// The connection to it has ended.
    #[error("Chromium has gone: {0}")]
    Gone(String),
    /// It refuses a command.
    #[error("Chromium refuses {method}: {reason}")]
    Refused {
        /// The command.
        method: String,
        /// Why.
        reason: String,
    },
    /// A script of the page has failed.
    #[error("a script of the page failed: {0}")]
    Script(String),
    /// It answers, and not in time.
    #[error("{what} took longer than {limit_s} s")]
    Slow {
        /// What was waited for.
        what: String,
        /// How long, seconds.
        limit_s: u64,
    },
    /// A person wants an end.
    #[error("interrupted")]
    Interrupted,
}

/// Something that happened in the browser.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// The tab's session; empty for the browser's own.
    pub(super) session: String,
    /// Its name.
    pub(super) method: String,
    /// What is known of it.
    pub(super) params: Value,
}

/// An incoming text.
#[derive(Clone, Debug, PartialEq)]
enum Incoming {
    Answer(u64, Result<Value, String>),
    Event(Event),
    Other,
}

/// A connection to a browser.
pub(super) struct DevTools {
    socket: WebSocket<TcpStream>,
    last: u64,
    events: VecDeque<Event>,
    stop: Arc<AtomicBool>,
}

impl DevTools {
    /// Connects to the browser that listens on `port`. Calls end early when `stop` is set.
    pub(super) fn connect(
        port: u16,
        path: &str,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, BrowserError> {
        let failed = |source| BrowserError::Io {
            what: format!("cannot connect to Chromium's debugging port {port}"),
            source,
        };
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
        stream.set_read_timeout(Some(GREETING)).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = tungstenite::client(url.as_str(), stream)
            .map_err(|error| BrowserError::Gone(error.to_string()))?;
        let stream = socket.get_ref();
        stream.set_read_timeout(Some(LOOK)).map_err(failed)?;
        Ok(Self {
            socket,
            last: 0,
            events: VecDeque::new(),
            stop,
        })
    }

    /// Calls `method` in a session, the browser's own if it is empty, and waits for its answer.
    pub(super) fn call(
        &mut self,
        session: &str,
        method: &str,
        params: &Value,
        limit: Duration,
    ) -> Result<Value, BrowserError> {
        let id = self.send(session, method, params)?;
        self.answer(id, method, limit)
    }

    /// Sends a command without waiting; its number.
    pub(super) fn send(
        &mut self,
        session: &str,
        method: &str,
        params: &Value,
    ) -> Result<u64, BrowserError> {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": params});
        if !session.is_empty() {
            command["sessionId"] = session.into();
        }
        self.socket
            .send(Message::text(command.to_string()))
            .map_err(|error| BrowserError::Gone(error.to_string()))?;
        Ok(self.last)
    }

    /// Waits for the answer to command `id`.
    pub(super) fn answer(
        &mut self,
        id: u64,
        method: &str,
        limit: Duration,
    ) -> Result<Value, BrowserError> {
        let deadline = Instant::now() + limit;
        loop {
            match self.read()? {
                Some(Incoming::Answer(number, answer)) if number == id => {
                    return answer.map_err(|reason| BrowserError::Refused {
                        method: method.to_owned(),
                        reason,
                    });
                }
                Some(Incoming::Event(event)) => self.events.push_back(event),
                _ => {}
            }
            self.still(method, limit, deadline)?;
        }
    }

    /// Waits for the next event `method` in a session. Those that came before it are forgotten.
    pub(super) fn event(
        &mut self,
        session: &str,
        method: &str,
        limit: Duration,
    ) -> Result<Value, BrowserError> {
        let deadline = Instant::now() + limit;
        loop {
            while let Some(event) = self.events.pop_front() {
                if event.session == session && event.method == method {
                    return Ok(event.params);
                }
            }
            if let Some(Incoming::Event(event)) = self.read()? {
                self.events.push_back(event);
            }
            self.still(method, limit, deadline)?;
        }
    }

    /// Whether a person wants no end.
    pub(super) fn go_on(&self) -> Result<(), BrowserError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(BrowserError::Interrupted);
        }
        Ok(())
    }

    fn still(&self, what: &str, limit: Duration, deadline: Instant) -> Result<(), BrowserError> {
        self.go_on()?;
        if Instant::now() < deadline {
            return Ok(());
        }
        Err(BrowserError::Slow {
            what: what.to_owned(),
            limit_s: limit.as_secs(),
        })
    }

    /// The next text, if one comes soon.
    fn read(&mut self) -> Result<Option<Incoming>, BrowserError> {
        match self.socket.read() {
            Ok(Message::Text(text)) => Ok(Some(incoming(&text))),
            Ok(_) => Ok(None),
            Err(tungstenite::Error::Io(error))
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(BrowserError::Gone(error.to_string())),
        }
    }
}

/// What a text from the browser means.
fn incoming(text: &str) -> Incoming {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return Incoming::Other;
    };
    let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(id) = value["id"].as_u64() {
        let answer = match value.get("error") {
            Some(error) => Err(words(&error["message"])),
            None => Ok(value["result"].take()),
        };
        return Incoming::Answer(id, answer);
    }
    if value["method"].is_string() {
        return Incoming::Event(Event {
            session: words(&value["sessionId"]),
            method: words(&value["method"]),
            params: value["params"].take(),
        });
    }
    Incoming::Other
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use proptest::prelude::*;

    const SOON: Duration = Duration::from_secs(20);

    /// A browser that answers each command with what `answers` makes of it.
    fn browser(answers: impl Fn(Value) -> Vec<Value> + Send + 'static) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let mut socket = tungstenite::accept(listener.accept().unwrap().0).unwrap();
            while let Ok(Message::Text(text)) = socket.read() {
                for answer in answers(serde_json::from_str(&text).unwrap()) {
                    socket.send(Message::text(answer.to_string())).unwrap();
                }
            }
        });
        port
    }

    #[test]
    fn answers_are_told_from_events_and_from_other_answers() {
        let port = browser(|asked| {
            vec![
                json!({"id": 999, "result": {"of": "another"}}),
                json!({"method": "A.b", "sessionId": "T", "params": {"n": 1}}),
                json!({"id": asked["id"], "result": {"back": asked["params"], "in": asked["sessionId"]}}),
            ]
        });
        let mut devtools = DevTools::connect(port, "/devtools", Arc::default()).unwrap();
        let answer = devtools
            .call("T", "Echo.it", &json!({"x": 5}), SOON)
            .unwrap();
        assert_eq!(answer, json!({"back": {"x": 5}, "in": "T"}));
        assert_eq!(devtools.event("T", "A.b", SOON).unwrap(), json!({"n": 1}));
    }

    #[test]
    fn refusals_silence_and_an_end_have_names() {
        let port = browser(|asked| match asked["method"].as_str() {
            Some("No.such") => {
                vec![json!({"id": asked["id"], "error": {"message": "not found"}})]
            }
            Some("Go.away") => panic!("leaves"),
            _ => vec![],
        });
        let stop = Arc::new(AtomicBool::new(false));
        let mut devtools = DevTools::connect(port, "/", Arc::clone(&stop)).unwrap();
        let error = |devtools: &mut DevTools, method: &str, limit| {
            let result = devtools.call("", method, &json!({}), limit);
            result.unwrap_err().to_string()
        };
        assert_eq!(
            error(&mut devtools, "No.such", SOON),
            "Chromium refuses No.such: not found"
        );
        assert_eq!(
            error(&mut devtools, "Be.quiet", Duration::ZERO),
            "Be.quiet took longer than 0 s"
        );
        stop.store(true, Ordering::Relaxed);
        assert_eq!(error(&mut devtools, "Be.quiet", SOON), "interrupted");
        stop.store(false, Ordering::Relaxed);
        assert!(error(&mut devtools, "Go.away", SOON).contains("has gone"));
    }

    proptest! {
        #[test]
        fn whatever_is_said_is_read(text: String, id: u64, method: String) {
            let _ = incoming(&text);
            let answer = json!({"id": id, "result": method.clone()});
            prop_assert_eq!(incoming(&answer.to_string()), Incoming::Answer(id, Ok(method.clone().into())));
            let event = json!({"method": method.clone()});
            let told = matches!(incoming(&event.to_string()), Incoming::Event(event) if event.method == method);
            prop_assert!(told);
        }
    }
}
