//! Agents: whether each has room to do anything, and whether their budgets mean what they say.

use super::{Code, Review};
use crate::{
    document::{AgentPolicy, StrategyStatus},
    toml::write,
};

pub(super) fn agents(review: &mut Review<'_>) {
    let policy = review.policy;
    for (place, agent) in policy.agents.iter().enumerate() {
        room(review, place, agent);
        beyond(review, place, agent);
    }
    let sums = [
        (
            "max_turnover",
            policy.limits.max_turnover_bps,
            policy.agents.iter().map(|agent| u32::from(agent.max_turnover_bps)).sum::<u32>(),
        ),
        (
            "max_loss",
            policy.limits.max_loss_bps,
            policy.agents.iter().map(|agent| u32::from(agent.max_loss_bps)).sum(),
        ),
    ];
    for (name, vault, sum) in sums {
        // With one agent it is the budget itself, which is told of already.
        if policy.agents.len() > 1 && sum > u32::from(vault) {
            let problem = format!(
                "is {}, and the agents' budgets come to {}: one agent can use up what another needs",
                write::percent(vault),
                write::percent(u16::try_from(sum).unwrap_or(u16::MAX))
            );
            let advice = format!("lower {name} of an agent, unless they are to take turns");
            review.warning(Code::AgentBudgetsTogether, format!("limits.{name}"), problem, advice);
        }
    }
}

fn room(review: &mut Review<'_>, place: usize, agent: &AgentPolicy) {
    let key = |name: &str| format!("agents[{place}].{name}");
    let code = Code::AgentWithoutRoom;
    if let Some(at) = review.facts.at
        && agent.expires_at <= at
    {
        let problem = format!("is over: {}", write::time(agent.expires_at));
        review.error(code, key("expires"), problem, "name a time to come, or leave the agent out");
    }
    let strategies = review.policy.strategies.iter().enumerate();
    let scope: Vec<_> = strategies
        .filter(|(place, _)| *place < 32 && agent.scope >> place & 1 == 1)
        .map(|(_, entry)| entry)
        .collect();
    if scope.is_empty() {
        let problem = "is empty: the agent may touch nothing";
        review.error(code, key("scope"), problem, "name strategies, or leave the agent out");
    } else if scope.iter().all(|entry| entry.status == StrategyStatus::WrittenOff) {
        let problem = "holds only what is written off, which nobody may touch";
        review.error(code, key("scope"), problem, "name other strategies, or leave the agent out");
    }
    if agent.max_turnover_bps == 0 {
        let problem = "is zero: the agent may move nothing";
        review.error(code, key("max_turnover"), problem, "allow some, or leave the agent out");
    }
    if agent.max_loss_bps == 0 {
        let problem = "is zero: a move that loses one unit to rounding is refused";
        review.error(code, key("max_loss"), problem, "allow some, such as \"0.1 %\"");
    }
}

fn beyond(review: &mut Review<'_>, place: usize, agent: &AgentPolicy) {
    let limits = &review.policy.limits;
    let budgets = [
        ("max_turnover", agent.max_turnover_bps, limits.max_turnover_bps),
        ("max_loss", agent.max_loss_bps, limits.max_loss_bps),
    ];
    for (name, own, vault) in budgets {
        if own > vault {
            let problem = format!(
                "is {}, more than the {} of the whole vault, which binds first",
                write::percent(own),
                write::percent(vault)
            );
            let advice = format!("at most limits.{name}");
            let key = format!("agents[{place}].{name}");
            review.warning(Code::AgentBudgetBeyondVault, key, problem, advice);
        }
    }
}
