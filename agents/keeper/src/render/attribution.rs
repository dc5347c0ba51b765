//! A report in its forms for people and spreadsheets.

mod csv;
mod html;
mod plots;
mod svg;
mod tables;
mod text;

use alloy::primitives::I256;
use vagus_attribution::{Action, Actor, FlowKind};
use vagus_policy::AssetInfo;

pub use csv::csv;
pub use html::html;
pub use text::text;

use super::number::{assets, short};
use crate::attribution::view::FeeKind;

/// An amount without the symbol, with its sign if it is below zero.
fn amount(of: I256, asset: &AssetInfo) -> String {
    let bare = AssetInfo { symbol: String::new(), ..asset.clone() };
    let sign = if of.is_negative() { "-" } else { "" };
    format!("{sign}{}", assets(of.unsigned_abs(), &bare).trim_end())
}

/// An amount without the symbol, with a sign that says in which direction.
pub(crate) fn signed(of: I256, asset: &AssetInfo) -> String {
    let plus = if of.is_positive() { "+" } else { "" };
    format!("{plus}{}", amount(of, asset))
}

fn actor(of: Actor) -> String {
    match of {
        Actor::Agent(address) => format!("agent {}", short(address)),
        Actor::Anyone(address) => format!("anyone {}", short(address)),
        Actor::Guardian => "guardian".to_owned(),
    }
}

const fn action(of: Action) -> &'static str {
    match of {
        Action::Rebalance => "rebalance",
        Action::Trim => "trim",
        Action::Pull => "pull",
        Action::Upkeep => "upkeep",
        Action::Failed => "failed",
        Action::Fill => "fill",
    }
}

const fn flow(of: FlowKind) -> &'static str {
    match of {
        FlowKind::Deposit => "deposit",
        FlowKind::Withdrawal => "withdrawal",
        FlowKind::InKind => "exit in kind",
        FlowKind::Donation => "donation",
        FlowKind::WriteOff => "write-off",
        FlowKind::Listing => "listing",
        FlowKind::Other => "other",
    }
}

const fn fee(of: FeeKind) -> &'static str {
    match of {
        FeeKind::Management => "management",
        FeeKind::Performance => "performance",
    }
}

#[cfg(test)]
mod tests;
