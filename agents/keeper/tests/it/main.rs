//! The binary from outside: bad input gives one clear sentence and its exit code before anything is sent, and the
//! documentation of the codes is complete.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backtest;
mod bad_input;
mod codes;
mod deploy;
mod doctor;
mod failures;
mod journal;
mod pause;
mod policy;
mod trace;
mod version;
