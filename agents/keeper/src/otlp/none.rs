//! A build without traces.

use tokio::runtime::Handle;
use tracing_subscriber::{Layer, layer::Identity};

use crate::{
    config::Config,
    exit::{Exit, Failure},
};

/// What tells steps to a collector: nothing, in this build.
#[derive(Debug)]
pub struct Traces(());

impl Traces {
    /// None, if none are asked for.
    ///
    /// # Errors
    /// If some are.
    pub fn of(config: &Config, _runtime: &Handle) -> Result<Option<Self>, Failure> {
        match &config.traces {
            None => Ok(None),
            Some(traces) => Err(Failure::new(
                Exit::Config,
                format_args!(
                    "[traces] {traces}: expected a keeper that was built with --features otlp."
                ),
            )),
        }
    }

    /// A layer that does nothing.
    #[must_use]
    pub fn layer<S: tracing::Subscriber>(&self) -> impl Layer<S> {
        Identity::new()
    }

    /// Nothing is left to be told.
    pub const fn end(self) {}
}
