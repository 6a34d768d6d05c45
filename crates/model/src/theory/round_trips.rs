//! Round trips until a client that knows nothing of a server has its first message.
//!
//! One for TCP's handshake (RFC 9293 §3.5), one for TLS 1.3 or none where a session is resumed with early data (RFC 8446 §2,
//! §2.3), one for the request and its answer. A WebSocket's upgrade is that request (RFC 6455 §1.3); a server that waits for a
//! message of subscription after it costs one more, where an event stream names its topic in the address.

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

/// The same on a connection that is there already.
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
