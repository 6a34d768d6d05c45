//! Who publishes the messages of a measurement.

mod answers;
mod by_order;
mod members;
mod one_at_a_time;
mod paced;
mod relay;

use std::time::Duration;

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::measurement::{Publisher as PublisherRole, Upstream, WireCount};

use crate::{Config, LoadError};

pub(crate) use members::Members;
pub(crate) use one_at_a_time::OneAtATime;

/// Publishes on a schedule, one order at a time.
pub(crate) trait Publish {
    /// Starts carrying out an order.
    fn start(&mut self, order: &PublishOrder) -> Result<(), LoadError>;

    /// Waits until the order is carried out, at most `patience`.
    fn finish(&mut self, patience: Duration) -> Result<PublishReport, LoadError>;

    /// What subscribers have said so far, if it is they who speak; to be asked between two orders.
    fn said(&self) -> Option<Said> {
        None
    }
}

/// What subscribers have said, and what that has added to what went over sockets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) upstream: Upstream,
    /// Of connections beside the subscriptions; and what subscriptions have carried up that they do not know of, by
    /// formula.
    pub(crate) wire: WireCount,
}

/// Nobody, as long as those who are to speak are not connected.
struct Silence;

impl Publish for Silence {
    fn start(&mut self, _: &PublishOrder) -> Result<(), LoadError> {
        Err(LoadError::WorkerDied)
    }

    fn finish(&mut self, _: Duration) -> Result<PublishReport, LoadError> {
        Err(LoadError::WorkerDied)
    }
}

/// The publisher of a measurement; nobody yet where it is the subscribers, who become [`Members`] when they are there.
pub(crate) fn for_role(config: &Config) -> Result<Box<dyn Publish>, LoadError> {
    Ok(match config.publisher {
        PublisherRole::Load if config.scenario.is_two_way() => Box::new(Silence),
        PublisherRole::Server => Box::new(by_order::ByOrder::new(
            config.control.clone(),
            config.patience.control,
        )),
        PublisherRole::Load => Box::new(relay::Relay::start(
            config.control.clone(),
            config.transport.carries_binary(),
            config.patience,
        )?),
    })
}
