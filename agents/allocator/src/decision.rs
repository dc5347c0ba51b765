//! What a decision is made from beside policy and snapshot, and what it says.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use vagus_policy::{Curve, Move, Refusal, Rule, StrategyState, decimal};

use crate::{ALGORITHM_VERSION, RateBase, RateInput, Reason};

/// What gas costs in the vault's asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum NativePrice {
    /// The asset is the wrapped native token.
    Native,
    /// Set by the operator.
    Fixed {
        /// Smallest units of the asset for 10^18 wei.
        #[serde(with = "decimal")]
        assets_per_native: u128,
    },
    /// Not to be had, or stale: nothing is moved for income.
    Missing,
}

impl NativePrice {
    /// What so many wei cost in the asset, rounded up; none if no price is known or the amount is out of range.
    #[must_use]
    pub fn assets_up(self, wei: U256) -> Option<U256> {
        match self {
            Self::Native => Some(wei),
            Self::Fixed { assets_per_native } => {
                let wei_of_native = U256::from(10u64.pow(18));
                Some(wei.checked_mul(U256::from(assets_per_native))?.div_ceil(wei_of_native))
            }
            Self::Missing => None,
        }
    }
}

/// Inputs that are neither policy nor chain state; all of them stand in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Account that would act.
    pub agent: Address,
    /// Price of gas the plan is costed with, wei per gas.
    #[serde(with = "decimal")]
    pub gas_price_wei: u128,
    /// What gas costs in the asset.
    pub native_price: NativePrice,
    /// Gas of a rebalance before its first leg.
    pub base_gas: u64,
    /// Gas of each leg.
    pub leg_gas: u64,
    /// Part of each limit that is left free for what moves until execution, bps.
    pub headroom_bps: u16,
    /// Least assets that a leg moves, smallest unit.
    #[serde(with = "decimal")]
    pub smallest_move: u128,
    /// Seconds a plan may wait for execution.
    pub deadline_seconds: u32,
    /// Expected seconds between blocks: the plan is made for the next one.
    pub block_seconds: u32,
    /// What is said of strategies' income beside their venues' curves, each strategy once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<RateInput>,
}

impl Inputs {
    /// What is said of a strategy's income beside its venue's curve.
    #[must_use]
    pub fn rate_of(&self, strategy: Address) -> Option<&RateInput> {
        self.rates.iter().find(|rate| rate.strategy == strategy)
    }

    /// Whether the rate of a strategy is the mean of the horizon, because the venue's own model moves it while nobody acts;
    /// otherwise it is that of the moment.
    #[must_use]
    pub fn is_rate_of_horizon(&self, strategy: &StrategyState) -> bool {
        let is_by_curve =
            self.rate_of(strategy.strategy).is_none_or(|rate| rate.base == RateBase::Curve);
        is_by_curve && matches!(strategy.curve, Curve::MorphoBlue(_) | Curve::MorphoBlueMarkets(_))
    }
}

/// One strategy in a plan. Index-aligned with the policy's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyLine {
    /// The strategy.
    pub strategy: Address,
    /// Value held now, `convertToAssets`.
    #[serde(with = "decimal")]
    pub assets_before: U256,
    /// Value held after the plan.
    #[serde(with = "decimal")]
    pub assets_after: U256,
    /// Most it may hold: its cap, its weight of base, its status.
    #[serde(with = "decimal")]
    pub limit_assets: U256,
    /// Yearly supply rate now, ray (10^27 = 100 %): of the moment, or the mean of the horizon where the venue's model moves
    /// it; zero if the curve is unknown.
    #[serde(with = "decimal")]
    pub rate_before_ray: U256,
    /// Yearly supply rate after the plan.
    #[serde(with = "decimal")]
    pub rate_after_ray: U256,
    /// Our yearly income from it now, smallest unit, rounded down.
    #[serde(with = "decimal")]
    pub yearly_income_before: U256,
    /// Our yearly income from it after the plan.
    #[serde(with = "decimal")]
    pub yearly_income_after: U256,
}

/// A limit that a plan runs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Limiting {
    /// A rule of the guard.
    Rule(Rule),
    /// What the venue can pay out now.
    VenueLiquidity,
    /// What the venue takes in now.
    VenueCap,
    /// The smallest useful move.
    SmallestMove,
    /// The hurdle of the policy.
    Hurdle,
    /// The samples that a strategy's past has, and the fewest that say anything. None count once the newest is too old.
    Samples,
}

/// Why the plan does not move more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// What binds.
    pub limiting: Limiting,
    /// Place of the strategy it binds at, or of the group under [`Rule::Group`]; none if it binds the whole plan.
    pub index: Option<u8>,
    /// What the plan reaches.
    #[serde(with = "decimal")]
    pub observed: U256,
    /// What it may reach.
    #[serde(with = "decimal")]
    pub limit: U256,
}

/// How good a plan is, provably: from the prices anyone recomputes the bound in one pass without the solver.
/// All in assets over the horizon; gains are yearly income gained × horizon ÷ year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Income gained by the plan over the horizon, before costs.
    #[serde(with = "decimal")]
    pub value: U256,
    /// No list of moves gains more than this over the horizon, before costs.
    #[serde(with = "decimal")]
    pub upper_bound: U256,
    /// Price of one unit of idle given up: marginal yearly rate, ray.
    #[serde(with = "decimal")]
    pub idle_price_ray: U256,
    /// Price of one unit of turnover: marginal yearly rate, ray.
    #[serde(with = "decimal")]
    pub turnover_price_ray: U256,
    /// Price of one unit of room of each group of the policy, in its order: marginal yearly rate, ray.
    #[serde(with = "decimal::list")]
    pub group_price_rays: Vec<U256>,
}

/// A list of moves that was considered, with what it is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The moves, withdrawals first; none for standing still.
    pub moves: Vec<Move>,
    /// Income gained over the horizon, smallest unit, rounded down.
    #[serde(with = "decimal")]
    pub gain: U256,
    /// Gas and, of what is deposited, the round trip that strategies charge, smallest unit, rounded up. All of it counts on
    /// the way in, as the guard counts it, and nothing of it again on the way out.
    #[serde(with = "decimal")]
    pub cost: U256,
    /// `hurdleBps` of the assets moved, rounded up.
    #[serde(with = "decimal")]
    pub hurdle: U256,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Action {
    /// These moves.
    Rebalance {
        /// Withdrawals first.
        moves: Vec<Move>,
    },
    /// Nothing.
    Hold {
        /// True if not even the upper bound beats cost and hurdle.
        is_proven: bool,
        /// Unix time from which on the answer may change without the world changing (a cooldown, a leaking bucket).
        retry_at: Option<u64>,
    },
}

/// The answer for one vault at one block. Pure function of policy, snapshot and inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// [`crate::ALGORITHM_VERSION`].
    pub algorithm_version: u32,
    /// Why.
    pub reason: Reason,
    /// What.
    pub action: Action,
    /// Candidates with their value, best first; under a hold the first one is the best plan declined.
    pub candidates: Vec<Candidate>,
    /// How good it is.
    pub certificate: Certificate,
    /// Why not more, the most important first.
    pub bindings: Vec<Binding>,
    /// Per strategy, in policy order, for the best plan (under a hold: the one declined).
    pub lines: Vec<StrategyLine>,
    /// Under [`Reason::RuleRefuses`] and [`Reason::NoMandate`]: the rule's own words.
    pub refusal: Option<Refusal>,
    /// Hash of the policy it was made under.
    pub policy_hash: B256,
}

impl Decision {
    /// A hold of which nothing more is known: no plan, no bound, no limit.
    #[must_use]
    pub fn bare_hold(reason: Reason, policy_hash: B256) -> Self {
        Self {
            algorithm_version: ALGORITHM_VERSION,
            reason,
            action: Action::Hold { is_proven: false, retry_at: None },
            candidates: Vec::new(),
            certificate: Certificate::default(),
            bindings: Vec::new(),
            lines: Vec::new(),
            refusal: None,
            policy_hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_is_priced_up_to_the_unit() {
        let fixed = NativePrice::Fixed { assets_per_native: 3_000_000_000 };
        assert_eq!(fixed.assets_up(U256::from(1)), Some(U256::from(1)));
        let tenth = U256::from(10u64.pow(17));
        assert_eq!(fixed.assets_up(tenth), Some(U256::from(300_000_000)));
        assert_eq!(fixed.assets_up(tenth + U256::ONE), Some(U256::from(300_000_001)));
        assert_eq!(NativePrice::Native.assets_up(tenth), Some(tenth));
        assert_eq!(NativePrice::Missing.assets_up(tenth), None);
        assert_eq!(fixed.assets_up(U256::MAX), None);
    }
}
