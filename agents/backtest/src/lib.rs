//! Backtests: what the keeper would have decided over a past, under any policy, and what would have come of it. Pure.
//!
//! A [history](history) is what was seen block by block. [`Backtest`] goes through it with the keeper's own code: the
//! allocator decides, the guard's rules check, the record is built and hashed as the journal does it.
//!
//! **As long as the positions agree.** Under the policy that was in force, the past is taken as it was: what was seen is
//! decided about again, and every record has to come out with the hash it has in the journal. What then happened to the
//! holdings is what happened; the venues' formulas are only compared with it.
//!
//! **From the first difference on** (another policy, another decision) the portfolio is the backtest's own, in a world in
//! which our position is replaced and nothing else:
//!
//! - *Exact*: what a plan does at a venue, the rates and prices that follow from it and from our position instead of the
//!   recorded one (venue formulas, integer for integer), limits, budgets, cooldown and every rule of the guard.
//! - *Held fixed*: what others did. They borrow, repay, supply and withdraw what they did, at every venue and at the vault,
//!   whatever rate our position leaves them; gas costs what it did; how far NAV lags behind the live value stays.
//!
//! Nothing here reads a clock, a file or a network.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail"))]

mod drift;
mod error;
mod execute;
pub mod generate;
pub mod history;
mod outcome;
mod portfolio;
mod quote;
mod recorded;
mod rules;
mod step;

pub use error::{BacktestError, HistoryError, Result};
pub use outcome::{Compared, Decided, Difference, Followed, Outcome, Source};
pub use rules::Rules;
pub use step::{Backtest, STATE_VERSION};
