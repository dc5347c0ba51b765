//! The search for the best plan as a problem of its own: strategies that take or give along curves, and the limits that
//! they share. Nothing here knows of venues or policies.

pub mod bound;
mod envelope;
pub mod problem;
mod search;
mod simplex;
mod start;

pub use bound::{Flaw, upper_bound, verify, worth};
pub(crate) use problem::product;
pub use problem::{Found, Goal, Limit, Prices, Problem, Side, Strategy, Value, Way};
pub use search::search;
pub(crate) use search::search_from;
