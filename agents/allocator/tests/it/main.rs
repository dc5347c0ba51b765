//! Tests of the allocator from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod basics;
mod certificates;
mod corpus;
mod costs;
mod golden;
mod limits;
mod markets;
mod properties;
mod quality;
mod random;
mod rates;
mod reasons;
mod vectors;
mod world;
