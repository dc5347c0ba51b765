//! The path of every block, step by step, for a collector that takes OTLP over HTTP.
//!
//! A step is a span of the target [`STEPS`]. It carries names of chains and vaults, heights and decisions, and none of what may
//! hold a secret. Built in on demand: without the feature `otlp`, asking for traces is refused, and a step costs nothing.

#[cfg(feature = "otlp")]
mod collector;
#[cfg(not(feature = "otlp"))]
mod none;
mod step;

#[cfg(feature = "otlp")]
pub use collector::Traces;
#[cfg(not(feature = "otlp"))]
pub use none::Traces;
pub use step::STEPS;
pub(crate) use step::{block, failed, step};
