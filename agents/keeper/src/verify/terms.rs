//! A policy as a list of single terms, each with its key and its value as a file writes them.

use vagus_policy::{
    Policy,
    groups::groups_of,
    toml::{Context, write},
};

/// One term: whose, which, and what it says.
pub(super) type Term = (String, &'static str, String);

/// Every term of a document, in its order. Strategies, groups and agents are known by their names, and their order is a term
/// of its own.
pub(super) fn terms(policy: &Policy, context: &Context) -> Vec<Term> {
    let mut terms = limits(policy, context);
    terms.extend(strategies(policy, context));
    terms.extend(groups(policy, context));
    terms.extend(agents(policy, context));
    terms.extend(objective(policy, context));
    terms
}

fn limits(policy: &Policy, context: &Context) -> Vec<Term> {
    let it = &policy.limits;
    let terms = [
        ("mode", write::mode(it.mode).to_owned()),
        ("cooldown", write::duration(it.cooldown_seconds)),
        ("window", write::duration(it.window_seconds)),
        ("max_turnover", write::percent(it.max_turnover_bps)),
        ("max_loss", write::percent(it.max_loss_bps)),
        ("min_idle", write::percent(it.min_idle_bps)),
        ("max_growth", write::growth(it.max_growth_wad)),
        ("max_drawdown", write::percent(it.max_drawdown_bps)),
        ("entry_halt", write::duration(it.entry_halt_seconds)),
        ("seasoning", write::duration(it.seasoning_seconds)),
        ("max_nav_age", write::duration(it.max_nav_age_seconds)),
        ("policy_delay", write::duration(it.policy_delay_seconds)),
        ("deposit_cap", context.amount(it.deposit_cap)),
        ("management_fee", write::percent(it.management_fee_bps)),
        ("performance_fee", write::percent(it.performance_fee_bps)),
        ("fee_recipient", context.account(it.fee_recipient)),
    ];
    let version = ("document".to_owned(), "schema_version", policy.schema_version.to_string());
    let limits = terms.into_iter().map(|(key, value)| ("limits".to_owned(), key, value));
    std::iter::once(version).chain(limits).collect()
}

fn strategies(policy: &Policy, context: &Context) -> Vec<Term> {
    let names: Vec<_> =
        policy.strategies.iter().map(|entry| context.account(entry.strategy)).collect();
    let mut terms = vec![("strategies".to_owned(), "order", told(names.clone()))];
    for (entry, name) in policy.strategies.iter().zip(names) {
        let groups = groups_of(entry.groups).map(|place| {
            let group = policy.groups.get(place);
            group.map_or_else(|| format!("group {place}"), |group| write::group_name(group.name))
        });
        let reference = format!(
            "{} for {} shares",
            context.amount(entry.reference_assets),
            context.shares(entry.strategy, entry.reference_shares)
        );
        let of = format!("strategy {name}");
        terms.extend(
            [
                ("status", write::status(entry.status).to_owned()),
                ("max_weight", write::percent(entry.max_weight_bps)),
                ("min_weight", write::percent(entry.min_weight_bps)),
                ("cap", context.amount(entry.cap)),
                ("price_band", write::percent(entry.price_band_bps)),
                ("reference", reference),
                ("groups", told(groups)),
            ]
            .map(|(key, value)| (of.clone(), key, value)),
        );
    }
    terms
}

fn groups(policy: &Policy, context: &Context) -> Vec<Term> {
    let names: Vec<_> = policy.groups.iter().map(|group| write::group_name(group.name)).collect();
    let mut terms = vec![("groups".to_owned(), "order", told(names.clone()))];
    for (group, name) in policy.groups.iter().zip(names) {
        let of = format!("group {name}");
        terms.push((of.clone(), "max_weight", write::percent(group.max_weight_bps)));
        terms.push((of, "cap", context.amount(group.cap)));
    }
    terms
}

fn agents(policy: &Policy, context: &Context) -> Vec<Term> {
    let names: Vec<_> = policy.agents.iter().map(|agent| context.account(agent.agent)).collect();
    let mut terms = vec![("agents".to_owned(), "order", told(names.clone()))];
    for (agent, name) in policy.agents.iter().zip(names) {
        let listed = policy.strategies.iter().enumerate();
        let scope = listed
            .filter(|(place, _)| *place < 32 && agent.scope >> place & 1 == 1)
            .map(|(_, entry)| context.account(entry.strategy));
        let of = format!("agent {name}");
        terms.extend(
            [
                ("expires", write::time(agent.expires_at)),
                ("scope", told(scope)),
                ("max_turnover", write::percent(agent.max_turnover_bps)),
                ("max_loss", write::percent(agent.max_loss_bps)),
            ]
            .map(|(key, value)| (of.clone(), key, value)),
        );
    }
    terms
}

fn objective(policy: &Policy, context: &Context) -> Vec<Term> {
    let it = &policy.objective;
    let targets = policy.strategies.iter().zip(&it.target_weights_bps).map(|(entry, bps)| {
        format!("{} {}", context.account(entry.strategy), write::percent(*bps))
    });
    [
        ("kind", write::objective(it.kind).to_owned()),
        ("hurdle", write::percent(it.hurdle_bps)),
        ("horizon", write::duration(it.horizon_seconds)),
        ("band", write::percent(it.band_bps)),
        ("target_weights", told(targets)),
    ]
    .map(|(key, value)| ("objective".to_owned(), key, value))
    .into()
}

fn told(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn context() -> Context {
        let strategies = ["aave_a", "aave_b", "morpho"];
        let mut context = Context::new("USDC", 6).with_account("keeper", [1; 20].into());
        for (name, byte) in strategies.into_iter().zip(2..) {
            context = context.with_strategy(name, [byte; 20].into(), 6);
        }
        context
    }

    fn policy() -> Policy {
        let text = include_str!("../../../policy/examples/demo.toml");
        vagus_policy::toml::parse(text, "demo.toml", &context()).unwrap()
    }

    /// Every single value of a document, and how to change it.
    fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), found));
            }
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(place, value)| leaves(value, &format!("{at}/{place}"), found)),
            _ => found.push(at.to_owned()),
        }
    }

    fn other(value: &Value) -> Value {
        match value {
            Value::Number(number) => Value::from(number.as_u64().unwrap() + 1),
            Value::String(text) => Value::from(match text.as_str() {
                "Active" => "Paused".to_owned(),
                "Yield" => "TargetWeights".to_owned(),
                text if text.starts_with("0x") => {
                    text.replacen("0x0", "0x9", 1).replacen("0x6", "0x7", 1)
                }
                amount => (amount.parse::<u128>().unwrap() + 1).to_string(),
            }),
            _ => panic!("{value}"),
        }
    }

    /// Whatever field the document gets, it has to appear among the terms.
    #[test]
    fn no_value_of_a_document_changes_without_a_term() {
        let policy = policy();
        let before = terms(&policy, &context());
        let document = serde_json::to_value(&policy).unwrap();
        let mut places = Vec::new();
        leaves(&document, "", &mut places);
        assert!(places.len() > 40, "{}", places.len());
        for place in places {
            let mut changed = document.clone();
            let value = changed.pointer_mut(&place).unwrap();
            let mut next = other(value);
            // A status has another word than a mode.
            if place.ends_with("/status") {
                next = "WrittenOff".into();
            }
            assert_ne!(*value, next, "{place}");
            *value = next;
            let changed: Policy = serde_json::from_value(changed).unwrap();
            assert_ne!(terms(&changed, &context()), before, "{place}");
        }
    }
}
