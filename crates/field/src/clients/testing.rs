//! A client that is a script.

use std::collections::BTreeMap;

use super::client::Client;

/// `bash` with `script`, in which `$0` is the address.
pub(super) fn shell(script: &str) -> Client {
    Client {
        name: "shell".into(),
        transport: "sse".into(),
        about: String::new(),
        command: ["bash", "-c", script, "{url}"].map(String::from).into(),
        directory: "/".into(),
        needs: Vec::new(),
        install: String::new(),
        versions: BTreeMap::new(),
        loses: None,
        endings: true,
    }
}
