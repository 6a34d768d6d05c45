//! The specification transcribed step by step, for the whole stream at once: slow, and plain enough
//! to be read beside the text of WHATWG HTML 9.2.6.

/// Event type, data, last event id.
pub(super) type Dispatched = (String, String, String);

/// What a user agent knows after a stream has ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) events: Vec<Dispatched>,
    pub(super) last_event_id: String,
    pub(super) retry_ms: Option<u64>,
    /// Comments, and blocks with an event or an id but no data: a count of ours.
    pub(super) without_data: u64,
}

pub(super) fn decode(bytes: &[u8]) -> Outcome {
    // "Streams must be decoded using the UTF-8 decode algorithm", which strips one leading BOM.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);

    let mut outcome = Outcome::default();
    let (mut data, mut event_type, mut id_buffer) = (String::new(), String::new(), String::new());
    let mut has_fields = false;
    for line in lines(&text) {
        if line.is_empty() {
            let had_fields = std::mem::take(&mut has_fields);
            // "dispatch the event"
            outcome.last_event_id.clone_from(&id_buffer);
            if data.is_empty() {
                event_type.clear();
                outcome.without_data += u64::from(had_fields);
                continue;
            }
            if data.ends_with('\n') {
                data.pop();
            }
            let name = if event_type.is_empty() {
                "message"
            } else {
                &event_type
            };
            outcome
                .events
                .push((name.to_owned(), data.clone(), outcome.last_event_id.clone()));
            data.clear();
            event_type.clear();
            continue;
        }
        if line.starts_with(':') {
            outcome.without_data += 1;
            continue;
        }
        let (field, value) = match line.split_once(':') {
            Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
            None => (line.as_str(), ""),
        };
        match field {
            "event" => {
                has_fields = true;
                value.clone_into(&mut event_type);
            }
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => {
                has_fields = true;
                value.clone_into(&mut id_buffer);
            }
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                outcome.retry_ms = Some(value.parse().unwrap_or(u64::MAX));
            }
            _ => {}
        }
    }
    outcome
}

/// The lines that have a line end; what follows the last line end is dropped.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                chars.next_if_eq(&'\n');
                lines.push(std::mem::take(&mut line));
            }
            '\n' => lines.push(std::mem::take(&mut line)),
            c => line.push(c),
        }
    }
    lines
}
