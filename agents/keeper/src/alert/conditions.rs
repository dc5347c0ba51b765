//! What is wrong, read off the board.

use std::{sync::Arc, time::Duration};

use alloy::primitives::U256;
use tokio::time::Instant;
use vagus_allocator::Reason;
use vagus_policy::Mode;

use super::{AlertKind, Condition};
use crate::{
    board::{ChainView, TroubleKind, VaultView},
    render::number::{decimal, short, span},
    words,
};

/// Time before the end of a mandate at which somebody has to begin a vote.
const MANDATE_SOON_SECONDS: u64 = 14 * 86_400;
/// What happened once is shown for so long.
const SHOWN_FOR: Duration = Duration::from_secs(3_600);

/// Everything that is wrong at a moment.
#[must_use]
pub fn conditions(views: &[Arc<ChainView>], now: Instant) -> Vec<Condition> {
    let mut found = Vec::new();
    for view in views {
        of_chain(&mut found, view, now);
        for vault in view.vaults.iter().filter(|vault| vault.decides) {
            of_vault(&mut found, view, vault, now);
        }
        for vault in &view.vaults {
            of_transactions(&mut found, view, vault, now);
        }
    }
    found
}

fn of_chain(found: &mut Vec<Condition>, view: &ChainView, now: Instant) {
    let mut put = |kind, summary| {
        let chain = view.name.clone();
        found.push(Condition { kind, chain, vault: None, summary });
    };
    if let Some(purse) = view.purse.filter(|_| view.sends) {
        if purse.is_low() {
            let (has, low) = (decimal(purse.balance_wei, 18, 6), decimal(purse.low_wei, 18, 6));
            put(
                AlertKind::GasLow,
                format!("the key's account has {has} of the native token, less than {low}"),
            );
        }
        if let Some((budget, left)) = purse.budget_wei.filter(|_| purse.is_budget_low()) {
            let (left, budget) =
                (decimal(U256::from(left), 18, 6), decimal(U256::from(budget), 18, 6));
            put(
                AlertKind::FeeBudgetLow,
                format!("{left} of {budget} of the daily fee budget are left"),
            );
        }
    }
    if view.has_ended {
        put(AlertKind::ChainEnded, "its loop has ended; the log says why".to_owned());
        return;
    }
    let since = |at| now.saturating_duration_since(at);
    if since(view.beat) > view.patience {
        let time = span(since(view.beat).as_secs());
        put(AlertKind::LoopHangs, format!("no round has come to its end for {time}"));
        return;
    }
    let head_age = since(view.head_since);
    if head_age > view.stale_after {
        let time = span(head_age.as_secs());
        put(AlertKind::StaleHead, format!("no new head for {time}; nothing is decided"));
    }
    if let Some(trouble) = view.trouble {
        let time = span(since(trouble.since).as_secs());
        let (kind, what) = match trouble.kind {
            TroubleKind::Chain => (AlertKind::EndpointsFailing, "no endpoint answers with sense"),
            TroubleKind::Journal => {
                (AlertKind::JournalFailing, "the journal cannot be used, and nothing is sent")
            }
            TroubleKind::Other => (AlertKind::RoundsFailing, "rounds fail; the log says why"),
        };
        put(kind, format!("{what}, for {time}"));
    }
    if view.held_at.get(&Reason::DeepReorg).is_some_and(|at| since(*at) < SHOWN_FOR) {
        let what =
            "a reorganisation went deeper than the window; it was reconciled from the final block";
        put(AlertKind::DeepReorg, what.to_owned());
    }
}

fn of_vault(found: &mut Vec<Condition>, chain: &ChainView, view: &VaultView, now: Instant) {
    let mut put = |kind, summary| {
        let (chain, vault) = (chain.name.clone(), Some(view.name.clone()));
        found.push(Condition { kind, chain, vault, summary });
    };
    if let Some(latest) = &view.latest {
        let (reason, since) = (latest.reason, now.saturating_duration_since(latest.since));
        let kind = match reason {
            Reason::NoMandate => Some(AlertKind::NoMandate),
            Reason::EndpointsDisagree => Some(AlertKind::EndpointsDisagree),
            Reason::ModeClosed => Some(AlertKind::VaultClosed),
            Reason::InFlight => Some(AlertKind::TransactionStuck),
            Reason::SignerFailed => Some(AlertKind::SignerFailing),
            Reason::SimulationFailed
            | Reason::RuleRefuses
            | Reason::Unreadable
            | Reason::VaultUnread
            | Reason::PolicyUnread
            | Reason::NoNativePrice
            | Reason::NoQuorum
            | Reason::FeeBudgetSpent
            | Reason::NoPolicy => Some(AlertKind::VaultHeld),
            Reason::ModelMistrust => Some(AlertKind::ModelMistrust),
            _ => None,
        };
        if let Some(kind) = kind {
            let words = words::reason(reason);
            let time = span(since.as_secs());
            put(kind, format!("holds for {time}, {reason:?}: {words}"));
        }
    }
    let Some(seen) = &view.seen else { return };
    if let Some(mandate) = seen.mandate.as_ref().filter(|mandate| mandate.is_valid) {
        let left = mandate.expires_at.saturating_sub(seen.block.timestamp);
        if left < MANDATE_SOON_SECONDS {
            put(
                AlertKind::MandateExpiring,
                format!("the agent's mandate is over in {}", span(left)),
            );
        }
    }
    let is_known = view.latest.is_some_and(|latest| latest.reason == Reason::ModeClosed);
    if seen.mode == Mode::Paused && !is_known {
        put(AlertKind::VaultClosed, "the vault's mode is Paused".to_owned());
    }
}

fn of_transactions(found: &mut Vec<Condition>, chain: &ChainView, view: &VaultView, now: Instant) {
    for (kind, ended, what) in [
        (AlertKind::TransactionReverted, view.reverted, "was mined and reverted"),
        (
            AlertKind::ForeignNonce,
            view.foreign,
            "lost its nonce to somebody else who holds the key",
        ),
    ] {
        if let Some((decision, _)) =
            ended.filter(|(_, at)| now.saturating_duration_since(*at) < SHOWN_FOR)
        {
            found.push(Condition {
                kind,
                chain: chain.name.clone(),
                vault: Some(view.name.clone()),
                summary: format!("rebalance {} {what}", short(decision)),
            });
        }
    }
}
