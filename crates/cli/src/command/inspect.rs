//! `pushbench inspect`: a stream, byte by byte, with its meaning.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal as _, Read, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use pushbench_conform::escape;
use pushbench_conform::inspect::live::{Bounds, Url};
use pushbench_conform::inspect::{Class, Entry, Found, Inspector, Kind, live};

use crate::exit::{Exit, wrong};
use crate::output;

/// Bytes on a line.
const ROW: usize = 8;
/// Lines of a piece that are shown unless all are wanted.
const ROWS: usize = 4;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  curl -isN -m 3 http://127.0.0.1:8080/sse | pushbench inspect sse
  pushbench inspect ws frames.bin
  pushbench inspect sse http://127.0.0.1:8080/sse -n 3

Input that begins with the head of an HTTP answer is read with it. Frames may be those of a server or of a client.")]
pub(crate) struct Options {
    /// What it is (sse, ws, poll, ndjson, tcp or http), then where it is: a file, - for standard input, or a URL of plain http, ws or tcp.
    /// Either may be left out: what it is follows from a URL or is an event stream, and it is on standard input
    #[arg(value_name = "KIND|SOURCE", num_args = 0..=2)]
    words: Vec<String>,
    /// URL: events or messages to read
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5)]
    messages: u64,
    /// URL: how long to read, at most
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    seconds: u64,
    /// Show all bytes of long pieces
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let (kind, source) = words(&options.words)?;
    let mut screen = Screen {
        colours: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        full: options.full,
    };
    let shown = match source {
        "-" => read(
            &mut io::stdin().lock(),
            kind.unwrap_or(Kind::Sse),
            &mut screen,
        )
        .context("cannot read standard input"),
        url if url.contains("://") => connect(url, kind, options, &mut screen),
        path => File::open(path)
            .and_then(|mut file| read(&mut file, kind.unwrap_or(Kind::Sse), &mut screen))
            .with_context(|| format!("cannot read {path}")),
    };
    match shown {
        Err(error) if is_broken_pipe(&error) => Ok(Exit::Done),
        Err(error) => Err(error),
        Ok(inspector) => {
            for sentence in inspector.conclusion() {
                output::print(&format!("{sentence}\n"))?;
            }
            Ok(Exit::Done)
        }
    }
}

/// A reader that has seen enough is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn words(words: &[String]) -> anyhow::Result<(Option<Kind>, &str)> {
    let kind = |word: &str| match word {
        "sse" => Some(Kind::Sse),
        "ws" | "websocket" => Some(Kind::WebSocket),
        "poll" | "long-poll" | "ndjson" => Some(Kind::Poll),
        "tcp" => Some(Kind::Tcp),
        "http" => Some(Kind::Http),
        _ => None,
    };
    Ok(match words {
        [] => (None, "-"),
        [one] => match kind(one) {
            Some(kind) => (Some(kind), "-"),
            None => (None, one),
        },
        [first, source, ..] => match kind(first) {
            Some(kind) => (Some(kind), source),
            None => wrong!(
                "{first:?} is nothing to inspect; there are sse, ws, poll, ndjson, tcp and http"
            ),
        },
    })
}

fn read(input: &mut dyn Read, kind: Kind, screen: &mut Screen) -> io::Result<Inspector> {
    let mut inspector = Inspector::new(kind);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => screen.show(inspector.feed(&buffer[..read]))?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    screen.show(inspector.finish())?;
    Ok(inspector)
}

fn connect(
    text: &str,
    kind: Option<Kind>,
    options: &Options,
    screen: &mut Screen,
) -> anyhow::Result<Inspector> {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(reason) => wrong!("{reason}"),
    };
    let kind = url.kind.or(kind).unwrap_or(Kind::Http);
    let bounds = Bounds {
        messages: options.messages,
        time: Duration::from_secs(options.seconds.max(1)),
    };
    live::run(&url, kind, bounds, &mut |entries| screen.show(entries))
        .with_context(|| format!("cannot read {text}"))
}

struct Screen {
    colours: bool,
    full: bool,
}

impl Screen {
    fn show(&mut self, entries: Vec<Entry>) -> io::Result<()> {
        let mut text = String::new();
        for entry in entries {
            self.piece(&entry, &mut text);
            for found in &entry.found {
                self.line(
                    &format!("{:7}  => {}\n", "", in_words(found)),
                    "1",
                    &mut text,
                );
            }
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn piece(&self, Entry { piece, .. }: &Entry, out: &mut String) {
        let colour = colour(piece.class);
        let rows = piece.bytes.len().div_ceil(ROW);
        let shown = if self.full || rows <= ROWS + 1 {
            rows
        } else {
            ROWS
        };
        for (row, bytes) in piece.bytes.chunks(ROW).take(shown).enumerate() {
            let at = piece.at + (row * ROW) as u64;
            let hex: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let printable = |&byte: &u8| match byte {
                b' '..=b'~' => char::from(byte),
                _ => '.',
            };
            let text: String = bytes.iter().map(printable).collect();
            let meaning = if row == 0 { piece.meaning.as_str() } else { "" };
            let line = format!("{at:>7}  {:<23}  {text:<8}  {meaning}", hex.join(" "));
            self.line(&format!("{}\n", line.trim_end()), colour, out);
        }
        let left = piece.bytes.len().saturating_sub(shown * ROW);
        if left > 0 {
            self.line(&format!("{:7}  and {left} bytes more\n", ""), colour, out);
        }
    }

    /// A line in a colour, as terminals number them.
    fn line(&self, line: &str, colour: &str, out: &mut String) {
        if self.colours {
            // A String takes everything.
            let _ = writeln!(out, "\x1b[{colour}m{}\x1b[0m", line.trim_end_matches('\n'));
        } else {
            out.push_str(line);
        }
    }
}

const fn colour(class: Class) -> &'static str {
    match class {
        Class::Framing => "36",
        Class::Name => "34",
        Class::Value => "32",
        Class::Sign | Class::Ignored => "2",
        Class::Mask => "35",
        Class::Fault => "31",
    }
}

fn in_words(found: &Found) -> String {
    let bytes = |bytes: &[u8]| format!("\"{}\"", shortened(&escape::text(bytes)));
    match found {
        Found::Event { event, data, id } => {
            let id = if id.is_empty() {
                String::new()
            } else {
                format!(", id {}", escape::text(id.as_bytes()))
            };
            format!(
                "event {}: {}{id}",
                escape::text(event.as_bytes()),
                bytes(data.as_bytes())
            )
        }
        Found::Message { body, binary: true } => format!("binary message: {}", bytes(body)),
        Found::Message { body, .. } => format!("message: {}", bytes(body)),
        Found::Control(name, body) => format!("{name}: {}", bytes(body)),
        Found::Close(None) => "close, without a code".into(),
        Found::Close(Some((code, reason))) => format!("close {code}: {}", bytes(reason.as_bytes())),
        Found::AnswerEnds => "the answer ends".into(),
        Found::Fault(reason) => format!("FAULT: {reason}"),
    }
}

/// What has its bytes above it need not be repeated whole.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_and_where() {
        let owned = |all: &[&str]| {
            all.iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        for (given, kind, source) in [
            (&[][..], None, "-"),
            (&["ws"][..], Some(Kind::WebSocket), "-"),
            (&["a.bin"], None, "a.bin"),
            (&["poll", "http"], Some(Kind::Poll), "http"),
        ] {
            assert_eq!(words(&owned(given)).unwrap(), (kind, source));
        }
        assert!(words(&owned(&["a", "b"])).is_err());
    }

    #[test]
    fn long_pieces_are_shortened() {
        let mut inspector = Inspector::new(Kind::WebSocket);
        let frame = [&[0x82, 100][..], &[7; 100]].concat();
        let entries = inspector.feed(&frame);
        let lines = |full| {
            let screen = Screen {
                colours: false,
                full,
            };
            let mut text = String::new();
            screen.piece(&entries[2], &mut text);
            text
        };
        assert_eq!(lines(false).lines().count(), 5);
        assert!(lines(false).ends_with("and 68 bytes more\n"));
        assert_eq!(lines(true).lines().count(), 13);
        assert!(
            lines(true)
                .starts_with("      2  07 07 07 07 07 07 07 07  ........  payload (binary)\n")
        );
    }
}
