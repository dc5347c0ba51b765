//! Backtests over generated histories.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod history;
mod run;
mod support;
