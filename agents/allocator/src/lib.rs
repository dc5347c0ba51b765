//! Curve sources and the search for the best list of moves, with a bound on what it misses. Pure.

pub mod decision;
pub mod reason;

pub use decision::{
    Action, Binding, Candidate, Certificate, Decision, Inputs, Limiting, NativePrice, StrategyLine,
};
pub use reason::Reason;

/// Version of the decision code. An output that changes for the same input is a new version.
pub const ALGORITHM_VERSION: u32 = 1;
