//! The search for plans beside references that share nothing with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::float_arithmetic)]

mod certificate;
mod extremes;
mod grid;
mod optimum;
