//! The figures that are committed, and years of real venues.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bundle;
mod committed;
mod worlds;
