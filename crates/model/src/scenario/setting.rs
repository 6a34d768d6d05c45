//! How a scenario wants its servers set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Compression, FanOut, ScenarioError, Source, Tls, Workload};

/// What a server is told beside what its tuning says. One that cannot be told is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setting {
    /// Seconds between two signs of life on a stream: an SSE comment, a WebSocket ping, an empty line. None with 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub heartbeat_s: u32,
    /// Milliseconds for which the first message that is to be sent waits for others, which are then written together; with
    /// 0 each is written when it comes.
    #[serde(skip_serializing_if = "is_zero")]
    pub flush_window_ms: u32,
    /// Seconds after which a peer is let go from which nothing has come that it owed: acknowledgements of what was sent to it
    /// (TCP_USER_TIMEOUT), and pongs, where it is pinged. As the system has it with 0, which is a quarter of an hour.
    #[serde(skip_serializing_if = "is_zero")]
    pub dead_after_s: u32,
    /// How connections are secured; not at all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// How messages are compressed; not at all if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Subscribers that share one connection, each on a stream of its own (HTTP/2); with 0 each has a connection (HTTP/1.1).
    #[serde(skip_serializing_if = "is_zero")]
    pub streams: u32,
}

/// Most subscribers of one connection: what servers take at once, unless they are set otherwise, is one or two hundred.
pub const MOST_STREAMS: u32 = 1000;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl Setting {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The options of `pushbench serve` that say it.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let options = [
            ("--heartbeat", self.heartbeat_s),
            ("--flush-window", self.flush_window_ms),
            ("--dead-after", self.dead_after_s),
        ];
        let told = options.into_iter().filter(|&(_, value)| value > 0);
        let told = told.flat_map(|(option, value)| [option.to_owned(), value.to_string()]);
        // How sessions begin is the client's affair: a server gives tickets, and takes them.
        let secured = self.tls.map(|_| "--tls".to_owned());
        let compression = self.compression;
        let compressed = compression
            .into_iter()
            .flat_map(|compression| ["--compression".to_owned(), compression.label().to_owned()]);
        let shared = (self.streams > 0).then(|| "--http2".to_owned());
        told.chain(secured)
            .chain(compressed)
            .chain(shared)
            .collect()
    }

    /// How it reads in a sentence; empty where there is nothing to tell.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if self.heartbeat_s > 0 {
            words.push(format!("a heartbeat every {} s", self.heartbeat_s));
        }
        if self.flush_window_ms > 0 {
            words.push(format!(
                "messages written together that come within {} ms",
                self.flush_window_ms
            ));
        }
        if self.dead_after_s > 0 {
            words.push(format!(
                "peers let go that owe an answer for {} s",
                self.dead_after_s
            ));
        }
        if let Some(tls) = self.tls {
            words.push(tls.words().to_owned());
        }
        if let Some(compression) = self.compression {
            words.push(compression.words().to_owned());
        }
        if self.streams > 0 {
            words.push(format!(
                "{} subscribers on each connection of HTTP/2",
                self.streams
            ));
        }
        words.join(", ")
    }

    /// How many connections `subscribers` make.
    #[must_use]
    pub const fn connections(&self, subscribers: u32) -> u32 {
        subscribers.div_ceil(if self.streams == 0 { 1 } else { self.streams })
    }

    pub(super) fn validate(
        setting: Spanned<Self>,
        workload: &Workload,
        source: &Source<'_>,
    ) -> Result<Self, ScenarioError> {
        let fan_out = match workload {
            Workload::FanOut(fan_out) => fan_out,
            // New connections find one message, and wait for nothing.
            Workload::Connect(_) => {
                let is_tls = |setting: &Self| {
                    *setting
                        == Self {
                            tls: setting.tls,
                            ..Self::default()
                        }
                };
                let wanted = "tls and no other key in [server] of a scenario with [connect]";
                source.check(&setting, is_tls, wanted)?;
                return Ok(setting.into_inner());
            }
            Workload::Tokens(_) => {
                let wanted = "[server] belongs to a scenario with [fan-out] or [connect]";
                return Err(source.error(setting.span(), wanted));
            }
        };
        // Who speaks writes on sockets that others read, or posts to a control endpoint, which is clear text. Who dies is
        // watched from outside, and no handshake of it is counted.
        source.check(
            &setting,
            |setting| setting.tls.is_none() || !(fan_out.two_way || fan_out.dead.is_some()),
            "no tls beside two-way or dead subscribers",
        )?;
        // They are counted by the bytes that are left over, on connections that stay, are read, and on which clients say nothing else.
        let disturbed = fan_out.cuts.is_some() || fan_out.slow.is_some() || fan_out.two_way;
        source.check(
            &setting,
            |setting| setting.heartbeat_s == 0 || !disturbed,
            "no heartbeats beside cuts, slow subscribers or two-way",
        )?;
        source.check(
            &setting,
            |setting| {
                setting.heartbeat_s <= 3600
                    && setting.flush_window_ms <= 10_000
                    && setting.dead_after_s <= 3600
            },
            "a heartbeat-s and a dead-after-s of up to 3600, a flush-window-ms of up to 10000",
        )?;
        source.check(
            &setting,
            |setting| setting.compression.is_none() || setting.compresses_alone(fan_out),
            "compression beside no tls, heartbeats, cuts, slow or dead subscribers and no two-way",
        )?;
        source.check(
            &setting,
            |setting| setting.streams == 0 || setting.shares_alone(fan_out),
            "streams beside no tls, compression, heartbeats, cuts, slow or dead subscribers and no two-way",
        )?;
        source.check(
            &setting,
            |setting| {
                setting.streams <= MOST_STREAMS
                    && (setting.streams == 0 || fan_out.subscribers.is_multiple_of(setting.streams))
            },
            &format!(
                "streams of up to {MOST_STREAMS} of which there are as many on every connection: a divisor of subscribers = {}",
                fan_out.subscribers
            ),
        )?;
        Ok(setting.into_inner())
    }

    /// Whether nothing is asked for that does not go with compression. Signs of life are told by bytes that are left over, which are
    /// of no known length in a compressed stream; the rest breaks connections off, holds them up or speaks on them, of which every
    /// byte would have to be accounted for in another way.
    fn compresses_alone(&self, fan_out: &FanOut) -> bool {
        let disturbed = fan_out.cuts.is_some() || fan_out.slow.is_some() || fan_out.dead.is_some();
        self.tls.is_none() && self.heartbeat_s == 0 && !disturbed && !fan_out.two_way
    }

    /// Whether nothing is asked for that is done to the connection of one subscriber, which here is that of others, too.
    fn shares_alone(&self, fan_out: &FanOut) -> bool {
        self.compresses_alone(fan_out) && self.compression.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_what_is_set_and_no_more() {
        let nothing = Setting::default();
        assert!(nothing.is_none() && nothing.arguments().is_empty() && nothing.words().is_empty());
        let all = Setting {
            heartbeat_s: 15,
            flush_window_ms: 5,
            dead_after_s: 40,
            tls: None,
            compression: None,
            streams: 0,
        };
        assert_eq!(
            all.arguments(),
            [
                "--heartbeat",
                "15",
                "--flush-window",
                "5",
                "--dead-after",
                "40"
            ]
        );
        assert_eq!(
            all.words(),
            "a heartbeat every 15 s, messages written together that come within 5 ms, peers let go that owe an answer for 40 s"
        );
        for tls in Tls::ALL {
            let secured = Setting {
                tls: Some(tls),
                ..nothing
            };
            assert_eq!(secured.arguments(), ["--tls"]);
            assert_eq!(secured.words(), tls.words());
        }
        for compression in Compression::ALL {
            let compressed = Setting {
                compression: Some(compression),
                ..nothing
            };
            assert_eq!(
                compressed.arguments(),
                ["--compression", compression.label()]
            );
            assert_eq!(compressed.words(), compression.words());
        }
        let shared = Setting {
            streams: 100,
            ..nothing
        };
        assert_eq!(shared.arguments(), ["--http2"]);
        assert_eq!(
            shared.words(),
            "100 subscribers on each connection of HTTP/2"
        );
        let connections = [nothing, shared].map(|setting| setting.connections(300));
        assert_eq!(connections, [300, 3]);
    }
}
