//! A small server that keeps the contract for SSE, NDJSON, polling and `/chat`, but for one fault at a time.

mod paced;

use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use paced::Slip;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// An event stream that is called plain text.
    ContentType,
    /// `data:` without the space behind it; CR before the LF of a line.
    NoSpace,
    /// Ids from 0.
    Ids,
    /// Text that is not ASCII is replaced.
    Ascii,
    /// Who has a message gets it again.
    Inclusive,
    /// Whatever is asked for is answered.
    Lenient,
    /// A batch in chunks.
    NoLength,
    /// The connection ends with every answer to a post.
    CloseAfterPost,
    /// Tokens without the space that keeps their own.
    ChatSpaces,
    /// UTF-16 halves as tokens.
    ChatHalves,
    /// No `done`.
    ChatDone,
    /// A stream that does not end.
    ChatEnd,
    /// All tokens at once.
    ChatGap,
    /// It answers at a pace, which the others do not, with this slip.
    Paced(Slip),
}

const TEXT: &str = "A b\n\n  c \u{1f600} \u{4e2d}";

struct Hub {
    messages: Mutex<Vec<String>>,
    news: Condvar,
    paced: paced::Paced,
    fault: Fault,
}

/// Starts it; its URL. It ends with the test program.
pub(crate) fn start(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hub = Arc::new(Hub {
        messages: Mutex::default(),
        news: Condvar::new(),
        paced: paced::Paced::default(),
        fault,
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let hub = Arc::clone(&hub);
            // A client that leaves ends its thread with an error, which is nobody's concern.
            thread::spawn(move || drop(hub.converse(stream)));
        }
    });
    url
}

/// One request.
struct Request {
    method: String,
    path: String,
    query: String,
    last_event_id: Option<String>,
    body: String,
}

fn read(reader: &mut impl io::BufRead) -> io::Result<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let (mut length, mut last_event_id) = (0, None);
    loop {
        let mut field = String::new();
        reader.read_line(&mut field)?;
        let Some((name, value)) = field.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "last-event-id" => last_event_id = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request {
        method,
        path,
        query,
        last_event_id,
        body: String::from_utf8(body).unwrap(),
    })
}

fn answer(out: &mut TcpStream, status: u16, content_type: &str, body: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: ");
    out.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes())
}

fn nothing(out: &mut TcpStream, status: u16) -> io::Result<()> {
    let length = if status == 204 {
        ""
    } else {
        "Content-Length: 0\r\n"
    };
    out.write_all(format!("HTTP/1.1 {status} X\r\n{length}\r\n").as_bytes())
}

fn begin(out: &mut TcpStream, content_type: &str) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: ";
    out.write_all(format!("{head}{content_type}\r\n\r\n").as_bytes())
}

fn chunk(out: &mut TcpStream, content: &str) -> io::Result<()> {
    out.write_all(format!("{:x}\r\n{content}\r\n", content.len()).as_bytes())
}

impl Request {
    fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.split('&');
        pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// A cursor; an error for one that is no number.
    fn after(&self) -> Result<Option<usize>, ()> {
        let text = self
            .last_event_id
            .as_deref()
            .or_else(|| self.parameter("after"));
        text.map(|text| text.parse().map_err(drop)).transpose()
    }
}

impl Hub {
    fn converse(&self, stream: TcpStream) -> io::Result<()> {
        let mut out = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        loop {
            let request = read(&mut reader)?;
            let place = |last: usize| match request.after() {
                Ok(after) => Some(after.unwrap_or(last)),
                Err(()) if self.fault == Fault::Lenient => Some(last),
                Err(()) => None,
            };
            match (request.method.as_str(), request.path.as_str()) {
                ("GET", "/healthz") => answer(&mut out, 200, "text/plain", "ok")?,
                ("POST", "/publish") => {
                    self.messages.lock().unwrap().push(request.body);
                    self.news.notify_all();
                    nothing(&mut out, 204)?;
                    if self.fault == Fault::CloseAfterPost {
                        return Ok(());
                    }
                }
                ("GET", "/sse") => match place(self.last()) {
                    Some(after) => return self.stream(&mut out, after),
                    None => nothing(&mut out, 400)?,
                },
                ("GET", "/ndjson") => match place(self.last()) {
                    Some(after) => return self.lines(&mut out, after),
                    None => nothing(&mut out, 400)?,
                },
                ("GET", "/poll") => match place(self.last()) {
                    Some(after) => self.poll(&mut out, &request, after)?,
                    None => nothing(&mut out, 400)?,
                },
                ("POST", "/chat") => match self.fault {
                    Fault::Paced(slip) if request.body.contains("\"pace\"") => {
                        self.paced.answer(slip, &mut out, &request.body)?;
                    }
                    _ => self.chat(&mut out, &request.body)?,
                },
                ("GET", "/chats") if matches!(self.fault, Fault::Paced(_)) => {
                    self.paced.report(&mut out)?;
                }
                _ => nothing(&mut out, 404)?,
            }
        }
    }

    fn last(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    /// The messages from index `from` on, and waits for one if there is none until `deadline`.
    fn from(&self, from: usize, deadline: Instant) -> Vec<String> {
        let mut messages = self.messages.lock().unwrap();
        while messages.len() <= from {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Vec::new();
            }
            messages = self.news.wait_timeout(messages, left).unwrap().0;
        }
        messages[from..].to_vec()
    }

    fn stream(&self, out: &mut TcpStream, after: usize) -> io::Result<()> {
        let plain = self.fault == Fault::ContentType;
        begin(
            out,
            if plain {
                "text/plain"
            } else {
                "text/event-stream"
            },
        )?;
        let mut from = match self.fault {
            Fault::Inclusive => after.saturating_sub(1),
            _ => after,
        };
        loop {
            for mut body in self.from(from, Instant::now() + Duration::from_secs(60)) {
                from += 1;
                if self.fault == Fault::Ascii {
                    body = body.replace(|c: char| !c.is_ascii(), "?");
                }
                let id = if self.fault == Fault::Ids {
                    from - 1
                } else {
                    from
                };
                let space = if self.fault == Fault::NoSpace {
                    ""
                } else {
                    " "
                };
                chunk(out, &format!("id: {id}\ndata:{space}{body}\n\n"))?;
            }
        }
    }

    fn lines(&self, out: &mut TcpStream, after: usize) -> io::Result<()> {
        begin(
            out,
            match self.fault {
                Fault::ContentType => "application/json",
                _ => "application/x-ndjson",
            },
        )?;
        let mut from = match self.fault {
            Fault::Inclusive => after.saturating_sub(1),
            _ => after,
        };
        loop {
            for body in self.from(from, Instant::now() + Duration::from_secs(60)) {
                from += 1;
                let end = if self.fault == Fault::NoSpace {
                    "\r\n"
                } else {
                    "\n"
                };
                // Cut anywhere, and an empty line between two.
                let (start, rest) = body.split_at(1);
                let rest = format!("{rest}{end}\n");
                let cut = format!(
                    "{:x}\r\n{start}\r\n{:x}\r\n{rest}\r\n",
                    start.len(),
                    rest.len()
                );
                out.write_all(cut.as_bytes())?;
            }
        }
    }

    fn poll(&self, out: &mut TcpStream, request: &Request, after: usize) -> io::Result<()> {
        let timeout = request.parameter("timeout").unwrap_or("1000").parse();
        let timeout = match timeout {
            Err(_) if self.fault != Fault::Lenient => return nothing(out, 400),
            timeout => Duration::from_millis(timeout.unwrap_or(0)),
        };
        let bodies = self.from(after, Instant::now() + timeout);
        if bodies.is_empty() {
            return nothing(out, 204);
        }
        let lines: String = bodies.iter().map(|body| format!("{body}\n")).collect();
        if self.fault != Fault::NoLength {
            return answer(out, 200, "application/x-ndjson", &lines);
        }
        begin(out, "application/x-ndjson")?;
        chunk(out, &lines)?;
        out.write_all(b"0\r\n\r\n")
    }

    fn chat(&self, out: &mut TcpStream, body: &str) -> io::Result<()> {
        let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let number = |name: &str| match &json[name] {
            serde_json::Value::Null => Some(0),
            value => value.as_u64(),
        };
        let good = json.is_object() && (json["stream"].is_null() || json["stream"].is_boolean());
        let (Some(tokens), Some(gap), true) = (number("tokens"), number("gap_ms"), good) else {
            return nothing(out, 400);
        };
        let text: Vec<String> = TEXT
            .chars()
            .cycle()
            .take(tokens as usize)
            .map(String::from)
            .collect();
        if json["stream"] != true {
            let whole = serde_json::json!({ "text": text.concat(), "tokens": tokens });
            return answer(out, 200, "application/json", &whole.to_string());
        }
        begin(out, "text/event-stream")?;
        for (nth, token) in text.into_iter().enumerate() {
            if nth > 0 && self.fault != Fault::ChatGap {
                thread::sleep(Duration::from_millis(gap));
            }
            let token = match self.fault {
                Fault::ChatHalves if token.len() == 4 => "\u{fffd}".to_owned(),
                _ => token,
            };
            let space = if self.fault == Fault::ChatSpaces {
                ""
            } else {
                " "
            };
            let data = token.replace('\n', &format!("\ndata:{space}"));
            chunk(out, &format!("event: token\ndata:{space}{data}\n\n"))?;
        }
        if self.fault != Fault::ChatDone {
            chunk(out, "event: done\ndata: {}\n\n")?;
        }
        match self.fault {
            Fault::ChatEnd => Ok(()),
            _ => out.write_all(b"0\r\n\r\n"),
        }
    }
}
