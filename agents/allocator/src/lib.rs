//! Curve sources and the search for the best list of moves, with a bound on what it misses. Pure.

mod allocate;
mod certificate;
pub mod curves;
mod deciding;
pub mod decision;
mod exchange;
mod explain;
mod improve;
pub mod income;
pub mod math;
mod model;
mod needs;
mod plan;
pub mod program;
pub mod rates;
pub mod reason;
mod sides;
mod view;

pub use allocate::decide;
pub use certificate::{CertificateError, verify_certificate};
pub use decision::{
    Action, Binding, Candidate, Certificate, Decision, Inputs, Limiting, NativePrice, StrategyLine,
};
pub use income::{Earning, Horizon};
pub use rates::{History, RateBase, RateInput, Reward, Sample};
pub use reason::Reason;

/// Version of the decision code. An output that changes for the same input is a new version.
pub const ALGORITHM_VERSION: u32 = 6;
