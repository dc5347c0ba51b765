//! Watches every limit at every block, from balances, venue state and the policy file alone.
//!
//! It imports nothing of guard, lens or agents: it reads ERC-20 balances, the venues' own share prices, the logs that
//! ERC-4626 venues and tokens emit, and the policy as people wrote it. What it calls an *operation* is a transaction
//! in which capital of the vault moved into or out of a strategy without a depositor leaving.

mod facts;
mod limits;
mod rules;

pub use facts::{BlockFacts, Leg, Operation, Subject, gather};
pub use limits::{Limits, Names, StrategyLimits};
pub use rules::{Breach, Era, Law, judge};
