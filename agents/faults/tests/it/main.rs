//! The tools of the schedules, each by itself.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod proxy;
mod schedule;
