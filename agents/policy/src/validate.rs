//! What a document must be, whoever submits it: the checks of `contracts/guard/PolicyValidation.sol`, in its order, with
//! a sentence for people.

use std::fmt;

use crate::document::{
    BPS, Ceilings, Limits, MAX_AGENTS, MAX_GROUPS, MAX_STRATEGIES, ObjectiveKind,
    POLICY_SCHEMA_VERSION, Policy,
};
use crate::toml::write;

/// Fastest recognised growth a policy may allow: 100 % a day.
const MAX_GROWTH_WAD: u64 = 1_000_000_000_000_000_000;

/// Which of the guard's errors a document would meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidKind {
    /// `InvalidPolicy`: it breaks the schema.
    Schema,
    /// `CeilingExceeded`: it would pass a ceiling.
    Ceiling,
    /// None: it would not even decode.
    Encoding,
}

/// Why a guard would refuse a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}; expected {expected}")]
pub struct InvalidPolicy {
    /// Which of the guard's errors it is.
    pub kind: InvalidKind,
    /// The field as the guard names it.
    pub field: &'static str,
    /// Which entry of a list, zero where there is none. For a list that is too long, the longest it may be.
    pub index: usize,
    /// The key as it stands in the file, such as `strategies[1].max_weight`.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What is expected.
    pub expected: String,
}

/// Whether a guard would take the document, but for its ceilings (see [`validate_ceilings`]) and for what takes the
/// treasury's addresses: the fee recipient is neither vault nor guard, and the strategies fit the vault, which the vault
/// says at adoption.
///
/// # Errors
/// The first check that fails, in the guard's order.
pub fn validate(policy: &Policy) -> Result<(), InvalidPolicy> {
    // A document that does not decode gets no further.
    for (i, entry) in policy.agents.iter().enumerate() {
        let is_codable = entry.expires_at < 1 << 40;
        require_kind(InvalidKind::Encoding, is_codable, "agents.expiresAt", i, || {
            let key = format!("agents[{i}].expires");
            (key, "is too far away".to_owned(), "a time before Unix 2^40".to_owned())
        })?;
    }
    let version = policy.schema_version;
    require(version == POLICY_SCHEMA_VERSION, "schemaVersion", 0, || {
        ("schema_version", format!("is {version}"), POLICY_SCHEMA_VERSION.to_string())
    })?;
    at_most_entries("strategies", policy.strategies.len(), MAX_STRATEGIES)?;
    at_most_entries("groups", policy.groups.len(), MAX_GROUPS)?;
    at_most_entries("agents", policy.agents.len(), MAX_AGENTS)?;
    validate_limits(&policy.limits)?;
    validate_groups(policy)?;
    validate_strategies(policy)?;
    validate_agents(policy)?;
    validate_objective(policy)
}

/// Whether the limits stay inside what no vote can lift.
///
/// # Errors
/// The first ceiling that is passed, in the guard's order.
pub fn validate_ceilings(limits: &Limits, ceilings: &Ceilings) -> Result<(), InvalidPolicy> {
    ceilings_exceeded(limits, ceilings).into_iter().next().map_or(Ok(()), Err)
}

/// Every ceiling that limits pass, in the guard's order.
#[must_use]
pub fn ceilings_exceeded(limits: &Limits, ceilings: &Ceilings) -> Vec<InvalidPolicy> {
    let most = |field, key: &str, value: u16, ceiling: u16| {
        let bound = format!("at most the ceiling {}", write::percent(ceiling));
        let found = write::percent(value);
        (value > ceiling).then(|| exceeded(field, key, &found, bound))
    };
    let long = |field, key: &str, is_passed: bool, value: u32, side: &str, bound: u32| {
        let bound = format!("{side} the ceiling {}", write::duration(bound));
        is_passed.then(|| exceeded(field, key, &write::duration(value), bound))
    };
    let (window, shortest_window) = (limits.window_seconds, ceilings.min_window_seconds);
    let delay = limits.policy_delay_seconds;
    let (shortest, longest) =
        (ceilings.min_policy_delay_seconds, ceilings.max_policy_delay_seconds);
    let (window_key, delay_key) = ("limits.window", "limits.policy_delay");
    let is_short = window < shortest_window;
    let passed = [
        most(
            "maxTurnoverBps",
            "limits.max_turnover",
            limits.max_turnover_bps,
            ceilings.max_turnover_bps,
        ),
        most("maxLossBps", "limits.max_loss", limits.max_loss_bps, ceilings.max_loss_bps),
        long("windowSeconds", window_key, is_short, window, "at least", shortest_window),
        long("policyDelaySeconds", delay_key, delay < shortest, delay, "at least", shortest),
        long("policyDelaySeconds", delay_key, delay > longest, delay, "at most", longest),
        most(
            "managementFeeBps",
            "limits.management_fee",
            limits.management_fee_bps,
            ceilings.max_management_fee_bps,
        ),
        most(
            "performanceFeeBps",
            "limits.performance_fee",
            limits.performance_fee_bps,
            ceilings.max_performance_fee_bps,
        ),
    ];
    passed.into_iter().flatten().collect()
}

fn exceeded(field: &'static str, key: &str, found: &str, expected: String) -> InvalidPolicy {
    let (key, problem) = (key.to_owned(), format!("is {found}"));
    InvalidPolicy { kind: InvalidKind::Ceiling, field, index: 0, key, problem, expected }
}

fn validate_limits(limits: &Limits) -> Result<(), InvalidPolicy> {
    at_most_all("maxTurnoverBps", 0, "limits.max_turnover", limits.max_turnover_bps)?;
    at_most_all("maxLossBps", 0, "limits.max_loss", limits.max_loss_bps)?;
    at_most_all("minIdleBps", 0, "limits.min_idle", limits.min_idle_bps)?;
    at_most_all("maxDrawdownBps", 0, "limits.max_drawdown", limits.max_drawdown_bps)?;
    require(limits.max_growth_wad <= MAX_GROWTH_WAD, "maxGrowthWad", 0, || {
        ("limits.max_growth", "is above 100 % a day".to_owned(), "at most \"100 %\"".to_owned())
    })?;
    above_zero("windowSeconds", "limits.window", limits.window_seconds)?;
    above_zero("entryHaltSeconds", "limits.entry_halt", limits.entry_halt_seconds)?;
    above_zero("seasoningSeconds", "limits.seasoning", limits.seasoning_seconds)?;
    at_most_all("managementFeeBps", 0, "limits.management_fee", limits.management_fee_bps)?;
    at_most_all("performanceFeeBps", 0, "limits.performance_fee", limits.performance_fee_bps)?;
    let is_free = limits.management_fee_bps == 0 && limits.performance_fee_bps == 0;
    require(is_free || !limits.fee_recipient.is_zero(), "feeRecipient", 0, || {
        let problem = "is the zero address beside a fee".to_owned();
        ("limits.fee_recipient", problem, "the receiver of fee shares".to_owned())
    })
}

fn validate_groups(policy: &Policy) -> Result<(), InvalidPolicy> {
    for (i, group) in policy.groups.iter().enumerate() {
        let key = |name: &str| format!("groups[{i}].{name}");
        // One to 31 bytes that are not zero, then zeros to the end.
        let length = group.name.iter().position(|byte| *byte == 0).unwrap_or(32);
        let is_name =
            (1..32).contains(&length) && group.name.iter().skip(length).all(|byte| *byte == 0);
        require(is_name, "groups.name", i, || {
            let problem = "is empty, fills all 32 bytes or has a zero in between".to_owned();
            (key("name"), problem, "a name of 1 to 31 bytes".to_owned())
        })?;
        let first = policy.groups.iter().position(|other| other.name == group.name);
        require(first == Some(i), "groups.name", i, || {
            (key("name"), "stands in the list already".to_owned(), "each name once".to_owned())
        })?;
        at_most_all("groups.maxWeightBps", i, &key("max_weight"), group.max_weight_bps)?;
    }
    Ok(())
}

fn validate_strategies(policy: &Policy) -> Result<(), InvalidPolicy> {
    for (i, entry) in policy.strategies.iter().enumerate() {
        let key = |name: &str| format!("strategies[{i}].{name}");
        require(!entry.strategy.is_zero(), "strategies.strategy", i, || {
            (key("strategy"), "is the zero address".to_owned(), "the strategy's address".to_owned())
        })?;
        let first = policy.strategies.iter().position(|other| other.strategy == entry.strategy);
        require(first == Some(i), "strategies.strategy", i, || {
            let problem = format!("{} stands in the list already", entry.strategy);
            (key("strategy"), problem, "each strategy once".to_owned())
        })?;
        let most = entry.max_weight_bps;
        at_most_all("strategies.maxWeightBps", i, &key("max_weight"), most)?;
        let least = entry.min_weight_bps;
        at_most_all("strategies.minWeightBps", i, &key("min_weight"), least)?;
        require(entry.price_band_bps < BPS, "strategies.priceBandBps", i, || {
            let problem = format!("is {} %", crate::toml::percent(entry.price_band_bps));
            (key("price_band"), problem, "less than \"100 %\"".to_owned())
        })?;
        let above_zero = "an amount above zero".to_owned();
        require(entry.reference_assets != 0, "strategies.referenceAssets", i, || {
            (key("reference.assets"), "is zero".to_owned(), above_zero.clone())
        })?;
        require(entry.reference_shares != 0, "strategies.referenceShares", i, || {
            (key("reference.shares"), "is zero".to_owned(), above_zero.clone())
        })?;
        // Shifted in 32 bits, because the list may hold as many groups as the mask has bits.
        let beyond = u32::from(entry.groups) >> policy.groups.len().min(31);
        require(beyond == 0, "strategies.groups", i, || {
            let problem = "names a group beyond the end of the list".to_owned();
            (key("groups"), problem, "groups of this document".to_owned())
        })?;
    }
    Ok(())
}

fn validate_agents(policy: &Policy) -> Result<(), InvalidPolicy> {
    for (i, entry) in policy.agents.iter().enumerate() {
        let key = |name: &str| format!("agents[{i}].{name}");
        require(!entry.agent.is_zero(), "agents.agent", i, || {
            (key("agent"), "is the zero address".to_owned(), "the agent's address".to_owned())
        })?;
        let first = policy.agents.iter().position(|other| other.agent == entry.agent);
        require(first == Some(i), "agents.agent", i, || {
            let problem = format!("{} stands in the list already", entry.agent);
            (key("agent"), problem, "each agent once".to_owned())
        })?;
        // Shifted in 64 bits, because the list may hold as many strategies as the mask has bits.
        let beyond = u64::from(entry.scope) >> policy.strategies.len().min(63);
        require(beyond == 0, "agents.scope", i, || {
            let problem = "names a strategy beyond the end of the list".to_owned();
            (key("scope"), problem, "strategies of this document".to_owned())
        })?;
        at_most_all("agents.maxTurnoverBps", i, &key("max_turnover"), entry.max_turnover_bps)?;
        at_most_all("agents.maxLossBps", i, &key("max_loss"), entry.max_loss_bps)?;
    }
    Ok(())
}

fn validate_objective(policy: &Policy) -> Result<(), InvalidPolicy> {
    let objective = &policy.objective;
    at_most_all("objective.hurdleBps", 0, "objective.hurdle", objective.hurdle_bps)?;
    at_most_all("objective.bandBps", 0, "objective.band", objective.band_bps)?;
    let weights = &objective.target_weights_bps;
    let (field, key) = ("objective.targetWeightsBps", "objective.target_weights");
    if objective.kind == ObjectiveKind::Yield {
        return require(weights.is_empty(), field, 0, || {
            let problem = "stands beside the yield objective".to_owned();
            (key, problem, "no target weights".to_owned())
        });
    }
    let count = policy.strategies.len();
    require(weights.len() == count, field, count, || {
        (key, format!("has {} entries", weights.len()), format!("{count}, one for each strategy"))
    })?;
    let mut sum = 0_u32;
    for (i, &weight) in weights.iter().enumerate() {
        sum = sum.saturating_add(u32::from(weight));
        require(sum <= u32::from(BPS), field, i, || {
            (key, "come to more than \"100 %\"".to_owned(), "at most that in all".to_owned())
        })?;
    }
    Ok(())
}

fn at_most_entries(field: &'static str, count: usize, most: usize) -> Result<(), InvalidPolicy> {
    require(count <= most, field, most, || {
        (field, format!("has {count} entries"), format!("at most {most}"))
    })
}

fn at_most_all(
    field: &'static str,
    index: usize,
    key: &str,
    bps: u16,
) -> Result<(), InvalidPolicy> {
    require(bps <= BPS, field, index, || {
        (key, format!("is {} %", crate::toml::percent(bps)), "at most \"100 %\"".to_owned())
    })
}

fn above_zero(field: &'static str, key: &str, seconds: u32) -> Result<(), InvalidPolicy> {
    require(seconds != 0, field, 0, || {
        (key, "is zero".to_owned(), "a duration above zero".to_owned())
    })
}

fn require<K: fmt::Display>(
    holds: bool,
    field: &'static str,
    index: usize,
    sentence: impl FnOnce() -> (K, String, String),
) -> Result<(), InvalidPolicy> {
    require_kind(InvalidKind::Schema, holds, field, index, sentence)
}

fn require_kind<K: fmt::Display>(
    kind: InvalidKind,
    holds: bool,
    field: &'static str,
    index: usize,
    sentence: impl FnOnce() -> (K, String, String),
) -> Result<(), InvalidPolicy> {
    if holds {
        return Ok(());
    }
    let (key, problem, expected) = sentence();
    Err(InvalidPolicy { kind, field, index, key: key.to_string(), problem, expected })
}

#[cfg(test)]
mod tests;
