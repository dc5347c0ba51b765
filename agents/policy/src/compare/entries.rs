//! Lists: strategies, groups and agents, each entry known by its address or name.

use super::{Changes, Effect, InForce, is_status_tighter, lower};
use crate::{
    document::{AgentPolicy, GroupPolicy, Policy, StrategyPolicy},
    groups::groups_of,
    toml::{Context, write},
};

/// Pairs two lists by what their entries are known by: notes what is new, gone or in another order, and gives back what is
/// in both.
fn paired<'a, T, K: PartialEq>(
    found: &mut Changes<'_>,
    (list, kind): (&str, &str),
    now: &[&'a T],
    next: &[&'a T],
    key: impl Fn(&T) -> K,
    name: impl Fn(&T) -> String,
    describe: impl Fn(&T, bool) -> String,
) -> Vec<(String, &'a T, &'a T)> {
    let mut both = Vec::new();
    for &entry in now {
        let of = format!("{kind} {}", name(entry));
        match next.iter().find(|other| key(other) == key(entry)) {
            Some(&other) => both.push((of, entry, other)),
            None => {
                let before = Some(describe(entry, false));
                found.push((&of, "entry"), before, None, Effect::Waits);
            }
        }
    }
    for &entry in next {
        if !now.iter().any(|other| key(other) == key(entry)) {
            let of = format!("{kind} {}", name(entry));
            found.push((&of, "entry"), None, Some(describe(entry, true)), Effect::Waits);
        }
    }
    let kept = |list: &[&T], other: &[&T]| -> Vec<String> {
        let kept = list.iter().filter(|entry| other.iter().any(|it| key(it) == key(entry)));
        kept.map(|entry| name(entry)).collect()
    };
    let (before, after) = (kept(now, next), kept(next, now));
    if before != after {
        let told = |names: Vec<String>| Some(names.join(", "));
        found.push((list, "order"), told(before), told(after), Effect::Waits);
    }
    both
}

fn group_names(policy: &Policy, entry: &StrategyPolicy) -> String {
    let names: Vec<String> = groups_of(entry.groups)
        .map(|place| {
            policy
                .groups
                .get(place)
                .map_or_else(|| format!("group {place}"), |group| write::group_name(group.name))
        })
        .collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

pub(super) fn strategies(found: &mut Changes<'_>, now: &Policy, next: &Policy) {
    let context = found.context;
    let list = |policy| -> Vec<&StrategyPolicy> { list_of(policy) };
    let describe = |entry: &StrategyPolicy, is_next: bool| {
        let policy = if is_next { next } else { now };
        format!(
            "{}, at most {} and {}, at least {}, band {}, reference {} for {} shares, groups {}",
            write::status(entry.status),
            write::percent(entry.max_weight_bps),
            context.amount(entry.cap),
            write::percent(entry.min_weight_bps),
            write::percent(entry.price_band_bps),
            context.amount(entry.reference_assets),
            context.shares(entry.strategy, entry.reference_shares),
            group_names(policy, entry)
        )
    };
    let both = paired(
        found,
        ("strategies", "strategy"),
        &list(now),
        &list(next),
        |entry| entry.strategy,
        |entry| context.account(entry.strategy),
        describe,
    );
    for (of, before, after) in both {
        let at = |key| (of.as_str(), key);
        let status = (before.status, after.status);
        found.note(at("status"), status, is_status_tighter, |it| write::status(it).to_owned());
        let most = (before.max_weight_bps, after.max_weight_bps);
        found.note(at("max_weight"), most, lower, write::percent);
        let least = (before.min_weight_bps, after.min_weight_bps);
        found.waits(at("min_weight"), least, write::percent);
        found.note(at("cap"), (before.cap, after.cap), lower, |it| context.amount(it));
        let band = (before.price_band_bps, after.price_band_bps);
        found.waits(at("price_band"), band, write::percent);
        let reference = |it: &StrategyPolicy| (it.reference_assets, it.reference_shares);
        found.waits(at("reference"), (reference(before), reference(after)), |(assets, shares)| {
            let shares = context.shares(before.strategy, shares);
            format!("{} for {shares} shares", context.amount(assets))
        });
        let (names, others) = (group_names(now, before), group_names(next, after));
        if names != others {
            found.push(at("groups"), Some(names), Some(others), Effect::Waits);
        }
    }
}

fn list_of(policy: &Policy) -> Vec<&StrategyPolicy> {
    policy.strategies.iter().collect()
}

pub(super) fn groups(found: &mut Changes<'_>, now: &[GroupPolicy], next: &[GroupPolicy]) {
    let context = found.context;
    let describe = |group: &GroupPolicy, _| {
        let cap = context.amount(group.cap);
        format!("at most {} and {cap}", write::percent(group.max_weight_bps))
    };
    let both = paired(
        found,
        ("groups", "group"),
        &now.iter().collect::<Vec<_>>(),
        &next.iter().collect::<Vec<_>>(),
        |group| group.name,
        |group| write::group_name(group.name),
        describe,
    );
    for (of, before, after) in both {
        let most = (before.max_weight_bps, after.max_weight_bps);
        found.note((&of, "max_weight"), most, lower, write::percent);
        found.note((&of, "cap"), (before.cap, after.cap), lower, |it| context.amount(it));
    }
}

fn scope(context: &Context, policy: &Policy, scope: u32) -> Vec<String> {
    let strategies = policy.strategies.iter().enumerate();
    let reached = strategies.filter(|(place, _)| *place < 32 && scope >> place & 1 == 1);
    reached.map(|(_, entry)| context.account(entry.strategy)).collect()
}

fn told(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

pub(super) fn agents(found: &mut Changes<'_>, in_force: InForce<'_>, next: &Policy) {
    let context = found.context;
    let now = in_force.policy;
    let describe = |agent: &AgentPolicy, is_next: bool| {
        let policy = if is_next { next } else { now };
        format!(
            "until {}, {}, turnover {}, loss {}",
            write::time(agent.expires_at),
            told(&scope(context, policy, agent.scope)),
            write::percent(agent.max_turnover_bps),
            write::percent(agent.max_loss_bps)
        )
    };
    let both = paired(
        found,
        ("agents", "agent"),
        &in_force.agents().collect::<Vec<_>>(),
        &next.agents.iter().collect::<Vec<_>>(),
        |agent| agent.agent,
        |agent| context.account(agent.agent),
        describe,
    );
    for (of, before, after) in both {
        let at = |key| (of.as_str(), key);
        let expiry = (before.expires_at, after.expires_at);
        found.note(at("expires"), expiry, lower, write::time);
        let (names, others) =
            (scope(context, now, before.scope), scope(context, next, after.scope));
        if names != others {
            // In another order of strategies it is another change already.
            let is_narrower = others.iter().all(|name| names.contains(name));
            let effect = if is_narrower { Effect::AtOnce } else { Effect::Waits };
            found.push(at("scope"), Some(told(&names)), Some(told(&others)), effect);
        }
        let turnover = (before.max_turnover_bps, after.max_turnover_bps);
        found.note(at("max_turnover"), turnover, lower, write::percent);
        found.note(
            at("max_loss"),
            (before.max_loss_bps, after.max_loss_bps),
            lower,
            write::percent,
        );
    }
}
