//! Stable reason codes: why there is a rebalance, or why there is none. The list is documented for operators in
//! `docs/codes.md`; a code is never renamed or reused.

use serde::{Deserialize, Serialize};

/// Why a decision is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    // Rebalances.
    /// A strategy stands above its cap or weight limit.
    RepairWeight,
    /// Idle stands below its minimum.
    RepairIdle,
    /// A strategy in exit-only still holds assets.
    RepairExitOnly,
    /// A group of strategies stands above its cap or weight limit.
    RepairGroup,
    /// A strategy stands below its least weight.
    RepairFloor,
    /// A strategy stands outside the band around its target weight.
    RepairTarget,
    /// The plan's gain over the horizon beats its costs by the hurdle.
    Income,
    /// A person asked for exactly these moves.
    Person,

    // Upkeep: calls that anybody may make.
    /// The vault was not refreshed for about a day.
    Checkpoint,
    /// A strategy stands above its absolute cap, or holds assets in exit-only, and is withdrawn from.
    Trim,
    /// A strategy's price stands far from the guard's reference, which is made to follow it.
    FollowPrice,
    /// A policy waits whose delay is over, and is put in force.
    Activate,

    // Holds.
    /// No list of moves has a gain.
    Optimal,
    /// The best plan found does not beat its costs by the hurdle.
    BelowHurdle,
    /// Every strategy stands inside the band around its target weight.
    WithinBand,
    /// Something is outside its limits, and liquidity, a price or another limit keeps it there.
    RepairBlocked,
    /// The agent's cooldown is not over.
    Cooldown,
    /// Turnover budgets allow no useful move.
    TurnoverSpent,
    /// Loss budgets allow no useful move.
    LossSpent,
    /// The mode is Paused, or ExitOnly with nothing to repair.
    ModeClosed,
    /// The agent has no mandate, or it was revoked or has expired.
    NoMandate,
    /// No policy is in force.
    NoPolicy,
    /// The vault holds nothing, or nothing of it is seasoned yet.
    NoCapital,
    /// The gas price in the asset is missing or stale.
    NoNativePrice,
    /// A strategy whose income is taken from its past has too little of one; what the others offer is no gain.
    NoHistory,
    /// A strategy cannot be read.
    Unreadable,
    /// A rule of the guard refuses the plan; the record's check names it.
    RuleRefuses,
    /// The simulation of the exact transaction failed.
    SimulationFailed,
    /// A rebalance of this vault is not confirmed yet.
    InFlight,

    // Holds because of what is seen, or not; no plan is even considered, or one is given up.
    /// The vault itself could not be read at the block.
    VaultUnread,
    /// The policy document in force could not be read.
    PolicyUnread,
    /// Endpoints answer differently.
    EndpointsDisagree,
    /// Too few endpoints have answered.
    NoQuorum,
    /// The chain has had no new head for longer than it may.
    StaleHead,
    /// The block replaced more blocks than the window for reorganisations.
    DeepReorg,

    // Holds that keep the keeper itself within bounds.
    /// A person paused the vault.
    Paused,
    /// Too much went otherwise than expected; a person has to look.
    ModelMistrust,
    /// The daily fee budget does not allow another transaction.
    FeeBudgetSpent,
    /// The key has as many transactions in flight as it may.
    TooManyInFlight,
    /// Whatever signs for the key does not.
    SignerFailed,
}

impl std::str::FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_named = |reason: &Self| format!("{reason:?}").eq_ignore_ascii_case(text);
        Self::ALL
            .into_iter()
            .find(is_named)
            .ok_or_else(|| format!("{text:?} is no reason code; docs/codes.md lists them"))
    }
}

impl Reason {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 40] = [
        Self::RepairWeight,
        Self::RepairIdle,
        Self::RepairExitOnly,
        Self::RepairGroup,
        Self::RepairFloor,
        Self::RepairTarget,
        Self::Income,
        Self::Person,
        Self::Checkpoint,
        Self::Trim,
        Self::FollowPrice,
        Self::Activate,
        Self::Optimal,
        Self::BelowHurdle,
        Self::WithinBand,
        Self::RepairBlocked,
        Self::Cooldown,
        Self::TurnoverSpent,
        Self::LossSpent,
        Self::ModeClosed,
        Self::NoMandate,
        Self::NoPolicy,
        Self::NoCapital,
        Self::NoNativePrice,
        Self::NoHistory,
        Self::Unreadable,
        Self::RuleRefuses,
        Self::SimulationFailed,
        Self::InFlight,
        Self::VaultUnread,
        Self::PolicyUnread,
        Self::EndpointsDisagree,
        Self::NoQuorum,
        Self::StaleHead,
        Self::DeepReorg,
        Self::Paused,
        Self::ModelMistrust,
        Self::FeeBudgetSpent,
        Self::TooManyInFlight,
        Self::SignerFailed,
    ];

    /// Whether a decision with this code makes a call that anybody may make.
    #[must_use]
    pub fn is_upkeep(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Trim | Self::FollowPrice | Self::Activate)
    }

    /// Whether a decision with this code is a list of moves.
    #[must_use]
    pub fn is_rebalance(self) -> bool {
        matches!(
            self,
            Self::RepairWeight
                | Self::RepairIdle
                | Self::RepairExitOnly
                | Self::RepairGroup
                | Self::RepairFloor
                | Self::RepairTarget
                | Self::Income
                | Self::Person
        )
    }
}
