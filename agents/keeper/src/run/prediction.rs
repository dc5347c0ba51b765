//! Whether a rebalance did what it was expected to do.

use alloy::primitives::{I256, U256};
use vagus_chain::guard::Rebalanced;
use vagus_policy::{LegReceipt, Move, Receipt};

const BPS: u64 = 10_000;
/// Units that amounts may differ by for rounding alone, per leg, beside the worth of two shares.
const ROUNDING: u64 = 4;

/// What was expected, and what was found.
pub(super) struct Comparison<'a> {
    pub(super) moves: &'a [Move],
    pub(super) predicted: &'a Receipt,
    /// By the replayed call, if it agrees with the event.
    pub(super) actual: Option<&'a Receipt>,
    /// By the guard.
    pub(super) event: &'a Rebalanced,
    /// Part of what was moved that it may come out otherwise by.
    pub(super) tolerance_bps: u16,
}

impl Comparison<'_> {
    /// Whether each leg cost what it was expected to, either way, and no more was moved. Without a receipt: whether the
    /// guard measured no larger loss. What came or went beside the rebalance, and what accrued meanwhile, is no matter of
    /// prediction.
    pub(super) fn is_as_predicted(&self) -> bool {
        let moved = self.predicted.legs.iter().fold(U256::ZERO, |sum, leg| sum + leg.assets);
        let share = |assets: U256| {
            let bps = U256::from(self.tolerance_bps);
            assets.saturating_mul(bps).div_ceil(U256::from(BPS))
        };
        let dust = self.predicted.legs.iter().fold(U256::ZERO, |sum, leg| sum + dust_up(leg));
        let tolerance = share(moved).saturating_add(dust);
        if self.event.turnover_assets.abs_diff(moved) > tolerance {
            return false;
        }
        let cost = |receipt: &Receipt| {
            let legs = self.moves.iter().zip(&receipt.legs);
            legs.map(|(leg, done)| cost(leg.is_deposit, done)).collect::<Vec<_>>()
        };
        let predicted = cost(self.predicted);
        let Some(actual) = self.actual.map(cost) else {
            let expected = predicted
                .iter()
                .filter(|cost| cost.is_positive())
                .fold(U256::ZERO, |sum, cost| sum.saturating_add(cost.unsigned_abs()));
            return self.event.loss_assets <= expected.saturating_add(tolerance);
        };
        let deviation = predicted.iter().zip(&actual).fold(U256::ZERO, |sum, (a, b)| {
            sum.saturating_add(a.saturating_sub(*b).unsigned_abs())
        });
        actual.len() == predicted.len() && deviation <= tolerance
    }
}

/// What a leg takes from the vault: what is given less what is got. Below zero: a gain.
fn cost(is_deposit: bool, leg: &LegReceipt) -> I256 {
    let signed = |amount: U256| I256::try_from(amount).unwrap_or(I256::MAX);
    let gained = signed(leg.value_after).saturating_sub(signed(leg.value_before));
    let assets = signed(leg.assets);
    if is_deposit {
        assets.saturating_sub(gained)
    } else {
        gained.saturating_neg().saturating_sub(assets)
    }
}

fn dust_up(leg: &LegReceipt) -> U256 {
    let one = |value: U256, shares: U256| {
        if shares.is_zero() { U256::ZERO } else { value.div_ceil(shares) }
    };
    let share =
        one(leg.value_before, leg.shares_before).max(one(leg.value_after, leg.shares_after));
    share.saturating_mul(U256::from(2)).saturating_add(U256::from(ROUNDING))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(assets: u64, before: u64, after: u64) -> Receipt {
        Receipt {
            nav: U256::ZERO,
            base: U256::ZERO,
            idle_before: U256::ZERO,
            idle_after: U256::ZERO,
            legs: vec![LegReceipt {
                assets: U256::from(assets),
                value_before: U256::from(before),
                value_after: U256::from(after),
                shares_before: U256::from(before) * U256::from(1_000_000),
                shares_after: U256::from(after) * U256::from(1_000_000),
            }],
            members: Vec::new(),
        }
    }

    fn judge(is_deposit: bool, actual: Option<&Receipt>, turnover: u64, loss: u64) -> bool {
        let change = if is_deposit { 3_000_000 } else { 1_000_000 };
        Comparison {
            moves: &[Move { index: 0, is_deposit, assets: 1_000_000 }],
            predicted: &receipt(1_000_000, 2_000_000, change),
            actual,
            event: &Rebalanced {
                agent: Default::default(),
                nonce: 0,
                decision: Default::default(),
                rebalance_count: 1,
                turnover_assets: U256::from(turnover),
                loss_assets: U256::from(loss),
            },
            tolerance_bps: 10,
        }
        .is_as_predicted()
    }

    // Ten basis points of a million, four units, and two shares worth a unit each, rounded up.
    const TOLERANCE: u64 = 1_006;

    #[test]
    fn a_leg_may_cost_so_much_more_or_less_and_no_more() {
        for (is_deposit, at) in [(true, 3_000_000), (false, 1_000_000)] {
            for (off, expected) in [(0, true), (TOLERANCE, true), (TOLERANCE + 1, false)] {
                let worse = receipt(1_000_000, 2_000_000, at - off);
                let better = receipt(1_000_000, 2_000_000, at + off);
                for actual in [worse, better] {
                    let found = judge(is_deposit, Some(&actual), 1_000_000, 0);
                    assert_eq!(found, expected, "{is_deposit} {off}");
                }
            }
        }
    }

    #[test]
    fn what_accrued_meanwhile_is_no_surprise() {
        let later = receipt(1_000_000, 2_500_000, 3_500_000);
        assert!(judge(true, Some(&later), 1_000_000, 0));
    }

    #[test]
    fn without_a_receipt_the_guards_own_measure_counts() {
        assert!(judge(true, None, 1_000_000, TOLERANCE));
        assert!(!judge(true, None, 1_000_000, TOLERANCE + 1));
        assert!(judge(true, None, 1_000_000 + TOLERANCE, 0));
        assert!(!judge(true, None, 1_000_001 + TOLERANCE, 0));
        assert!(!judge(true, None, 999_999 - TOLERANCE, 0));
    }
}
