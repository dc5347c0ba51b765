//! The keeper: follows a treasury's chain, decides inside the limits that governance voted, acts, and can account for
//! every action. This library is the binary's inside; the binary adds the command line.

// Clients of key services are futures many calls deep, deeper than the compiler looks by itself.
#![recursion_limit = "256"]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod alert;
pub mod attribution;
pub mod backtest;
pub mod board;
pub mod cli;
pub mod config;
pub mod crash;
pub mod data_fee;
pub mod decide;
pub mod doctor;
pub mod exit;
pub mod history;
pub mod http;
pub mod init;
pub mod journal;
pub mod keys;
pub mod log;
pub mod metrics;
pub mod mode;
pub mod otlp;
pub mod page;
mod password;
pub mod pause;
pub mod person;
pub mod plan;
pub mod policy;
pub mod proposal;
mod receipt;
pub mod reload;
pub mod render;
pub mod report;
pub mod run;
pub mod status;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod trace;
pub mod verify;
pub mod version;
pub mod watch;
pub mod words;
pub mod world;

/// Version of everything that `--json` prints.
pub const JSON_SCHEMA_VERSION: u32 = 1;
