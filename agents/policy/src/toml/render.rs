//! From a policy to a file.

use std::fmt::Write as _;

use alloy_primitives::{Address, B256, hex};

use super::{
    Context, names,
    text::{write_bps, write_duration, write_time, write_wad},
    words,
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

/// The context without the names that a file cannot say.
pub(super) fn writable(context: &Context) -> Context {
    let mut context = context.clone();
    context.names.retain(|name, _| names::is_name(name));
    context
}

pub(super) fn policy(policy: &Policy, context: &Context, is_alone: bool) -> String {
    let mut lines = Lines { text: String::new() };
    lines.raw("schema_version", &policy.schema_version.to_string());
    // Lists without members have no header to stand under.
    if policy.strategies.is_empty() {
        lines.raw("strategies", "[]");
    }
    if policy.agents.is_empty() {
        lines.raw("agents", "[]");
    }
    if is_alone {
        explain(&mut lines, policy, context);
    }
    limits(&mut lines, &policy.limits, context);
    policy.strategies.iter().for_each(|entry| strategy(&mut lines, entry, policy, context));
    policy.groups.iter().for_each(|entry| group(&mut lines, entry, context));
    policy.agents.iter().for_each(|entry| agent(&mut lines, entry, policy, context));
    objective(&mut lines, &policy.objective, policy, context);
    lines.text
}

/// What the names and units of the file mean.
fn explain(lines: &mut Lines, policy: &Policy, context: &Context) {
    lines.header("[asset]");
    lines.quoted("symbol", &context.symbol);
    lines.raw("decimals", &context.decimals.to_string());
    let strategies = policy.strategies.iter().map(|entry| entry.strategy);
    let agents = policy.agents.iter().map(|entry| entry.agent);
    let accounts = strategies.chain(agents).chain([policy.limits.fee_recipient]);
    let mut named: Vec<(&str, Address)> = accounts
        .filter_map(|address| context.name_of(address).map(|name| (name, address)))
        .collect();
    named.dedup();
    if !named.is_empty() {
        lines.header("[names]");
    }
    let mut told: Vec<&str> = Vec::new();
    for (name, address) in named {
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        let checksummed = quote(&address.to_checksum(None));
        match context.share_decimals(address) {
            None => lines.raw(&quote(name), &checksummed),
            Some(decimals) => {
                let meaning = format!("{{ address = {checksummed}, decimals = {decimals} }}");
                lines.raw(&quote(name), &meaning);
            }
        }
    }
}

fn limits(lines: &mut Lines, limits: &Limits, context: &Context) {
    lines.header("[limits]");
    lines.quoted("mode", words::mode(limits.mode));
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
    lines.quoted("deposit_cap", &context.amount(limits.deposit_cap));
    lines.quoted("management_fee", &write_bps(limits.management_fee_bps));
    lines.quoted("performance_fee", &write_bps(limits.performance_fee_bps));
    lines.quoted("fee_recipient", &context.account(limits.fee_recipient));
}

fn strategy(lines: &mut Lines, entry: &StrategyPolicy, policy: &Policy, context: &Context) {
    lines.header("[[strategies]]");
    lines.quoted("strategy", &context.account(entry.strategy));
    lines.quoted("status", words::status(entry.status));
    lines.quoted("max_weight", &write_bps(entry.max_weight_bps));
    lines.quoted("min_weight", &write_bps(entry.min_weight_bps));
    lines.quoted("cap", &context.amount(entry.cap));
    lines.quoted("price_band", &write_bps(entry.price_band_bps));
    let shares = context.shares(entry.strategy, entry.reference_shares);
    let assets = context.amount(entry.reference_assets);
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
    lines.quoted("cap", &context.amount(group.cap));
}

fn agent(lines: &mut Lines, agent: &AgentPolicy, policy: &Policy, context: &Context) {
    lines.header("[[agents]]");
    lines.quoted("agent", &context.account(agent.agent));
    lines.quoted("expires", &write_time(agent.expires_at));
    let name = |place: usize| match policy.strategies.get(place) {
        Some(entry) => context.account(entry.strategy),
        None => format!("strategy {place}"),
    };
    lines.raw("scope", &list(agent.scope, name));
    lines.quoted("max_turnover", &write_bps(agent.max_turnover_bps));
    lines.quoted("max_loss", &write_bps(agent.max_loss_bps));
}

fn objective(lines: &mut Lines, objective: &Objective, policy: &Policy, context: &Context) {
    lines.header("[objective]");
    lines.quoted("kind", words::objective(objective.kind));
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
            format!("{} = {}", quote(&context.account(entry.strategy)), quote(&write_bps(*bps)))
        })
        .collect();
    lines.raw("target_weights", &format!("{{ {} }}", weights.join(", ")));
}

/// The name of a group as it stands in a document: text, or its bytes in hexadecimal if they are none.
#[must_use]
pub fn group_name(name: B256) -> String {
    let bytes = name.as_slice();
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let bytes = bytes.get(..end).unwrap_or_default();
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with("0x") => text.to_owned(),
        _ => format!("0x{}", hex::encode(bytes)),
    }
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
