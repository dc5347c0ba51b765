//! From a policy to a file.

use std::fmt::Write as _;

use alloy_primitives::{Address, B256};

use super::{
    Context,
    read::{KINDS, MODES, STATUSES},
    text::{unscaled, write_amount, write_bps, write_duration, write_time, write_wad},
};
use crate::document::{AgentPolicy, GroupPolicy, Limits, Objective, Policy, StrategyPolicy};

/// Lines of a file. Writing to a string cannot fail, so no result is looked at.
struct Lines {
    text: String,
}

impl Lines {
    fn header(&mut self, header: &str) {
        let _ = writeln!(self.text, "\n{header}");
    }

    fn raw(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.text, "{key} = {value}");
    }

    fn quoted(&mut self, key: &str, value: &str) {
        self.raw(key, &quote(value));
    }
}

pub(super) fn policy(policy: &Policy, context: &Context) -> String {
    let mut lines = Lines { text: String::new() };
    lines.raw("schema_version", &policy.schema_version.to_string());
    // Lists without members have no header to stand under.
    if policy.strategies.is_empty() {
        lines.raw("strategies", "[]");
    }
    if policy.agents.is_empty() {
        lines.raw("agents", "[]");
    }
    limits(&mut lines, &policy.limits, context);
    policy.strategies.iter().for_each(|entry| strategy(&mut lines, entry, policy, context));
    policy.groups.iter().for_each(|entry| group(&mut lines, entry, context));
    policy.agents.iter().for_each(|entry| agent(&mut lines, entry, policy, context));
    objective(&mut lines, &policy.objective, policy, context);
    lines.text
}

fn limits(lines: &mut Lines, limits: &Limits, context: &Context) {
    lines.header("[limits]");
    lines.quoted("mode", word(&MODES, limits.mode));
    lines.quoted("cooldown", &write_duration(limits.cooldown_seconds));
    lines.quoted("window", &write_duration(limits.window_seconds));
    lines.quoted("max_turnover", &write_bps(limits.max_turnover_bps));
    lines.quoted("max_loss", &write_bps(limits.max_loss_bps));
    lines.quoted("min_idle", &write_bps(limits.min_idle_bps));
    lines.quoted("max_growth", &write_wad(limits.max_growth_wad));
    lines.quoted("max_drawdown", &write_bps(limits.max_drawdown_bps));
    lines.quoted("entry_halt", &write_duration(limits.entry_halt_seconds));
    lines.quoted("seasoning", &write_duration(limits.seasoning_seconds));
    lines.quoted("max_nav_age", &write_duration(limits.max_nav_age_seconds));
    lines.quoted("policy_delay", &write_duration(limits.policy_delay_seconds));
    lines.quoted("deposit_cap", &amount(limits.deposit_cap, context));
    lines.quoted("management_fee", &write_bps(limits.management_fee_bps));
    lines.quoted("performance_fee", &write_bps(limits.performance_fee_bps));
    lines.quoted("fee_recipient", &account(limits.fee_recipient, context));
}

fn strategy(lines: &mut Lines, entry: &StrategyPolicy, policy: &Policy, context: &Context) {
    lines.header("[[strategies]]");
    lines.quoted("strategy", &account(entry.strategy, context));
    lines.quoted("status", word(&STATUSES, entry.status));
    lines.quoted("max_weight", &write_bps(entry.max_weight_bps));
    lines.quoted("min_weight", &write_bps(entry.min_weight_bps));
    lines.quoted("cap", &amount(entry.cap, context));
    lines.quoted("price_band", &write_bps(entry.price_band_bps));
    let shares = match context.share_decimals(entry.strategy) {
        Some(decimals) => unscaled(entry.reference_shares, u32::from(decimals)),
        None => write_amount(entry.reference_shares, "units", 0),
    };
    let assets = amount(entry.reference_assets, context);
    let reference = format!("{{ assets = {}, shares = {} }}", quote(&assets), quote(&shares));
    lines.raw("reference", &reference);
    if entry.groups != 0 {
        let name = |place: usize| match policy.groups.get(place) {
            Some(group) => group_name(group.name),
            None => format!("group {place}"),
        };
        lines.raw("groups", &list(u32::from(entry.groups), name));
    }
}

fn group(lines: &mut Lines, group: &GroupPolicy, context: &Context) {
    lines.header("[[groups]]");
    lines.quoted("name", &group_name(group.name));
    lines.quoted("max_weight", &write_bps(group.max_weight_bps));
    lines.quoted("cap", &amount(group.cap, context));
}

fn agent(lines: &mut Lines, agent: &AgentPolicy, policy: &Policy, context: &Context) {
    lines.header("[[agents]]");
    lines.quoted("agent", &account(agent.agent, context));
    lines.quoted("expires", &write_time(agent.expires_at));
    let name = |place: usize| match policy.strategies.get(place) {
        Some(entry) => account(entry.strategy, context),
        None => format!("strategy {place}"),
    };
    lines.raw("scope", &list(agent.scope, name));
    lines.quoted("max_turnover", &write_bps(agent.max_turnover_bps));
    lines.quoted("max_loss", &write_bps(agent.max_loss_bps));
}

fn objective(lines: &mut Lines, objective: &Objective, policy: &Policy, context: &Context) {
    lines.header("[objective]");
    lines.quoted("kind", word(&KINDS, objective.kind));
    lines.quoted("hurdle", &write_bps(objective.hurdle_bps));
    lines.quoted("horizon", &write_duration(objective.horizon_seconds));
    lines.quoted("band", &write_bps(objective.band_bps));
    if objective.target_weights_bps.is_empty() {
        return;
    }
    let weights: Vec<_> = policy
        .strategies
        .iter()
        .zip(&objective.target_weights_bps)
        .map(|(entry, bps)| {
            format!("{} = {}", quote(&account(entry.strategy, context)), quote(&write_bps(*bps)))
        })
        .collect();
    lines.raw("target_weights", &format!("{{ {} }}", weights.join(", ")));
}

fn amount(assets: u128, context: &Context) -> String {
    write_amount(assets, &context.symbol, u32::from(context.decimals))
}

/// The name, unless a reader would take it for something else.
fn account(address: Address, context: &Context) -> String {
    match context.name_of(address) {
        Some(name) if !name.starts_with("0x") && !name.starts_with("${") => name.to_owned(),
        _ => address.to_checksum(None),
    }
}

fn group_name(name: B256) -> String {
    let bytes = name.as_slice();
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: T) -> &'static str {
    // Every member of the three enums has a word.
    words.iter().find(|(_, other)| *other == meaning).map_or("", |(word, _)| word)
}

fn list(mask: u32, name: impl Fn(usize) -> String) -> String {
    let names: Vec<_> =
        (0..32).filter(|place| mask >> place & 1 == 1).map(|place| quote(&name(place))).collect();
    format!("[{}]", names.join(", "))
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
