//! Reason codes and limits in words for people who read no code.

use vagus_allocator::{Limiting, Reason};
use vagus_journal::RevertCause;
use vagus_policy::Rule;

/// What a reason code means, without a full stop.
#[must_use]
pub const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::RepairWeight => "a strategy stands above its limit and is brought back inside",
        Reason::RepairIdle => "idle stands below its minimum and is filled up",
        Reason::RepairExitOnly => "a strategy that may only be left is being left",
        Reason::RepairGroup => "a group of strategies stands above its limit and is brought back",
        Reason::RepairFloor => "a strategy stands below its least weight and is filled up",
        Reason::RepairTarget => "a strategy stands outside the band around its target weight",
        Reason::Income => "the move earns more than it costs, by more than the hurdle",
        Reason::Person => "a person asked for it",
        Reason::Checkpoint => "the vault was not refreshed for about a day",
        Reason::Trim => "a strategy holds more than it may, and is withdrawn from",
        Reason::FollowPrice => {
            "a strategy's price stands far from the guard's reference, which follows it"
        }
        Reason::Activate => "a policy has waited for its delay, and is put in force",
        Reason::Optimal => "no move would earn more",
        Reason::BelowHurdle => "the best move does not earn its costs and the hurdle",
        Reason::WithinBand => "every strategy stands inside the band around its target weight",
        Reason::RepairBlocked => "something is outside its limits, and nothing can be moved",
        Reason::Cooldown => "the last rebalance is too recent",
        Reason::TurnoverSpent => "the turnover budget allows no useful move",
        Reason::LossSpent => "the loss budget allows no useful move",
        Reason::ModeClosed => "the guardian or the policy has closed the treasury to agents",
        Reason::NoMandate => "the agent has no mandate, or it was revoked or has expired",
        Reason::NoPolicy => "no policy is in force",
        Reason::NoCapital => "the vault holds nothing yet, or nothing of it is seasoned",
        Reason::NoNativePrice => "what gas costs in the asset is not known",
        Reason::NoHistory => {
            "the past of a strategy's share price is too short to say what it earns"
        }
        Reason::Unreadable => "a strategy cannot be read",
        Reason::RuleRefuses => "a rule of the guard would refuse the plan",
        Reason::SimulationFailed => "the exact transaction failed when it was simulated",
        Reason::InFlight => "a rebalance of this vault is not confirmed yet",
        Reason::VaultUnread => "the vault could not be read",
        Reason::PolicyUnread => "the policy in force could not be read",
        Reason::EndpointsDisagree => "endpoints answer differently",
        Reason::NoQuorum => "too few endpoints have answered",
        Reason::StaleHead => "the chain has had no new block for too long",
        Reason::DeepReorg => "more blocks were replaced than the window for reorganisations",
        Reason::Paused => "a person paused the vault",
        Reason::ModelMistrust => "too much went otherwise than expected; a person has to look",
        Reason::FeeBudgetSpent => "the daily fee budget allows no further transaction",
        Reason::TooManyInFlight => "the key has as many transactions in flight as it may",
        Reason::SignerFailed => "what signs for the key does not answer, or refuses",
    }
}

/// What would have to change for a hold to end, as a sentence.
#[must_use]
pub const fn would_have_to_change(reason: Reason) -> &'static str {
    match reason {
        Reason::RepairWeight
        | Reason::RepairIdle
        | Reason::RepairExitOnly
        | Reason::RepairGroup
        | Reason::RepairFloor
        | Reason::RepairTarget
        | Reason::Income => "",
        Reason::Person
        | Reason::Checkpoint
        | Reason::Trim
        | Reason::FollowPrice
        | Reason::Activate => "",
        Reason::Optimal => "Rates, limits or capital would have to change.",
        Reason::BelowHurdle => {
            "Rates would have to differ more, or gas, costs or the policy's hurdle be lower."
        }
        Reason::WithinBand => "Weights would have to leave their bands.",
        Reason::RepairBlocked => {
            "Liquidity, a price or a limit that is in the way would have to change; see the limits."
        }
        Reason::Cooldown => "Time has to pass: the policy's cooldown is not over.",
        Reason::TurnoverSpent => {
            "Time has to pass: the turnover budget fills up evenly over its window."
        }
        Reason::LossSpent => "Time has to pass: the loss budget fills up evenly over its window.",
        Reason::ModeClosed => {
            "Governance would have to put the mode back to active by a new policy."
        }
        Reason::NoMandate => "Governance would have to give this agent a mandate by a new policy.",
        Reason::NoPolicy => "Governance would have to adopt a policy.",
        Reason::NoCapital => "Somebody would have to deposit, or the deposits to season.",
        Reason::NoNativePrice => "The keeper's configuration would have to name a price.",
        Reason::NoHistory => {
            "Time has to pass, or an endpoint with old states to answer: a sample is taken each hour."
        }
        Reason::Unreadable => {
            "The strategy would have to answer again, or governance to write it off."
        }
        Reason::RuleRefuses => "What the rule looks at would have to change; see the refusal.",
        Reason::SimulationFailed => {
            "What the simulation met would have to change; see its message."
        }
        Reason::InFlight => "The rebalance under way has to be mined, or to expire.",
        Reason::VaultUnread => "The lens would have to read the vault within the gas of a page.",
        Reason::PolicyUnread => "An endpoint with the logs of the policy's block has to answer.",
        Reason::EndpointsDisagree => {
            "A person has to find out which endpoint is wrong, or it has to come to agree."
        }
        Reason::NoQuorum => "More endpoints have to answer, or the quorum to be lower.",
        Reason::StaleHead => "The chain has to go on, or an endpoint that follows it to answer.",
        Reason::DeepReorg => "Nothing: the next block is decided again.",
        Reason::Paused | Reason::ModelMistrust => "A person has to resume it: keeper resume.",
        Reason::FeeBudgetSpent => {
            "Time has to pass: what was paid leaves the budget a day later. Or the budget has to be higher."
        }
        Reason::TooManyInFlight => "One of the transactions in flight has to be mined.",
        Reason::SignerFailed => "The signer has to sign again.",
    }
}

/// Why a rebalance reverted.
#[must_use]
pub const fn revert(cause: RevertCause) -> &'static str {
    match cause {
        RevertCause::OtherAgent => "another rebalance of the vault came first",
        RevertCause::Exit => "somebody took assets out first",
        RevertCause::Entry => "somebody brought assets in first",
        RevertCause::Price => "prices or the liquidity of a venue had moved",
        RevertCause::Governance => "policy, mode or mandate had changed",
        RevertCause::Deadline => "it was mined after its deadline",
        RevertCause::Ours => "nobody else is to blame: a person should look",
    }
}

/// What a rule is about.
#[must_use]
pub const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Mode => "the treasury's mode",
        Rule::Mandate => "the agent's mandate",
        Rule::Scope => "the agent's scope",
        Rule::Freshness => "the freshness of the plan",
        Rule::Cooldown => "the cooldown",
        Rule::Shape => "the shape of the plan",
        Rule::Turnover => "the turnover budget",
        Rule::Weight => "the largest weight",
        Rule::Group => "the largest weight of a group",
        Rule::Floor => "the smallest weight",
        Rule::Idle => "the smallest idle",
        Rule::Loss => "the loss budget",
        Rule::Price => "the price band",
        Rule::Objective => "the target weights",
    }
}

/// What a limit is about.
#[must_use]
pub const fn limiting(limiting: Limiting) -> &'static str {
    match limiting {
        Limiting::Rule(of) => rule(of),
        Limiting::VenueLiquidity => "what the venue can pay out now",
        Limiting::VenueCap => "what the venue takes in now",
        Limiting::SmallestMove => "the smallest move worth making",
        Limiting::Hurdle => "the hurdle",
        Limiting::Samples => "the samples of its past",
    }
}
