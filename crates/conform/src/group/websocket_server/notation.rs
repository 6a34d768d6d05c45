//! Frames of a client, as the corpus writes them.

use crate::escape;

/// Any mask does; this one shows a server that forgets to use it.
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Appends the frame that `text` stands for.
pub(super) fn frame(text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let (name, payload) = text.split_once(' ').unwrap_or((text, ""));
    let (name, fin) = match name.strip_suffix('.') {
        Some(name) => (name, 0),
        None => (name, 0x80),
    };
    let opcode = match name {
        "more" => 0x0,
        "text" => 0x1,
        "binary" => 0x2,
        "ping" => 0x9,
        "pong" => 0xA,
        "close" => {
            masked(fin | 0x8, &close(payload)?, out);
            return Ok(());
        }
        "frame" => {
            let (first, payload) = payload.split_once(' ').unwrap_or((payload, ""));
            let first =
                u8::from_str_radix(first, 16).map_err(|_| format!("{text:?} has no first byte"))?;
            masked(first, &escape::bytes(payload)?, out);
            return Ok(());
        }
        "raw" => {
            out.extend(escape::bytes(payload)?);
            return Ok(());
        }
        _ => return Err(format!("{name:?} is no frame")),
    };
    masked(fin | opcode, &escape::bytes(payload)?, out);
    Ok(())
}

fn close(payload: &str) -> Result<Vec<u8>, String> {
    if payload.is_empty() {
        return Ok(Vec::new());
    }
    let (code, reason) = payload.split_once(' ').unwrap_or((payload, ""));
    let code: u16 = code
        .parse()
        .map_err(|_| format!("{code:?} is no close code"))?;
    Ok([&code.to_be_bytes()[..], &escape::bytes(reason)?].concat())
}

fn masked(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match u16::try_from(payload.len()) {
        Ok(len @ 0..=125) => out.push(0x80 | len as u8),
        Ok(len) => {
            out.push(0xFE);
            out.extend(len.to_be_bytes());
        }
        Err(_) => {
            out.push(0xFF);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
}

/// Replies with their bytes spelt as they are shown.
pub(super) fn canonical(replies: &[String]) -> Result<Vec<String>, String> {
    let spelt = |reply: &String| escape::bytes(reply).map(|bytes| escape::text(&bytes));
    replies.iter().map(spelt).collect()
}

#[cfg(test)]
mod tests {
    fn frame(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        super::frame(text, &mut out).unwrap();
        out
    }

    #[test]
    fn the_masked_example_of_the_rfc() {
        // Section 5.7.
        assert_eq!(
            frame("text Hello"),
            b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
        );
    }

    #[test]
    fn every_form() {
        assert_eq!(frame("text. "), b"\x01\x80\x37\xfa\x21\x3d");
        assert_eq!(frame("more x")[..2], *b"\x80\x81");
        assert_eq!(frame("close"), b"\x88\x80\x37\xfa\x21\x3d");
        assert_eq!(frame("close 1000")[6..], [0x03 ^ 0x37, 0xE8 ^ 0xFA]);
        assert_eq!(
            frame(r"frame C1 \x37")[..7],
            *b"\xC1\x81\x37\xfa\x21\x3d\x00"
        );
        assert_eq!(frame(r"raw \x81\x00"), b"\x81\x00");
        assert_eq!(
            frame(&format!("binary {}", "x".repeat(126)))[..4],
            *b"\x82\xFE\x00\x7E"
        );
        for wrong in ["", "say x", "close x", "frame XX"] {
            assert!(super::frame(wrong, &mut Vec::new()).is_err(), "{wrong:?}");
        }
    }
}
