//! What a decision earned, on its page.

use alloy::primitives::Address;
use vagus_journal::Observation;

use super::{name, rows};
use crate::{
    attribution::view::Amount,
    render::{
        attribution::signed,
        number::{assets, time},
    },
    trace::{Cost, Earned, Trace},
};

/// The lines under its heading.
pub(super) fn text(trace: &Trace, seen: &Observation, earned: &Earned) -> String {
    let asset = &seen.snapshot.vault.asset;
    let amount = |of: Amount| format!("{} {}", signed(of.0, asset), asset.symbol);
    let gas = |cost: &Cost| match (cost.gas_assets, cost.fee_wei) {
        (Some(gas), _) => assets(gas, asset),
        (None, Some(wei)) => format!("{wei} wei, which have no price in the record"),
        (None, None) => "not known".to_owned(),
    };
    match earned {
        Earned::NotKnown { why } => format!("  not known: {why}"),
        Earned::Held { declined: None, .. } => {
            format!("  {}: nothing was moved, and no plan declined", amount(Amount::default()))
        }
        Earned::Held { declined: Some(plan), .. } => rows([
            ("Earned", format!("{}: nothing was moved", amount(Amount::default()))),
            (
                "Declined",
                format!(
                    "a plan of {} moves, expected to gain {}, at a cost of {} and a hurdle of {}",
                    plan.moves,
                    assets(plan.gain, asset),
                    assets(plan.cost, asset),
                    assets(plan.hurdle, asset)
                ),
            ),
        ]),
        Earned::NotExecuted { cost, .. } => rows([
            ("Earned", format!("{}: it was not carried out", amount(Amount::default()))),
            ("Gas", gas(cost)),
        ]),
        Earned::Executed(of) => {
            let strategies = &seen.snapshot.vault.strategies;
            let called = |strategy: Address| {
                let place = strategies.iter().position(|one| one.strategy == strategy);
                place.map_or_else(|| strategy.to_string(), |place| name(trace, seen, place))
            };
            let mut lines = vec![
                (
                    "From, to",
                    format!(
                        "block {}, which carried it out, to block {}, {}",
                        of.from_block,
                        of.to_block,
                        time(of.to_timestamp)
                    ),
                ),
                ("Execution", format!("{} at the prices of its block", amount(of.executed))),
            ];
            for change in &of.changes {
                let way = if change.shares.0.is_negative() { "less" } else { "more" };
                let at = called(change.strategy);
                lines.push(("Since then", format!("{} by {way} at {at}", amount(change.gained))));
            }
            lines.push(("Credit", amount(of.credit)));
            lines.push(("Gas", gas(&of.cost)));
            lines.push((
                "Earned",
                of.net.map_or_else(|| format!("{} before gas", amount(of.credit)), amount),
            ));
            rows(lines)
        }
    }
}
