//! Compiled contracts in the process, for tests and benches: a chain without a node, creation code from the Solidity
//! builds of this repository, and a treasury as the real factory makes it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "for tests and benches, in which nothing else may go on after a failure"
)]

mod artifact;
mod chain;
mod treasury;

pub use artifact::Artifact;
pub use chain::{Answer, Chain};
pub use treasury::{OWNER, Treasury};
