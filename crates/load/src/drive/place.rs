//! Where a URL leads.

use std::net::{SocketAddr, ToSocketAddrs as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;

use crate::LoadError;

/// A URL, resolved once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// TLS is spoken.
    pub(super) tls: bool,
    /// Value of the `Host` header.
    pub(super) host: String,
    /// Name of the host, for its certificate.
    pub(super) name: String,
    /// Path and query, `/` at least; empty for tcp.
    pub(super) path: String,
    /// Value of an `Authorization` header, from credentials in the URL.
    pub(super) basic: Option<String>,
    /// Where to connect, in the order of the resolver.
    pub(super) addresses: Vec<SocketAddr>,
    /// The URL without credentials.
    pub(super) shown: String,
    /// A redirect led here from another host.
    pub(super) is_foreign: bool,
}

impl Place {
    pub(super) fn parse(url: &str) -> Result<Self, LoadError> {
        let bad = |reason: &str| LoadError::Target {
            url: without_credentials(url),
            reason: reason.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        let (tls, default_port) = match uri.scheme_str() {
            Some("http" | "ws") => (false, Some(80)),
            Some("https" | "wss") => (true, Some(443)),
            Some("tcp") => (false, None),
            None => return Err(bad("it has no scheme")),
            Some(_) => return Err(bad("its scheme is none of http, https, ws, wss and tcp")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        let (credentials, host) = match authority.as_str().rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority.as_str()),
        };
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let port = authority
            .port_u16()
            .or(default_port)
            .ok_or_else(|| bad("it has no port"))?;
        let addresses: Vec<SocketAddr> = (name, port)
            .to_socket_addrs()
            .map_err(|error| bad(&format!("its host cannot be resolved: {error}")))?
            .collect();
        if addresses.is_empty() {
            return Err(bad("its host has no address"));
        }
        let path = if uri.scheme_str() == Some("tcp") {
            String::new()
        } else {
            uri.path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned()
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            name: name.to_owned(),
            path,
            basic: credentials
                .map(|credentials| format!("Basic {}", STANDARD.encode(decoded(credentials)))),
            addresses,
            shown: without_credentials(url),
            is_foreign: false,
        })
    }

    /// Where a `Location` of an answer from here leads.
    pub(super) fn follow(&self, location: &str) -> Result<Self, LoadError> {
        let scheme = if self.tls { "https" } else { "http" };
        let url = if location.contains("://") {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{scheme}://{rest}")
        } else if location.starts_with('/') {
            format!("{scheme}://{}{location}", self.host)
        } else {
            let path = self.path.split('?').next().unwrap_or_default();
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            format!("{scheme}://{}{parent}/{location}", self.host)
        };
        let place = Self::parse(&url)?;
        let is_foreign = self.is_foreign || place.host != self.host;
        let own = self.basic.clone().filter(|_| !is_foreign);
        Ok(Self {
            is_foreign,
            basic: place.basic.clone().or(own),
            ..place
        })
    }
}

/// `url` without what stands before its `@`.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Percent-decoding, of credentials.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = text
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, hex) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_somewhere() {
        let place = Place::parse("https://me:p%40ss@127.0.0.1:8443/a?b=c").unwrap();
        assert!(place.tls);
        assert_eq!(place.host, "127.0.0.1:8443");
        assert_eq!(place.path, "/a?b=c");
        assert_eq!(place.basic.as_deref(), Some("Basic bWU6cEBzcw=="));
        assert_eq!(place.shown, "https://127.0.0.1:8443/a?b=c");
        assert_eq!(
            Place::parse("ws://[::1]").unwrap().addresses[0],
            "[::1]:80".parse().unwrap()
        );
        assert_eq!(Place::parse("tcp://127.0.0.1:1").unwrap().path, "");
        for bad in [
            "127.0.0.1",
            "ftp://x",
            "tcp://127.0.0.1",
            "http://u:secret@",
            "http://no.such.host.invalid",
        ] {
            let said = Place::parse(bad).unwrap_err().to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn redirects_are_resolved() {
        let place = Place::parse("http://127.0.0.1:1/a/b?c").unwrap();
        let path = |location: &str| {
            let place = place.follow(location).unwrap();
            (place.host, place.path)
        };
        let here = "127.0.0.1:1".to_owned();
        assert_eq!(path("/x"), (here.clone(), "/x".into()));
        assert_eq!(path("x"), (here.clone(), "/a/x".into()));
        assert_eq!(
            path("http://127.0.0.1:2/y"),
            ("127.0.0.1:2".into(), "/y".into())
        );
        assert_eq!(path("//127.0.0.1:3/z"), ("127.0.0.1:3".into(), "/z".into()));
    }

    /// Credentials are for the host that they were given for, even if it is come back to.
    #[test]
    fn another_host_is_foreign() {
        let place = Place::parse("http://me:secret@127.0.0.1:1/a").unwrap();
        let here = place.follow("/b").unwrap();
        assert!(!here.is_foreign && here.basic == place.basic && here.basic.is_some());
        let there = here.follow("http://127.0.0.1:2/").unwrap();
        assert!(there.is_foreign && there.basic.is_none());
        assert!(there.follow("http://127.0.0.1:1/").unwrap().is_foreign);
    }
}
