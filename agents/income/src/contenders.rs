//! The ways to allocate that are compared. Each sees what the lens says and answers with moves.

mod band;
mod market;
mod pass;
mod proportional;
mod utilisation;

use anyhow::Result;
use vagus_allocator::{Action, Inputs, NativePrice, decide};
use vagus_policy::{Move, Policy, Snapshot};

use crate::{
    others::WHOLE,
    world::{AGENT, BLOCK_SECONDS, DEADLINE_SECONDS},
};
use market::Market;

/// What a native token costs, whole units of the asset.
pub const NATIVE_PRICE: u64 = 3_000;
/// Tip, wei per gas.
const PRIORITY_FEE_WEI: u128 = 1_000_000_000;

/// A way to allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// This repository's decision code.
    Vagus,
    /// All markets at the same utilisation.
    EqualUtilisation,
    /// The borrow rate of each market in a band.
    RateBand,
    /// In proportion to what others have lent.
    Proportional,
    /// Never anything.
    Hold,
}

impl Contender {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Vagus, Self::EqualUtilisation, Self::RateBand, Self::Proportional, Self::Hold];

    /// Its name in the figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vagus => "vagus",
            Self::EqualUtilisation => "equal utilisation",
            Self::RateBand => "rate band",
            Self::Proportional => "proportional",
            Self::Hold => "hold",
        }
    }

    /// What it wants to do.
    ///
    /// # Errors
    /// If a venue says what cannot be.
    pub fn moves(self, policy: &Policy, seen: &Snapshot) -> Result<Vec<Move>> {
        if self == Self::Hold {
            return Ok(Vec::new());
        }
        if self == Self::Vagus {
            return Ok(match decide(policy, seen, &inputs(seen.base_fee_wei)).action {
                Action::Rebalance { moves } => moves,
                Action::Hold { .. } => Vec::new(),
            });
        }
        let markets = Market::all(seen)?;
        let wishes = match self {
            Self::EqualUtilisation => utilisation::wishes(&markets),
            Self::RateBand => band::wishes(&markets),
            _ => proportional::wishes(&markets, seen.vault.idle),
        };
        Ok(pass::moves(&wishes, policy, seen))
    }
}

/// Wei per gas that a transaction pays.
#[must_use]
pub const fn gas_price_wei(base_fee_wei: u128) -> u128 {
    base_fee_wei + PRIORITY_FEE_WEI
}

/// What a native token costs.
#[must_use]
pub fn native_price() -> NativePrice {
    NativePrice::Fixed { assets_per_native: u128::from(NATIVE_PRICE) * u128::from(WHOLE) }
}

/// As in `agents/keeper/examples/keeper.toml`.
fn inputs(base_fee_wei: u128) -> Inputs {
    Inputs {
        agent: AGENT,
        gas_price_wei: gas_price_wei(base_fee_wei),
        native_price: native_price(),
        base_gas: 250_000,
        leg_gas: 350_000,
        headroom_bps: 10,
        smallest_move: 100 * u128::from(WHOLE),
        deadline_seconds: DEADLINE_SECONDS,
        block_seconds: BLOCK_SECONDS,
        rates: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an operator who copies the example has.
    #[test]
    fn inputs_are_those_of_the_example_configuration() {
        let example = include_str!("../../keeper/examples/keeper.toml");
        let inputs = inputs(7_000_000_000);
        let NativePrice::Fixed { assets_per_native } = inputs.native_price else {
            panic!("{inputs:?}")
        };
        let whole = u128::from(WHOLE);
        for line in [
            format!("base = {}_000", inputs.base_gas / 1_000),
            format!("leg = {}_000", inputs.leg_gas / 1_000),
            format!("headroom_bps = {}", inputs.headroom_bps),
            format!("smallest_move = \"{} USDC\"", inputs.smallest_move / whole),
            format!("deadline_seconds = {}", inputs.deadline_seconds),
            format!("block_seconds = {}", inputs.block_seconds),
            format!("priority_fee_gwei = \"{}\"", inputs.gas_price_wei / 1_000_000_000 - 7),
        ] {
            assert!(example.lines().any(|of| of == line), "{line}");
        }
        let price = format!("assets_per_native = \"{} USDC\"", assets_per_native / whole);
        assert!(example.contains(&price), "{price}");
    }
}
