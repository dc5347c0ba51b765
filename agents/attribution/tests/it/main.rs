//! Attribution from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod known;
mod random;
