//! Steps of a block, as spans. They are not entered: a span around a future would make each of them larger, and those of the
//! path are large already. So a step says itself what it is part of.

use std::fmt::Display;

use tracing::{Span, field::Empty};

/// Target of all steps. Nothing else uses it, and no log shows it.
pub const STEPS: &str = "vagus::steps";

/// A block that is worked off; it lasts until it is dropped.
pub(crate) fn block(chain: &str, number: u64) -> Span {
    tracing::info_span!(
        target: STEPS,
        parent: None,
        "block",
        chain,
        number,
        otel.status_code = Empty,
        otel.status_description = Empty,
    )
}

/// A block was not worked off.
pub(crate) fn failed(block: &Span, error: &dyn Display) {
    block.record("otel.status_code", "ERROR");
    block.record("otel.status_description", tracing::field::display(error));
}

/// A step of a block: what is done, and for which vault, decision or nothing. It lasts until it is dropped.
pub(crate) fn step(block: &Span, name: &'static str, of: &dyn Display) -> Span {
    tracing::info_span!(target: STEPS, parent: block, "step", otel.name = name, of = %of)
}
