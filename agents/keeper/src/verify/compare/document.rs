//! The policy: what is declared, what is in force, and what the vault itself has of it.

use alloy::primitives::{Address, B256};
use vagus_policy::{Mode, Policy, StrategyStatus, toml::write};

use super::{
    super::{
        declared::DeclaredVault,
        facts::{Settings, VaultFacts},
        terms::terms,
    },
    Checks, NONE, UNREAD, nobody_or,
};

pub(super) fn policy(checks: &mut Checks<'_>, vault: &DeclaredVault, facts: &VaultFacts) {
    let word = |it: &B256| if it.is_zero() { NONE.to_owned() } else { it.to_string() };
    checks.same("policy that waits", &B256::ZERO, facts.pending.as_ref(), word);
    let expected = vault.policy.as_ref().map_or(vault.entry.policy_hash, vagus_policy::hash);
    let found = facts.in_force.map(|(_, hash, _)| hash);
    checks.same("policy in force", &expected, found.as_ref(), word);

    // What is declared, or, where only its hash is, what is in force under it.
    let document = vault.policy.as_ref().or(facts.policy.as_ref());
    let delay = document.map_or(vault.entry.ceilings.min_policy_delay_seconds, |document| {
        document.limits.policy_delay_seconds
    });
    let found = facts.policy_delay_seconds;
    checks.same("policy_delay in force", &delay, found.as_ref(), |it| write::duration(*it));
    let mode = document.map_or(Mode::Paused, |document| document.limits.mode);
    checks.same("mode in force", &mode, facts.mode.as_ref(), |it| write::mode(*it).to_owned());
    let Some(document) = document else { return };
    if vault.policy.is_some() {
        limits(checks, vault, document, facts.policy.as_ref());
    }
    settings(checks, vault, document, facts);
    for (agent, holds) in &facts.mandates {
        let found = match holds {
            None => UNREAD,
            Some(true) => "in force",
            Some(false) => "revoked, resigned or never given",
        };
        let subject = format!("mandate of {}", vault.context.account(*agent));
        checks.put(subject, *holds == Some(true), "in force".to_owned(), found.to_owned());
    }
}

/// Term by term what is declared beside the document in force. What only one of them has is told too.
fn limits(
    checks: &mut Checks<'_>,
    vault: &DeclaredVault,
    document: &Policy,
    found: Option<&Policy>,
) {
    let declared = terms(document, &vault.context);
    let in_force = found.map(|found| terms(found, &vault.context)).unwrap_or_default();
    for (of, key, expected) in &declared {
        let found = in_force.iter().find(|(other, named, _)| other == of && named == key);
        let found = found.map(|(_, _, value)| value);
        checks.same(
            format!("{of}, {key}"),
            expected,
            found.or(Some(&NONE.to_owned())),
            Clone::clone,
        );
    }
    for (of, key, value) in &in_force {
        if !declared.iter().any(|(other, named, _)| other == of && named == key) {
            checks.put(format!("{of}, {key}"), false, NONE.to_owned(), value.clone());
        }
    }
}

/// What the vault itself has of the document.
fn settings(checks: &mut Checks<'_>, vault: &DeclaredVault, document: &Policy, facts: &VaultFacts) {
    let limits = &document.limits;
    let expected = Settings {
        max_growth_wad: limits.max_growth_wad,
        max_drawdown_bps: limits.max_drawdown_bps,
        entry_halt_seconds: limits.entry_halt_seconds,
        seasoning_seconds: limits.seasoning_seconds,
        max_nav_age_seconds: limits.max_nav_age_seconds,
        deposit_cap: limits.deposit_cap,
        management_fee_bps: limits.management_fee_bps,
        performance_fee_bps: limits.performance_fee_bps,
        fee_recipient: limits.fee_recipient,
    };
    let context = &vault.context;
    checks.same("settings of the vault", &expected, facts.settings.as_ref(), |it| {
        format!(
            "growth {}, drawdown {} in {}, seasoning {}, NAV {} old, cap {}, fees {} and {} to {}",
            write::growth(it.max_growth_wad),
            write::percent(it.max_drawdown_bps),
            write::duration(it.entry_halt_seconds),
            write::duration(it.seasoning_seconds),
            write::duration(it.max_nav_age_seconds),
            context.amount(it.deposit_cap),
            write::percent(it.management_fee_bps),
            write::percent(it.performance_fee_bps),
            nobody_or(it.fee_recipient)
        )
    });
    let number = |status| match status {
        StrategyStatus::Active => 0,
        StrategyStatus::ExitOnly => 1,
        StrategyStatus::WrittenOff => 2,
    };
    let expected: Vec<(Address, u8)> =
        document.strategies.iter().map(|entry| (entry.strategy, number(entry.status))).collect();
    checks.same("exit list of the vault", &expected, facts.exit_list.as_ref(), |list| {
        let words = ["", " (exit only)", " (written off)"];
        let told: Vec<String> = list
            .iter()
            .map(|(strategy, status)| {
                let word = words.get(usize::from(*status)).unwrap_or(&" (unknown)");
                format!("{}{word}", context.account(*strategy))
            })
            .collect();
        if told.is_empty() { NONE.to_owned() } else { told.join(", ") }
    });
}
