//! Schedules of faults for the keeper, on a chain in the same process, with a clock that only the schedule turns.
//!
//! What runs is the keeper's own loop over its own client: follower, decision, simulation, sending, settling. Under it
//! stands a chain that answers JSON-RPC ([`vagus_chain::memory`]) and a journal in memory that survives the keeper. A
//! schedule is data: what goes wrong, when, at which call. It is drawn from a seed, and the same seed gives the same
//! run, call by call.

mod check;
mod gate;
mod plan;
mod run;
mod schedule;
mod tally;
mod wire;

pub use check::{Finding, Findings};
pub use run::{Ran, run};
pub use schedule::{AnswerFault, Event, Schedule, What, WriteFault};
pub use tally::Tally;
