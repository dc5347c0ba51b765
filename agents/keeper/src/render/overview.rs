//! All vaults of all chains on one page.

use alloy::primitives::{Address, U256};
use anstyle::Style;
use vagus_policy::{AssetInfo, Mode};

use super::{
    number::{assets, bps_percent, share, short, span},
    table::table,
};
use crate::{
    page::Row,
    status::{StatusView, Total},
};

const STRONG: Style = Style::new().bold();
const HEADING: [&str; 8] =
    ["Vault", "Chain", "Value", "Idle", "Policy", "Mandate", "May move", "Last decision"];

/// The whole page: for each treasury a line per vault, and what they hold together.
#[must_use]
pub fn text(views: &[Row<StatusView>], totals: &[Total]) -> String {
    let mut treasuries: Vec<&str> = Vec::new();
    for row in views {
        if !treasuries.contains(&treasury(row)) {
            treasuries.push(treasury(row));
        }
    }
    let page = treasuries.into_iter().map(|name| {
        let of = views.iter().filter(|row| treasury(row) == name);
        let rows: Vec<Vec<String>> = of.map(line).collect();
        let sums = totals.iter().filter(|total| total.treasury == name).map(sum);
        let sums = sums.collect::<Vec<_>>().join("\n");
        format!("{STRONG}Treasury {name}{STRONG:#}\n{}\n{sums}", table(&HEADING, &rows))
    });
    page.collect::<Vec<_>>().join("\n\n")
}

fn treasury(row: &Row<StatusView>) -> &str {
    match row {
        Row::Read(view) => &view.treasury,
        Row::Unread(unread) => &unread.treasury,
    }
}

fn line(row: &Row<StatusView>) -> Vec<String> {
    let nothing = || "–".to_owned();
    let view = match row {
        Row::Read(view) => view,
        Row::Unread(unread) => {
            let mut line = vec![unread.vault.clone(), unread.chain.clone(), "NOT READ".to_owned()];
            line.resize(HEADING.len(), nothing());
            return line;
        }
    };
    let idle = view.holdings.first();
    let idle = idle.and_then(|idle| idle.weight_bps).map(|bps| bps_percent(U256::from(bps)));
    let room = view.mandate.as_ref().map(|mandate| assets(mandate.turnover.left, &view.asset));
    vec![
        view.vault.clone(),
        view.chain.clone(),
        assets(view.nav, &view.asset),
        idle.unwrap_or_else(nothing),
        policy(view),
        mandate(view),
        room.unwrap_or_else(nothing),
        decided(view),
    ]
}

fn policy(view: &StatusView) -> String {
    let mode = match view.mode {
        Mode::Active => "",
        Mode::ExitOnly => ", exits only",
        Mode::Paused => ", paused",
    };
    match view.policy_version {
        0 => "none".to_owned(),
        version => format!("{version} ({}){mode}", short(view.policy_hash)),
    }
}

fn mandate(view: &StatusView) -> String {
    match &view.mandate {
        None => "none".to_owned(),
        Some(mandate) if mandate.is_revoked => "revoked".to_owned(),
        Some(mandate) if !mandate.is_valid => "expired".to_owned(),
        Some(mandate) => span(mandate.expires_at.saturating_sub(view.head.timestamp)),
    }
}

fn decided(view: &StatusView) -> String {
    if view.standing.pause().is_some() {
        return "paused by a person".to_owned();
    }
    if view.is_mistrusted {
        return "ModelMistrust".to_owned();
    }
    let last = view.decisions.as_ref().and_then(|decisions| decisions.first());
    last.map_or_else(
        || "none".to_owned(),
        |last| format!("{:?} at {}", last.reason, last.last_block),
    )
}

fn sum(total: &Total) -> String {
    let Total { symbol, decimals, .. } = total;
    let asset = AssetInfo { address: Address::ZERO, symbol: symbol.clone(), decimals: *decimals };
    let vaults = if total.vaults == 1 { "vault" } else { "vaults" };
    let (value, idle) = (assets(total.nav, &asset), share(total.idle, total.nav));
    format!("{} {vaults}: {value}, {idle} of it idle", total.vaults)
}
