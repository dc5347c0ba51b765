//! Decisions in tables.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use anstyle::Style;
use vagus_allocator::Action;
use vagus_journal::{Body, Outcome, OutcomeState, ShadowNotes};
use vagus_policy::{Move, Snapshot};

use super::{
    number::{assets, decimal, grouped, short, time},
    table::table,
};
use crate::{
    journal::{Listed, Shown},
    words,
};

const STRONG: Style = Style::new().bold();

/// An outcome in one word.
const fn outcome(state: OutcomeState) -> &'static str {
    match state {
        OutcomeState::Held => "held",
        OutcomeState::SimulationFailed => "not sent",
        OutcomeState::Submitted => "sent",
        OutcomeState::Included => "mined",
        OutcomeState::Executed => "final",
        OutcomeState::Reverted => "REVERTED",
        OutcomeState::Cancelled => "taken back",
        OutcomeState::Expired => "expired",
        OutcomeState::Foreign => "FOREIGN NONCE",
        OutcomeState::Proposed => "proposed",
        OutcomeState::InShadow | OutcomeState::Shadowed => "shadow",
    }
}

pub(super) fn blocks(first: u64, last: u64) -> String {
    if first == last { first.to_string() } else { format!("{first}–{last}") }
}

/// A list, newest first.
#[must_use]
pub fn list(lines: &[Listed]) -> String {
    if lines.is_empty() {
        return "No decisions that fit.".to_owned();
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let came = match (line.outcome, line.is_orphaned) {
                (_, true) => "orphaned",
                (None, _) => "goes on",
                (Some(state), _) => outcome(state),
            };
            vec![
                line.vault.clone(),
                short(line.decision),
                if line.is_rebalance { "rebalance" } else { "hold" }.to_owned(),
                format!("{:?}", line.reason),
                came.to_owned(),
                blocks(line.first_block, line.last_block),
                time(line.last_block_at),
            ]
        })
        .collect();
    table(&["Vault", "Decision", "What", "Reason", "Outcome", "Blocks", "Last at"], &rows)
}

/// A decision on one page. `names` are the configuration's for strategies.
#[must_use]
pub fn show(shown: &Shown, names: &BTreeMap<Address, String>) -> String {
    let mut page = vec![header(shown)];
    let seen = &shown.record.last();
    let moves = match &shown.record.body {
        Body::Rebalance { rebalance, .. } => Some(&rebalance.moves),
        Body::Upkeep { .. } => None,
        Body::Hold { .. } => match &seen.decision.action {
            Action::Rebalance { moves } => Some(moves),
            Action::Hold { .. } => None,
        },
    };
    if let Some(list) = moves {
        page.push(legs(list, &seen.snapshot, names));
    }
    if !seen.checks.is_empty() {
        page.push(checks(shown));
    }
    if let Some(last) = shown.outcomes.last() {
        page.push(came_of_it(last, &seen.snapshot, names));
    }
    page.join("\n\n")
}

fn header(shown: &Shown) -> String {
    let (record, header) = (&shown.record, &shown.record.header);
    let (first, last) = (record.first().block(), record.last().block());
    let decision = &record.last().decision;
    let what = if record.is_hold() { "hold" } else { "rebalance" };
    let mut rows = vec![
        ("Decision", shown.decision.to_string()),
        ("What", format!("{what}, {:?}: {}", record.reason(), words::reason(record.reason()))),
        ("Vault", format!("{} on chain {}", header.vault, header.chain_id)),
        ("Place", format!("{}, after {}", shown.sequence, short(record.previous))),
        ("Agent", header.agent.to_string()),
        (
            "Blocks",
            format!(
                "{} ({} decided), last at {}",
                blocks(first.number, last.number),
                record.blocks(),
                time(last.timestamp)
            ),
        ),
        ("Policy", format!("version {} ({})", header.policy_version, short(header.policy_hash))),
        (
            "By",
            format!(
                "algorithm {}, lens {} ({})",
                header.algorithm_version,
                header.lens,
                short(header.lens_code_hash)
            ),
        ),
    ];
    if let Some(binding) = decision.bindings.first() {
        rows.push(("Limit", words::limiting(binding.limiting).to_owned()));
    }
    if let Some(refusal) = &decision.refusal {
        rows.push(("Refusal", refusal.to_string()));
    }
    rows.iter()
        .map(|(key, value)| format!("{STRONG}{key:<9}{STRONG:#} {value}"))
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn legs(
    moves: &[Move],
    snapshot: &Snapshot,
    names: &BTreeMap<Address, String>,
) -> String {
    let rows: Vec<Vec<String>> = moves
        .iter()
        .map(|leg| {
            let strategy = snapshot.vault.strategies.get(usize::from(leg.index));
            let name = strategy.map_or_else(
                || format!("strategy {}", leg.index),
                |known| names.get(&known.strategy).unwrap_or(&known.symbol).clone(),
            );
            let asset = &snapshot.vault.asset;
            let amount = match leg.assets {
                vagus_policy::ALL_ASSETS => "all of it".to_owned(),
                some => assets(U256::from(some), asset),
            };
            vec![name, if leg.is_deposit { "into" } else { "out of" }.to_owned(), amount]
        })
        .collect();
    table(&["Strategy", "Move", "Assets"], &rows)
}

fn checks(shown: &Shown) -> String {
    let rows: Vec<Vec<String>> = shown
        .record
        .last()
        .checks
        .iter()
        .map(|check| {
            vec![
                format!("R{} {}", check.rule as u8, words::rule(check.rule)),
                check.observed.to_string(),
                check.limit.to_string(),
                if check.is_met { "yes" } else { "NO" }.to_owned(),
            ]
        })
        .collect();
    table(&["Rule", "Observed", "Limit", "Met"], &rows)
}

/// What a shadow's plan would have come to, beside where the vault came to without it.
fn in_shadow(
    shadow: &ShadowNotes,
    snapshot: &Snapshot,
    names: &BTreeMap<Address, String>,
) -> Vec<String> {
    let mut lines = vec!["  decided by a shadow: nothing was signed or sent".to_owned()];
    if let Some(tried) = &shadow.tried {
        let said = match (tried.is_success, shadow.is_as_predicted) {
            (true, Some(true)) => "it would have gone through, and done what was predicted",
            (true, Some(false)) => {
                "it would have gone through, and come out otherwise than predicted"
            }
            (true, None) => "it would have gone through",
            (false, _) => tried.message.as_deref().unwrap_or("it would have failed"),
        };
        lines.push(format!("  tried again on block {}: {said}", tried.block_number));
    }
    let Some(end) = &shadow.end else { return lines };
    let asset = &snapshot.vault.asset;
    lines.push(format!(
        "  at block {}, after its deadline and {} rebalances by others:",
        end.block_number, end.rebalances
    ));
    for leg in &end.legs {
        let name = names.get(&leg.strategy).cloned().unwrap_or_else(|| leg.strategy.to_string());
        lines.push(format!(
            "    {name}: before {}, predicted {}, is {}",
            assets(leg.before, asset),
            assets(leg.predicted, asset),
            assets(leg.actual, asset)
        ));
    }
    let (predicted, idle) = (assets(end.idle_predicted, asset), assets(end.idle, asset));
    lines.push(format!("    Idle: predicted {predicted}, is {idle}"));
    lines
}

pub(super) fn came_of_it(
    last: &Outcome,
    snapshot: &Snapshot,
    names: &BTreeMap<Address, String>,
) -> String {
    let mut lines = vec![format!(
        "{STRONG}Outcome{STRONG:#}   {}{}, keeper {}",
        outcome(last.state),
        if last.is_orphaned { ", its block was reorganised away" } else { "" },
        last.keeper_version
    )];
    if let Some(simulation) = &last.simulation {
        let said = match (&simulation.message, simulation.is_success) {
            (_, true) => "went through".to_owned(),
            (Some(message), false) => format!("failed: {message}"),
            (None, false) => "failed".to_owned(),
        };
        lines.push(format!("  simulated on block {}: {said}", simulation.block_number));
    }
    for attempt in &last.attempts {
        lines.push(format!(
            "  {} {}, nonce {}, at most {} gwei per gas",
            if attempt.is_cancel { "cancellation" } else { "signed" },
            attempt.hash,
            attempt.nonce,
            decimal(U256::from(attempt.max_fee_wei), 9, 2)
        ));
    }
    if let Some(receipt) = &last.receipt {
        let fee = U256::from(receipt.gas_used)
            .saturating_mul(U256::from(receipt.effective_gas_price_wei));
        lines.push(format!(
            "  mined in block {} ({}): {}, gas {}, fee {} of the native token",
            receipt.block_number,
            receipt.transaction_hash,
            if receipt.is_success { "executed" } else { "reverted" },
            grouped(&receipt.gas_used.to_string()),
            decimal(fee, 18, 9)
        ));
    }
    if let Some(person) = &last.person {
        lines.push(format!("  asked for by {}: {}", person.name, person.reason));
    }
    if let Some(shadow) = &last.shadow {
        lines.extend(in_shadow(shadow, snapshot, names));
    }
    if let Some(settlement) = &last.settlement {
        let agrees = settlement.predicted == settlement.actual;
        lines.push(format!(
            "  predicted and actual receipt {}",
            if agrees { "are the same" } else { "differ; --json shows both" }
        ));
    }
    lines.join("\n")
}
