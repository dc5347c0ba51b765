//! Tests of the allocator from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::float_arithmetic, missing_docs)]

mod basics;
mod world;
