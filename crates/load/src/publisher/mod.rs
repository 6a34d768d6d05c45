//! Who publishes the messages of a measurement.

mod by_order;
mod one_at_a_time;
mod relay;

use std::time::Duration;

use pushbench_model::control::{PublishOrder, PublishReport};
use pushbench_model::measurement::Publisher as PublisherRole;

use crate::{Config, LoadError};

pub(crate) use one_at_a_time::OneAtATime;

/// Publishes on a schedule, one order at a time.
pub(crate) trait Publish {
    /// Starts carrying out an order.
    fn start(&mut self, order: &PublishOrder) -> Result<(), LoadError>;

    /// Waits until the order is carried out, at most `patience`.
    fn finish(&mut self, patience: Duration) -> Result<PublishReport, LoadError>;
}

pub(crate) fn for_role(config: &Config) -> Result<Box<dyn Publish>, LoadError> {
    Ok(match config.publisher {
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
