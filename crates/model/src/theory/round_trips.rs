//! Round trips until a client that knows nothing of a server has its first message.
//!
//! One for TCP's handshake (RFC 9293 §3.5), one for TLS 1.3 or none where a session is resumed with early data (RFC 8446 §2,
//! §2.3), one for the request and its answer. A WebSocket's upgrade is that request (RFC 6455 §1.3); a server that waits for a
//! message of subscription after it costs one more, where an event stream names its topic in the address.
//!
//! A server that speaks first is no quicker: `accept` hands it the connection when the handshake's last acknowledgement has come, so its
//! message arrives two round trips after the first SYN, as the answer to a request does that came on the heels of that
//! acknowledgement. Tables that have 1 for it, or 1.5 for a client that speaks first, leave out half a round trip or two.

/// How a connection is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// Not at all.
    Clear,
    /// TLS 1.3, a full handshake; a session resumed without early data takes as many round trips.
    Tls,
    /// TLS 1.3, resumed, with the request as early data.
    EarlyData,
}

/// What a client must say before it is sent messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opening {
    /// Nothing: the server speaks first.
    Silence,
    /// A request; messages come with its answer.
    Request,
    /// A request that opens the connection, and then a message that subscribes.
    RequestAndSubscription,
}

/// Round trips from the first SYN to the first message, of a message that is waiting at the server. The way of the
/// message itself is the last half of the last of them.
#[must_use]
pub fn to_first_message(security: Security, opening: Opening) -> f64 {
    let connection = 1.0;
    let secured = match security {
        Security::Clear | Security::EarlyData => 0.0,
        Security::Tls => 1.0,
    };
    let asked = match opening {
        // The handshake's last acknowledgement brings the server to speak: half a round trip for that, half for the message.
        Opening::Silence | Opening::Request => 1.0,
        Opening::RequestAndSubscription => 2.0,
    };
    connection + secured + asked
}

/// The same of a WebSocket on a connection of HTTP/2 that is new. The client must have seen in the server's SETTINGS that it
/// takes extended CONNECT before it asks (RFC 8441 §3). With TLS the server may send them right behind its part of the
/// handshake (`settings_with_handshake`), and nobody waits for them; in the clear they come no sooner than any first message. There is no
/// early data: what is not known to be safe to repeat must not be sent as such.
#[must_use]
pub fn to_first_message_of_websocket_over_http2(
    security: Security,
    settings_with_handshake: bool,
) -> Option<f64> {
    let settings = match security {
        Security::Clear => 1.0,
        Security::Tls if settings_with_handshake => 0.0,
        Security::Tls => 1.0,
        Security::EarlyData => return None,
    };
    Some(to_first_message(security, Opening::Request) + settings)
}

/// The same over HTTP/3: one for the handshake of QUIC and TLS together (RFC 9001 §4), which early data does not wait for, and
/// one for the request and its answer. Nothing in this suite speaks it.
#[must_use]
pub fn to_first_message_over_http3(early_data: bool) -> f64 {
    if early_data { 1.0 } else { 2.0 }
}

/// The same of a session of WebTransport over HTTP/3: its extended CONNECT follows the handshake, with which the server's SETTINGS
/// come. A session that is resumed takes as many, because CONNECT must not be early data (draft-ietf-webtrans-http3 §3).
/// Nothing in this suite speaks it.
#[must_use]
pub fn to_first_message_of_webtransport() -> f64 {
    to_first_message_over_http3(false)
}

/// The same on a connection that is there already, a stream of HTTP/2 included.
#[must_use]
pub fn to_first_message_when_warm(opening: Opening) -> f64 {
    match opening {
        Opening::Silence => 0.5,
        Opening::Request => 1.0,
        Opening::RequestAndSubscription => 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_must_subscribe_pays_one_more_and_tls_another() {
        use {Opening::*, Security::*};
        let table = [Clear, Tls, EarlyData].map(|security| {
            [Request, RequestAndSubscription].map(|opening| to_first_message(security, opening))
        });
        assert_eq!(table, [[2.0, 3.0], [3.0, 4.0], [2.0, 3.0]]);
        assert_eq!(to_first_message_when_warm(Request), 1.0);
    }

    #[test]
    fn a_websocket_over_http2_waits_for_settings() {
        use Security::*;
        let cold = |security| {
            [true, false].map(|early| to_first_message_of_websocket_over_http2(security, early))
        };
        assert_eq!(cold(Clear), [Some(3.0); 2]);
        assert_eq!(cold(Tls), [Some(3.0), Some(4.0)]);
        assert_eq!(cold(EarlyData), [None; 2]);
    }

    #[test]
    fn quic_secures_a_connection_in_the_round_trip_that_makes_it() {
        assert_eq!([false, true].map(to_first_message_over_http3), [2.0, 1.0]);
        assert_eq!(to_first_message_of_webtransport(), 2.0);
    }

    /// Step by step, each step half a round trip.
    #[test]
    fn a_server_that_speaks_first_is_no_quicker_than_a_request() {
        // SYN, SYN-ACK, ACK (with the request on its heels), the message.
        assert_eq!(
            to_first_message(Security::Clear, Opening::Silence) / 0.5,
            4.0
        );
        assert_eq!(
            to_first_message(Security::Clear, Opening::Silence),
            to_first_message(Security::Clear, Opening::Request)
        );
    }
}
