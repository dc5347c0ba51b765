//! How things stand, on one page.

use alloy::primitives::U256;
use anstyle::Style;
use vagus_policy::Mode;

use super::{
    number::{assets, bps_percent, short, span, time},
    table::table,
};
use crate::{
    status::{Room, StatusView},
    words,
};

const STRONG: Style = Style::new().bold();

/// The whole page.
#[must_use]
pub fn text(view: &StatusView) -> String {
    let mut page = vec![header(view), holdings(view)];
    page.push(decisions(view));
    if !view.in_flight.is_empty() {
        page.push(in_flight(view));
    }
    page.join("\n\n")
}

fn header(view: &StatusView) -> String {
    let mode = match view.mode {
        Mode::Active => "active",
        Mode::ExitOnly => "exits only",
        Mode::Paused => "paused",
    };
    let policy = match view.policy_version {
        0 => "none in force".to_owned(),
        version => format!("version {version} ({}), {mode}", short(view.policy_hash)),
    };
    let name = if view.treasury == view.vault {
        view.vault.clone()
    } else {
        format!("{} / {}", view.treasury, view.vault)
    };
    let age = match view.head_age_seconds {
        Some(age) => format!("{} ago", span(age)),
        None => "ahead of this machine's clock".to_owned(),
    };
    let mut rows = vec![
        ("Treasury", name),
        ("Value", assets(view.nav, &view.asset)),
        (
            "Chain",
            format!(
                "{} ({}), block {} of {} ({}), final up to {}",
                view.chain,
                view.chain_id,
                view.head.number,
                time(view.head.timestamp),
                age,
                view.finalized_number
            ),
        ),
        ("Policy", policy),
        ("Agent", view.agent.to_string()),
        ("Mandate", mandate(view)),
    ];
    if let Some(mandate) = &view.mandate {
        rows.push(("May move", room(&mandate.turnover, view)));
        rows.push(("May lose", room(&mandate.loss, view)));
    }
    if view.is_shadow {
        rows.push(("Journal", "of a shadow: nothing of it was signed or sent".to_owned()));
    }
    rows.extend(standing(view).map(|text| ("Held", text)));
    rows.iter()
        .map(|(key, value)| format!("{STRONG}{key:<9}{STRONG:#} {value}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Why nothing is decided until a person says so.
fn standing(view: &StatusView) -> Option<String> {
    let standing = &view.standing;
    if let Some(pause) = standing.pause() {
        let (person, at, reason) = (&pause.person, time(pause.made_at), &pause.reason);
        return Some(format!("paused by {person} on {at}: {reason}"));
    }
    view.is_mistrusted.then(|| {
        format!(
            "ModelMistrust: {} rebalances reverted and {} came out otherwise than predicted; keeper resume lets it go on",
            standing.reverted, standing.unpredicted
        )
    })
}

fn mandate(view: &StatusView) -> String {
    let Some(mandate) = &view.mandate else {
        return "none: the policy in force does not name this agent".to_owned();
    };
    let expiry = time(mandate.expires_at);
    let standing = if mandate.is_revoked {
        "revoked".to_owned()
    } else if mandate.is_valid {
        format!("until {expiry}")
    } else {
        format!("expired at {expiry}")
    };
    format!("{standing}, next nonce {}", mandate.nonce)
}

fn room(room: &Room, view: &StatusView) -> String {
    format!("{} of {}", assets(room.left, &view.asset), assets(room.capacity, &view.asset))
}

fn holdings(view: &StatusView) -> String {
    let percent =
        |bps: Option<u64>| bps.map_or("–".to_owned(), |bps| bps_percent(U256::from(bps)));
    let rows: Vec<Vec<String>> = view
        .holdings
        .iter()
        .map(|holding| {
            let sign = if holding.strategy.is_none() { "≥" } else { "≤" };
            vec![
                holding.name.clone(),
                assets(holding.assets, &view.asset),
                percent(holding.weight_bps),
                holding.limit_bps.map_or("–".to_owned(), |bps| {
                    format!("{sign} {}", bps_percent(U256::from(bps)))
                }),
            ]
        })
        .collect();
    table(&["", "Held", "Weight", "Limit"], &rows)
}

fn decisions(view: &StatusView) -> String {
    let Some(decisions) = &view.decisions else {
        return "No journal yet: `keeper run` has not been started with this configuration."
            .to_owned();
    };
    if decisions.is_empty() {
        return "No decisions yet.".to_owned();
    }
    let mut lines = vec![format!("{STRONG}Last decisions{STRONG:#}")];
    for decided in decisions {
        let blocks = if decided.first_block == decided.last_block {
            format!("block {}", decided.first_block)
        } else {
            format!("blocks {} to {}", decided.first_block, decided.last_block)
        };
        let kind = if decided.is_rebalance { "rebalance" } else { "hold" };
        let outcome = match decided.outcome {
            Some(outcome) if decided.is_rebalance => format!(", {outcome:?}").to_lowercase(),
            _ => String::new(),
        };
        lines.push(format!(
            "  {blocks}: {kind}, {:?}: {}{outcome} ({})",
            decided.reason,
            words::reason(decided.reason),
            short(decided.decision)
        ));
    }
    lines.join("\n")
}

fn in_flight(view: &StatusView) -> String {
    let mut lines = vec![format!("{STRONG}In flight{STRONG:#}")];
    for transaction in &view.in_flight {
        let nonce = transaction.nonce.map_or("none yet".to_owned(), |nonce| nonce.to_string());
        lines.push(format!(
            "  decision {}: {}, nonce {nonce}, {} signed",
            short(transaction.decision),
            transaction.phase,
            transaction.attempts
        ));
    }
    lines.join("\n")
}
