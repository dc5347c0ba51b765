//! Attribution: which part of a vault's result came from which decision. Pure, integers only, no I/O.
//!
//! Between two blocks a vault holds idle assets and shares of strategies, and events change what it holds: decisions
//! of its agents, and flows (entries, exits, donations, write-offs). With holdings *h*, prices *p* (assets per share,
//! exact fractions; idle has price 1), the opening at block 0 and the end at block *T*:
//!
//! ```text
//! V(T) − V(0) − Σ flows Δ·p(t) =  h(0)·(p(T) − p(0))          the opening portfolio, held unchanged
//!                              +  Σ decisions Δ·p(T)          each decision, from its execution to the end
//!                              +  Σ flows Δ·(p(T) − p(t))     what came and went, held unchanged since
//! ```
//!
//! A decision's Δ·p(T) is shown in two parts: Δ·p(t), what its execution alone made or cost (slippage, exit fees, rounding
//! of the venues), and Δ·(p(T) − p(t)) by strategy, what holding more here and less there has earned since.
//!
//! **Rounding.** Δ·p(t) is rounded down to the unit, for each event and strategy; what is cut off is part of the later gain.
//! The later gains of one strategy are then fractions with one denominator, whose sum is whole. Each is rounded down, and the
//! units that are missing go to those with the largest remainders; of equal ones to the earliest, the opening portfolio before
//! all events. So rows, columns and the whole agree to the unit.
//!
//! Our own effect on the rates of a venue is in its prices and is not taken out of them.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod amount;
mod attribution;
pub mod calendar;
mod error;
mod history;
mod series;
mod standing;
mod sums;

pub use amount::Price;
pub use attribution::{Attribution, Part, VenueResult, attribute};
pub use error::{AttributionError, Result};
pub use history::{
    Action, Actor, Decision, Delta, Event, FlowKind, History, Holdings, Kind, Point,
};
pub use series::{Sample, series};
pub use standing::Standing;
pub use sums::{Sum, Sums, sums};
