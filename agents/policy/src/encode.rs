//! The policy document as the guard sees it: its ABI encoding and its hash.

use alloy_primitives::{B256, keccak256};
use alloy_sol_types::SolValue;

use crate::document::{
    AgentPolicy, GroupPolicy, Limits, Mode, Objective, ObjectiveKind, Policy, StrategyPolicy,
    StrategyStatus,
};

/// The structs of `contracts/types`, for coding only. Enums are bytes and `expiresAt` is wider than in Solidity, so that
/// a number out of range is carried as it stands and refused by whoever decodes it, instead of being cut on the way.
#[allow(missing_docs, unreachable_pub, missing_debug_implementations)]
mod sol {
    alloy_sol_types::sol! {
        struct Limits {
            uint8 mode;
            uint32 cooldownSeconds;
            uint32 windowSeconds;
            uint16 maxTurnoverBps;
            uint16 maxLossBps;
            uint16 minIdleBps;
            uint64 maxGrowthWad;
            uint16 maxDrawdownBps;
            uint32 entryHaltSeconds;
            uint32 seasoningSeconds;
            uint32 maxNavAgeSeconds;
            uint32 policyDelaySeconds;
            uint128 depositCap;
            uint16 managementFeeBps;
            uint16 performanceFeeBps;
            address feeRecipient;
        }

        struct StrategyPolicy {
            address strategy;
            uint8 status;
            uint16 maxWeightBps;
            uint16 minWeightBps;
            uint128 cap;
            uint16 priceBandBps;
            uint128 referenceAssets;
            uint128 referenceShares;
            uint16 groups;
        }

        struct GroupPolicy {
            bytes32 name;
            uint16 maxWeightBps;
            uint128 cap;
        }

        struct AgentPolicy {
            address agent;
            uint64 expiresAt;
            uint32 scope;
            uint16 maxTurnoverBps;
            uint16 maxLossBps;
        }

        struct Objective {
            uint8 kind;
            uint16 hurdleBps;
            uint32 horizonSeconds;
            uint16 bandBps;
            uint16[] targetWeightsBps;
        }

        struct Policy {
            uint16 schemaVersion;
            Limits limits;
            StrategyPolicy[] strategies;
            GroupPolicy[] groups;
            AgentPolicy[] agents;
            Objective objective;
        }
    }
}

/// Why bytes are no policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are no ABI encoding of the struct.
    #[error("not the ABI encoding of a policy: {0}")]
    Malformed(#[from] alloy_sol_types::Error),
    /// A number lies outside what the field can hold.
    #[error("{field} is {value}, which no policy can say")]
    OutOfRange {
        /// Name of the field in the Solidity struct.
        field: &'static str,
        /// What stands there.
        value: u64,
    },
    /// It decodes, but its one encoding is another: padding, offsets or trailing bytes differ.
    #[error("not the canonical encoding of the policy it describes")]
    NotCanonical,
}

/// `abi.encode(policy)`.
///
/// A document that no guard would decode (an expiry from 2^40 on) encodes into bytes that none decodes.
#[must_use]
pub fn encode(policy: &Policy) -> Vec<u8> {
    sol::Policy::from(policy).abi_encode()
}

/// The policy of its encoding.
///
/// # Errors
/// If the bytes are not exactly what [`encode`] gives for some policy that a guard can decode.
pub fn decode(encoding: &[u8]) -> Result<Policy, DecodeError> {
    let policy = Policy::try_from(sol::Policy::abi_decode(encoding)?)?;
    if encode(&policy) != encoding {
        return Err(DecodeError::NotCanonical);
    }
    Ok(policy)
}

/// Identity of a policy: the keccak-256 of its encoding.
#[must_use]
pub fn hash(policy: &Policy) -> B256 {
    keccak256(encode(policy))
}

impl From<&Policy> for sol::Policy {
    fn from(policy: &Policy) -> Self {
        Self {
            schemaVersion: policy.schema_version,
            limits: (&policy.limits).into(),
            strategies: policy.strategies.iter().map(Into::into).collect(),
            groups: policy.groups.iter().map(Into::into).collect(),
            agents: policy.agents.iter().map(Into::into).collect(),
            objective: (&policy.objective).into(),
        }
    }
}

impl TryFrom<sol::Policy> for Policy {
    type Error = DecodeError;

    fn try_from(policy: sol::Policy) -> Result<Self, DecodeError> {
        Ok(Self {
            schema_version: policy.schemaVersion,
            limits: policy.limits.try_into()?,
            strategies: policy
                .strategies
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            groups: policy.groups.into_iter().map(Into::into).collect(),
            agents: policy.agents.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            objective: policy.objective.try_into()?,
        })
    }
}

impl From<&Limits> for sol::Limits {
    fn from(limits: &Limits) -> Self {
        Self {
            mode: limits.mode as u8,
            cooldownSeconds: limits.cooldown_seconds,
            windowSeconds: limits.window_seconds,
            maxTurnoverBps: limits.max_turnover_bps,
            maxLossBps: limits.max_loss_bps,
            minIdleBps: limits.min_idle_bps,
            maxGrowthWad: limits.max_growth_wad,
            maxDrawdownBps: limits.max_drawdown_bps,
            entryHaltSeconds: limits.entry_halt_seconds,
            seasoningSeconds: limits.seasoning_seconds,
            maxNavAgeSeconds: limits.max_nav_age_seconds,
            policyDelaySeconds: limits.policy_delay_seconds,
            depositCap: limits.deposit_cap,
            managementFeeBps: limits.management_fee_bps,
            performanceFeeBps: limits.performance_fee_bps,
            feeRecipient: limits.fee_recipient,
        }
    }
}

impl TryFrom<sol::Limits> for Limits {
    type Error = DecodeError;

    fn try_from(limits: sol::Limits) -> Result<Self, DecodeError> {
        Ok(Self {
            mode: member("mode", limits.mode, &[Mode::Active, Mode::ExitOnly, Mode::Paused])?,
            cooldown_seconds: limits.cooldownSeconds,
            window_seconds: limits.windowSeconds,
            max_turnover_bps: limits.maxTurnoverBps,
            max_loss_bps: limits.maxLossBps,
            min_idle_bps: limits.minIdleBps,
            max_growth_wad: limits.maxGrowthWad,
            max_drawdown_bps: limits.maxDrawdownBps,
            entry_halt_seconds: limits.entryHaltSeconds,
            seasoning_seconds: limits.seasoningSeconds,
            max_nav_age_seconds: limits.maxNavAgeSeconds,
            policy_delay_seconds: limits.policyDelaySeconds,
            deposit_cap: limits.depositCap,
            management_fee_bps: limits.managementFeeBps,
            performance_fee_bps: limits.performanceFeeBps,
            fee_recipient: limits.feeRecipient,
        })
    }
}

impl From<&StrategyPolicy> for sol::StrategyPolicy {
    fn from(entry: &StrategyPolicy) -> Self {
        Self {
            strategy: entry.strategy,
            status: entry.status as u8,
            maxWeightBps: entry.max_weight_bps,
            minWeightBps: entry.min_weight_bps,
            cap: entry.cap,
            priceBandBps: entry.price_band_bps,
            referenceAssets: entry.reference_assets,
            referenceShares: entry.reference_shares,
            groups: entry.groups,
        }
    }
}

impl TryFrom<sol::StrategyPolicy> for StrategyPolicy {
    type Error = DecodeError;

    fn try_from(entry: sol::StrategyPolicy) -> Result<Self, DecodeError> {
        const STATUSES: [StrategyStatus; 3] =
            [StrategyStatus::Active, StrategyStatus::ExitOnly, StrategyStatus::WrittenOff];
        Ok(Self {
            strategy: entry.strategy,
            status: member("status", entry.status, &STATUSES)?,
            max_weight_bps: entry.maxWeightBps,
            min_weight_bps: entry.minWeightBps,
            cap: entry.cap,
            price_band_bps: entry.priceBandBps,
            reference_assets: entry.referenceAssets,
            reference_shares: entry.referenceShares,
            groups: entry.groups,
        })
    }
}

impl From<&GroupPolicy> for sol::GroupPolicy {
    fn from(group: &GroupPolicy) -> Self {
        Self { name: group.name, maxWeightBps: group.max_weight_bps, cap: group.cap }
    }
}

impl From<sol::GroupPolicy> for GroupPolicy {
    fn from(group: sol::GroupPolicy) -> Self {
        Self { name: group.name, max_weight_bps: group.maxWeightBps, cap: group.cap }
    }
}

impl From<&AgentPolicy> for sol::AgentPolicy {
    fn from(agent: &AgentPolicy) -> Self {
        Self {
            agent: agent.agent,
            expiresAt: agent.expires_at,
            scope: agent.scope,
            maxTurnoverBps: agent.max_turnover_bps,
            maxLossBps: agent.max_loss_bps,
        }
    }
}

impl TryFrom<sol::AgentPolicy> for AgentPolicy {
    type Error = DecodeError;

    fn try_from(agent: sol::AgentPolicy) -> Result<Self, DecodeError> {
        if agent.expiresAt >= 1 << 40 {
            return Err(DecodeError::OutOfRange { field: "expiresAt", value: agent.expiresAt });
        }
        Ok(Self {
            agent: agent.agent,
            expires_at: agent.expiresAt,
            scope: agent.scope,
            max_turnover_bps: agent.maxTurnoverBps,
            max_loss_bps: agent.maxLossBps,
        })
    }
}

impl From<&Objective> for sol::Objective {
    fn from(objective: &Objective) -> Self {
        Self {
            kind: objective.kind as u8,
            hurdleBps: objective.hurdle_bps,
            horizonSeconds: objective.horizon_seconds,
            bandBps: objective.band_bps,
            targetWeightsBps: objective.target_weights_bps.clone(),
        }
    }
}

impl TryFrom<sol::Objective> for Objective {
    type Error = DecodeError;

    fn try_from(objective: sol::Objective) -> Result<Self, DecodeError> {
        const KINDS: [ObjectiveKind; 2] = [ObjectiveKind::Yield, ObjectiveKind::TargetWeights];
        Ok(Self {
            kind: member("kind", objective.kind, &KINDS)?,
            hurdle_bps: objective.hurdleBps,
            horizon_seconds: objective.horizonSeconds,
            band_bps: objective.bandBps,
            target_weights_bps: objective.targetWeightsBps,
        })
    }
}

/// The member of an enum by its number, in Solidity's order.
fn member<T: Copy>(field: &'static str, value: u8, members: &[T]) -> Result<T, DecodeError> {
    members
        .get(usize::from(value))
        .copied()
        .ok_or(DecodeError::OutOfRange { field, value: u64::from(value) })
}

#[cfg(test)]
mod tests;
