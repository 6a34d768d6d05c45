//! Where a server has its endpoints, if not where the contract has them.

use std::collections::BTreeMap;

use toml::Spanned;

use super::parse::{ServersError, Source};

/// The key of the path that messages are posted to.
const PUBLISH: &str = "publish";

/// Paths that differ from those of docs/PROTOCOL.md; `None` for one that does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Where subscribers of this server's transport connect.
    pub subscribe: Option<String>,
    /// Where messages are posted.
    pub publish: Option<String>,
}

impl Paths {
    /// The URL for subscribers of a server that said `data`.
    #[must_use]
    pub fn data_url(&self, data: &str) -> String {
        match &self.subscribe {
            Some(path) => format!("{}{path}", data.trim_end_matches('/')),
            None => data.to_owned(),
        }
    }

    /// The URL of the control endpoint of a server that said `data`, and `control` if that is elsewhere. One that names
    /// a path says where messages are posted.
    #[must_use]
    pub fn control_url(&self, data: &str, control: Option<&str>) -> Option<String> {
        match &self.publish {
            Some(path) => {
                let base = control.unwrap_or(data).trim_end_matches('/');
                Some(format!("{base}{path}"))
            }
            None => control.map(str::to_owned),
        }
    }
}

/// What `paths` says in `servers.toml`, by transport.
pub(super) type RawPaths = BTreeMap<Spanned<String>, Spanned<String>>;

/// Those of the server for `transport`.
pub(super) fn of(raw: &RawPaths, transport: &str) -> Paths {
    let find = |key: &str| {
        let found = raw.iter().find(|(name, _)| name.get_ref() == key);
        found.map(|(_, path)| path.get_ref().clone())
    };
    Paths {
        subscribe: find(transport),
        publish: find(PUBLISH),
    }
}

/// Every key must be one of `transports` or `publish`, every value a path of a URL.
pub(super) fn validate(
    raw: &RawPaths,
    transports: &[Spanned<String>],
    source: &Source<'_>,
) -> Result<(), ServersError> {
    for (name, path) in raw {
        let is_transport = transports
            .iter()
            .any(|known| known.get_ref() == name.get_ref());
        if !is_transport && name.get_ref() != PUBLISH {
            let message = format!(
                "{:?} has no path here: a transport of this server has one, and \"{PUBLISH}\"",
                name.get_ref()
            );
            return Err(source.error(name.span(), &message));
        }
        let text = path.get_ref();
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !text.starts_with('/') || !plain {
            let message = format!("{text:?} is no path: such as \"/sub/sse\" or \"/pub?id=1\"");
            return Err(source.error(path.span(), &message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "http://127.0.0.1:1";
    const CONTROL: &str = "http://127.0.0.1:2";

    fn paths(subscribe: Option<&str>, publish: Option<&str>) -> Paths {
        Paths {
            subscribe: subscribe.map(str::to_owned),
            publish: publish.map(str::to_owned),
        }
    }

    #[test]
    fn a_server_that_keeps_the_contract_is_reached_where_it_says() {
        let usual = Paths::default();
        assert_eq!(usual.data_url(DATA), DATA);
        assert_eq!(usual.control_url(DATA, None), None);
        assert_eq!(usual.control_url(DATA, Some(CONTROL)).unwrap(), CONTROL);
    }

    #[test]
    fn other_paths_are_put_behind_the_addresses() {
        let own = paths(Some("/sub/sse"), Some("/pub?id=1"));
        assert_eq!(own.data_url(DATA), "http://127.0.0.1:1/sub/sse");
        assert_eq!(own.data_url("http://h:1/"), "http://h:1/sub/sse");
        let elsewhere = own.control_url(DATA, Some(CONTROL));
        assert_eq!(elsewhere.unwrap(), "http://127.0.0.1:2/pub?id=1");
        assert_eq!(
            own.control_url(DATA, None).unwrap(),
            "http://127.0.0.1:1/pub?id=1"
        );
    }
}
