//! Where a server is.

use std::net::{SocketAddr, ToSocketAddrs as _};

use http::Uri;

use crate::LoadError;

/// A server's address, resolved once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Scheme of the URL: `http` or `tcp`, or with TLS `https` or `tls`.
    pub scheme: String,
    /// Whether the scheme says that connections are secured.
    pub tls: bool,
    /// Value of the `Host` header.
    pub host: String,
    /// Path and query, empty when the URL names none: then they are those of the contract (docs/PROTOCOL.md).
    pub path: String,
    /// Where to connect.
    pub address: SocketAddr,
}

/// Where messages are posted.
const PUBLISH: &str = "/publish";

impl Target {
    /// Where messages are posted, when this is a control endpoint.
    #[must_use]
    pub fn publish_path(&self) -> &str {
        match self.path.as_str() {
            "" => PUBLISH,
            path => path,
        }
    }

    /// The control endpoint at the same address, with the paths of the contract: a path for subscribers is none to post
    /// to.
    #[must_use]
    pub fn as_control(&self) -> Self {
        Self {
            path: String::new(),
            ..self.clone()
        }
    }

    /// Parses and resolves `url`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Target`] when it is no URL, of an unknown scheme, without a port, or its host has no address.
    pub fn parse(url: &str) -> Result<Self, LoadError> {
        let bad = |reason: String| LoadError::Target {
            url: url.to_owned(),
            reason,
        };
        let uri: Uri = url.parse().map_err(|error| bad(format!("{error}")))?;
        let scheme = uri.scheme_str().unwrap_or_default().to_owned();
        let default_port = match scheme.as_str() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            "tcp" | "tls" => None,
            "" => return Err(bad("no scheme".into())),
            other => {
                return Err(bad(format!(
                    "unknown scheme {other:?}, expected http or tcp, or https or tls for a scenario with TLS"
                )));
            }
        };
        let authority = uri.authority().ok_or_else(|| bad("no host".into()))?;
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = authority
            .port_u16()
            .or(default_port)
            .ok_or_else(|| bad("no port".into()))?;
        let mut addresses = (name, port)
            .to_socket_addrs()
            .map_err(|error| bad(error.to_string()))?;
        let address = addresses
            .next()
            .ok_or_else(|| bad("the host has no address".into()))?;
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        let path = if path == "/" { "" } else { path };
        Ok(Self {
            tls: matches!(scheme.as_str(), "https" | "wss" | "tls"),
            scheme,
            host: authority.as_str().to_owned(),
            path: path.to_owned(),
            address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_become_addresses() {
        let target = Target::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(
            (target.host.as_str(), target.path.as_str()),
            ("127.0.0.1:8080", "")
        );
        assert_eq!(target.address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            Target::parse("http://127.0.0.1:1/a?b=c").unwrap().path,
            "/a?b=c"
        );
        assert_eq!(
            Target::parse("tcp://[::1]:9").unwrap().address,
            "[::1]:9".parse().unwrap()
        );
        assert_eq!(
            Target::parse("http://127.0.0.1").unwrap().address.port(),
            80
        );
    }

    #[test]
    fn the_scheme_says_whether_it_is_secured() {
        for (url, tls, port) in [
            ("http://127.0.0.1:1", false, 1),
            ("https://127.0.0.1", true, 443),
            ("tls://127.0.0.1:2", true, 2),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.tls, target.address.port()), (tls, port), "{url}");
        }
    }

    #[test]
    fn messages_are_posted_where_the_control_url_says() {
        let target = Target::parse("http://127.0.0.1:1/sub").unwrap();
        assert_eq!(target.as_control().publish_path(), "/publish");
        assert_eq!(target.as_control().address, target.address);
        let control = Target::parse("http://127.0.0.1:1/pub?id=1").unwrap();
        assert_eq!(control.publish_path(), "/pub?id=1");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, reason) in [
            ("127.0.0.1:8080", "no scheme"),
            ("ftp://127.0.0.1:1", "unknown scheme"),
            ("tcp://127.0.0.1", "no port"),
            ("http://[bad", "not the address"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }
}
