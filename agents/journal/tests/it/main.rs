//! The journal from outside: what is written is what is read, what is killed is not half done, what is altered is found.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alerts;
mod backup;
mod corpus;
mod crash;
mod faults;
mod file;
mod fixture;
mod fleet;
mod holds;
mod leases;
mod memory;
mod opening;
mod record;
mod safety;
mod size;
mod store;
mod tamper;
mod transactions;
