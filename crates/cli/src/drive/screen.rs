//! The terminal, and giving it back as it was: at the end, on a panic, on a signal.

use std::io::{self, Stderr};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::history::History;
use super::view::{self, Theme};
use crate::exit;

/// Whether the terminal is ours and is to be given back.
static OURS: AtomicBool = AtomicBool::new(false);
/// Whether its keys come one by one.
static RAW: AtomicBool = AtomicBool::new(false);

/// A live view on standard error.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    theme: Theme,
}

impl Screen {
    /// Takes the terminal.
    pub(super) fn open() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                usual(panic);
            }));
        });
        OURS.store(true, Ordering::SeqCst);
        // Without keys there still is a view: standard input may be no terminal.
        RAW.store(terminal::enable_raw_mode().is_ok(), Ordering::SeqCst);
        let opened = execute!(io::stderr(), EnterAlternateScreen, cursor::Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stderr())));
        match opened {
            Ok(terminal) => Ok(Self {
                terminal,
                theme: Theme::of_this_terminal(),
            }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Shows `history`, and looks what was typed.
    pub(super) fn show(&mut self, history: &History, stop: &AtomicBool) {
        self.read_keys(stop);
        // What cannot be shown now may be shown the next time; the drive goes on.
        let _ = self
            .terminal
            .draw(|frame| view::draw(frame, history, &self.theme));
    }

    fn read_keys(&self, stop: &AtomicBool) {
        // Where keys do not come one by one, Ctrl-C comes as a signal.
        while RAW.load(Ordering::SeqCst) && event::poll(Duration::ZERO).unwrap_or(false) {
            let Ok(event) = event::read() else {
                return;
            };
            if asks_to_end(&event) {
                end(stop);
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn asks_to_end(event: &Event) -> bool {
    let Event::Key(key) = event else {
        return false;
    };
    let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (control_c || key.code == KeyCode::Char('q'))
}

/// Once asks for an end in order. Twice is for whoever cannot wait.
fn end(stop: &AtomicBool) {
    if stop.swap(true, Ordering::SeqCst) {
        give_back();
        std::process::exit(exit::INTERRUPTED.into());
    }
}

/// Ends the drive on a signal, and the program on a second one or on SIGQUIT.
pub(super) fn stop_on_signals(stop: &'static AtomicBool) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGQUIT])?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if signal == SIGQUIT {
                    stop.store(true, Ordering::SeqCst);
                }
                end(stop);
            }
        })?;
    Ok(())
}

/// Gives the terminal back as it was. Without one, or the second time, nothing.
fn give_back() {
    if !OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    // There is nobody to tell where this fails.
    if RAW.swap(false, Ordering::SeqCst) {
        let _ = terminal::disable_raw_mode();
    }
    let _ = execute!(io::stderr(), LeaveAlternateScreen, cursor::Show);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyEvent;

    #[test]
    fn keys_that_end() {
        let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        assert!(asks_to_end(&key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(asks_to_end(&key(KeyCode::Char('q'), KeyModifiers::NONE)));
        assert!(!asks_to_end(&key(KeyCode::Char('c'), KeyModifiers::NONE)));
        assert!(!asks_to_end(&Event::FocusGained));
    }

    #[test]
    fn the_first_end_is_one_in_order() {
        let stop = AtomicBool::new(false);
        end(&stop);
        assert!(stop.load(Ordering::SeqCst));
    }
}
