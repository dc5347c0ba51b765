//! Whether a policy says what its authors most likely mean: limits that contradict each other, that leave nobody any
//! room, or that are usual slips. What the guard refuses is [`validate`](crate::validate)'s; here it is told in full
//! only for ceilings, because a vote that passes one fails after it was won.
//!
//! Pure: what is known of the treasury comes as [`Facts`], and without any a file is reviewed by itself.

mod agents;
mod limits;
mod minimums;
mod strategies;
mod treasury;

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use serde::Serialize;

use crate::{
    document::{Ceilings, Policy},
    toml::Context,
};

/// Yearly rate that a venue is taken to pay where none is known: 10 %, in ray.
pub const NORMAL_RATE_RAY: U256 = U256::from_limbs([0xdcc8_0cd2_e400_0000, 0x0052_b7d2, 0, 0]);
/// Days without a rebalance that a price band should hold out at the venue's rate.
pub const BAND_DAYS: u64 = 30;
/// `max_growth` should be this many times the best venue's rate.
pub const GROWTH_TIMES: u64 = 3;
/// Oldest valuation that a rebalance should rest on, seconds.
pub const LONGEST_NAV_AGE_SECONDS: u32 = 3_600;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The guard refuses the document, or a limit in it can never be met, or nobody can act under it.
    Error,
    /// It works, and is most likely not what was meant.
    Warning,
}

/// What is wrong. Documented in `docs/operations/policy.md`; a code keeps its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[allow(missing_docs, reason = "each stands on the page with what to do about it")]
pub enum Code {
    Unreadable,
    CeilingExceeded,
    MinimumsUnmeetable,
    TargetUnreachable,
    GroupTighterThanMember,
    GroupEmpty,
    FloorNobodyLeaves,
    FloorWithoutEffect,
    AgentWithoutRoom,
    AgentBudgetBeyondVault,
    AgentBudgetsTogether,
    StrategyOutOfEveryScope,
    LimitZero,
    LossZero,
    TurnoverZero,
    NavAgeLong,
    GrowthSlow,
    BandNarrow,
    HorizonZero,
    DepositCapEndless,
    StrategyUnfit,
    ReferenceOff,
    FeeRecipientUnfit,
}

impl Code {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 23] = [
        Self::Unreadable,
        Self::CeilingExceeded,
        Self::MinimumsUnmeetable,
        Self::TargetUnreachable,
        Self::GroupTighterThanMember,
        Self::GroupEmpty,
        Self::FloorNobodyLeaves,
        Self::FloorWithoutEffect,
        Self::AgentWithoutRoom,
        Self::AgentBudgetBeyondVault,
        Self::AgentBudgetsTogether,
        Self::StrategyOutOfEveryScope,
        Self::LimitZero,
        Self::LossZero,
        Self::TurnoverZero,
        Self::NavAgeLong,
        Self::GrowthSlow,
        Self::BandNarrow,
        Self::HorizonZero,
        Self::DepositCapEndless,
        Self::StrategyUnfit,
        Self::ReferenceOff,
        Self::FeeRecipientUnfit,
    ];
}

/// One thing that a reviewer should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// The key, such as `strategies[1].cap`.
    pub key: String,
    /// What is wrong, without a full stop.
    pub problem: String,
    /// What to do, without a full stop.
    pub advice: String,
}

/// What is known of the treasury that the policy is for. What is not known is not reviewed.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The time of the review, Unix seconds.
    pub at: Option<u64>,
    /// What no vote lifts.
    pub ceilings: Option<Ceilings>,
    /// Vault, guard and conduit, with what people call them; none of them receives fees or is a strategy.
    pub own: Vec<(Address, &'static str)>,
    /// Strategies that were looked at.
    pub venues: BTreeMap<Address, Venue>,
}

/// What is known of a strategy.
#[derive(Clone, Debug, Default)]
pub struct Venue {
    /// Why it can be no strategy of this vault, without a full stop; none if it can.
    pub unfit: Option<String>,
    /// Its yearly rate at our position, ray; none if it is not known.
    pub rate_ray: Option<U256>,
    /// What a number of shares is worth now: assets, shares, both in smallest units; none if it is not known.
    pub price: Option<(U256, U256)>,
    /// Whether the guard has a reference of it already, which no adoption moves.
    pub has_reference: bool,
}

/// Everything that a reviewer should look at, the document's order of keys within each kind.
#[must_use]
pub fn review(policy: &Policy, context: &Context, facts: &Facts) -> Vec<Finding> {
    let mut review = Review { policy, context, facts, findings: Vec::new() };
    limits::limits(&mut review);
    minimums::minimums(&mut review);
    minimums::targets(&mut review);
    strategies::groups(&mut review);
    strategies::strategies(&mut review);
    agents::agents(&mut review);
    treasury::treasury(&mut review);
    review.findings
}

struct Review<'a> {
    policy: &'a Policy,
    context: &'a Context,
    facts: &'a Facts,
    findings: Vec<Finding>,
}

impl Review<'_> {
    fn error(
        &mut self,
        code: Code,
        key: impl Into<String>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.find(code, Severity::Error, key.into(), problem.into(), advice.into());
    }

    fn warning(
        &mut self,
        code: Code,
        key: impl Into<String>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.find(code, Severity::Warning, key.into(), problem.into(), advice.into());
    }

    fn find(
        &mut self,
        code: Code,
        severity: Severity,
        key: String,
        problem: String,
        advice: String,
    ) {
        self.findings.push(Finding { code, severity, key, problem, advice });
    }

    /// The strategy at a place by its name.
    fn strategy(&self, place: usize) -> String {
        let entry = self.policy.strategies.get(place);
        entry.map_or_else(String::new, |entry| self.context.account(entry.strategy))
    }

    /// The yearly rate of a strategy, and whether it is known or taken for normal.
    fn rate_of(&self, strategy: Address) -> (U256, bool) {
        let known = self.facts.venues.get(&strategy).and_then(|venue| venue.rate_ray);
        known.map_or((NORMAL_RATE_RAY, false), |rate| (rate, true))
    }
}

#[cfg(test)]
mod tests;
