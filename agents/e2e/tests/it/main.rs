//! End to end, on real chains.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod breaches;
mod budget;
mod demo;
mod determinism;
mod input;
mod kills;
mod persons;
mod operate;
mod plan;
mod races;
mod story;
