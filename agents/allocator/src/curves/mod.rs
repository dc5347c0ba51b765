//! Curve sources: from a venue's raw integers to the rates it will pay, to the last digit.

pub mod aave_v3;
pub mod adaptive;
pub mod morpho_blue;
pub(crate) mod shape;
pub(crate) mod slope;
pub mod spread;

pub use aave_v3::{AaveV3Market, AaveV3Rates};
pub use morpho_blue::{MorphoBlueMarket, MorphoBlueRates};
pub use shape::Shape;
pub use spread::Spread;

use alloy_primitives::U256;

/// What we do to a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This many assets go in, smallest unit.
    Deposit(U256),
    /// This many assets come out.
    Withdrawal(U256),
}
