//! End to end, on real chains.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod backtest;
mod breaches;
mod budget;
mod demo;
mod deploy;
mod determinism;
mod guide;
mod handover;
mod history;
mod input;
mod keys;
mod kills;
mod moves;
mod operate;
mod overview;
mod pages;
mod persons;
mod plan;
mod policy;
mod races;
mod report;
mod secrets;
mod story;
mod trace;
mod unit;
mod unsent;
mod upkeep;
mod verify;
mod watching;
