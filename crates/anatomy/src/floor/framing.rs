//! Where a body lies in what the servers of trials send: no more than they need of each transport's framing.

use std::io;

use crate::wire::Wire;

const PREFIX: usize = size_of::<u32>();

/// How a transport marks its bodies.
pub trait Framing {
    /// The transport.
    const WIRE: Wire;

    /// The body that `bytes` begin with and what follows its frame, once all of the frame is there.
    ///
    /// # Errors
    ///
    /// When it is no frame that a server of a trial sends.
    fn first(bytes: &[u8]) -> io::Result<Option<(&[u8], &[u8])>>;

    /// The last message that was published before this subscription was answered with `answer`.
    #[must_use]
    fn newest(_answer: &[u8]) -> u64 {
        0
    }
}

/// A length before each body: the transport `tcp`.
#[derive(Debug)]
pub struct Prefixed;

/// An event in a chunk: the transport `sse`.
#[derive(Debug)]
pub struct Chunked;

/// A frame of a server, at most 65,535 bytes: the transport `websocket`.
#[derive(Debug)]
pub struct Framed;

impl Framing for Prefixed {
    const WIRE: Wire = Wire::Tcp;

    #[inline]
    fn first(bytes: &[u8]) -> io::Result<Option<(&[u8], &[u8])>> {
        let Some(prefix) = bytes.first_chunk() else {
            return Ok(None);
        };
        let end = PREFIX + u32::from_le_bytes(*prefix) as usize;
        Ok(bytes.get(PREFIX..end).map(|body| (body, &bytes[end..])))
    }

    fn newest(answer: &[u8]) -> u64 {
        answer
            .first_chunk()
            .map_or(0, |seq| u64::from_le_bytes(*seq))
    }
}

impl Framing for Chunked {
    const WIRE: Wire = Wire::Sse;

    #[inline]
    fn first(bytes: &[u8]) -> io::Result<Option<(&[u8], &[u8])>> {
        const END: &[u8] = b"\n\n\r\n";
        let mut length = 0;
        let mut head = 0;
        loop {
            match bytes.get(head) {
                None => return Ok(None),
                Some(b'\r') => break,
                // Six digits are more than any message of a trial has.
                Some(&digit) if head < 6 => {
                    let value = (digit as char).to_digit(16).ok_or_else(wrong)?;
                    length = length * 16 + value as usize;
                }
                Some(_) => return Err(wrong()),
            }
            head += 1;
        }
        let start = head + 2;
        let end = start + length + 2;
        let Some(event) = bytes.get(start..end) else {
            return Ok(None);
        };
        let event = event.strip_suffix(END).ok_or_else(wrong)?;
        let body = event
            .iter()
            .position(|&byte| byte == b'{')
            .ok_or_else(wrong)?;
        Ok(Some((&event[body..], &bytes[end..])))
    }
}

impl Framing for Framed {
    const WIRE: Wire = Wire::WebSocket;

    #[inline]
    fn first(bytes: &[u8]) -> io::Result<Option<(&[u8], &[u8])>> {
        let (start, length) = match *bytes {
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
            [_, length @ ..=125, ..] => (2, usize::from(length)),
            [] | [_] | [_, 126, ..] => return Ok(None),
            _ => return Err(wrong()),
        };
        let end = start + length;
        Ok(bytes.get(start..end).map(|body| (body, &bytes[end..])))
    }
}

fn wrong() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "not a frame of a trial's server",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole_and_cut<F: Framing>() {
        let body = br#"{"seq":1,"data":"0123456789"}"#;
        let long = [b"{\"data\":\"".as_slice(), &[b'x'; 300], b"\"}"].concat();
        for body in [body.as_slice(), &long] {
            let mut bytes = Vec::new();
            F::WIRE.encode(1, body, &mut bytes);
            let one = bytes.len();
            F::WIRE.encode(2, b"{}", &mut bytes);
            for cut in 0..one {
                assert_eq!(
                    F::first(&bytes[..cut]).unwrap(),
                    None,
                    "{:?} {cut}",
                    F::WIRE
                );
            }
            let (first, rest) = F::first(&bytes).unwrap().unwrap();
            assert_eq!(first, body);
            let (second, rest) = F::first(rest).unwrap().unwrap();
            assert_eq!((second, rest), (b"{}".as_slice(), b"".as_slice()));
        }
    }

    #[test]
    fn bodies_are_found_under_any_cut() {
        whole_and_cut::<Prefixed>();
        whole_and_cut::<Chunked>();
        whole_and_cut::<Framed>();
    }

    #[test]
    fn other_bytes_are_refused() {
        assert!(Chunked::first(b"zz\r\n").is_err());
        assert!(Chunked::first(b"1234567\r\n").is_err());
        assert!(Chunked::first(b"2\r\nabcd").is_err());
        assert!(Framed::first(&[0x81, 127, 0, 0]).is_err());
    }
}
