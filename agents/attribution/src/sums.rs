//! Sums over decisions: by who acted, under which policy, in which month.

use std::collections::BTreeMap;

use alloy_primitives::{I256, U256};
use serde::Serialize;
use vagus_policy::decimal;

use crate::{
    Action, Actor, Attribution, AttributionError, History, Kind, Result, attribution::add, calendar,
};

/// What a set of decisions came to. Smallest unit of the asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Decisions that moved something.
    pub decisions: u64,
    /// Other transactions that were paid for.
    pub others: u64,
    /// What they are credited with.
    #[serde(with = "decimal")]
    pub credit: I256,
    /// What their gas cost, as far as it has a price.
    #[serde(with = "decimal")]
    pub gas_assets: U256,
    /// Transactions whose gas has none.
    pub unpriced: u64,
}

impl Sum {
    /// The credit less the gas that has a price.
    ///
    /// # Errors
    /// [`AttributionError::OutOfRange`].
    pub fn net(&self) -> Result<I256> {
        let gas = crate::attribution::signed(self.gas_assets, 0)?;
        add(self.credit, -gas, 0)
    }
}

/// Sums over decisions, each by its key in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// All of them.
    pub all: Sum,
    /// By who acted.
    pub actors: BTreeMap<Actor, Sum>,
    /// By the version of the policy in force.
    pub policy_versions: BTreeMap<u64, Sum>,
    /// By year and month, UTC, of the block in which they were carried out; what they have gained since is counted there too.
    pub months: BTreeMap<(u64, u64), Sum>,
}

/// Sums over the decisions of an attribution of this history.
///
/// # Errors
/// [`AttributionError::OutOfRange`].
pub fn sums(history: &History, attribution: &Attribution) -> Result<Sums> {
    let mut sums = Sums::default();
    for (event, part) in history.events.iter().zip(&attribution.parts) {
        let Kind::Decision(decision) = event.kind else { continue };
        let point = &history.points[event.point];
        let month = calendar::month(point.timestamp);
        let of = [
            &mut sums.all,
            sums.actors.entry(decision.actor).or_default(),
            sums.policy_versions.entry(decision.policy_version).or_default(),
            sums.months.entry(month).or_default(),
        ];
        for sum in of {
            let is_move =
                !matches!(decision.action, Action::Upkeep | Action::Failed | Action::Fill);
            let count = if is_move { &mut sum.decisions } else { &mut sum.others };
            *count = count.saturating_add(1);
            sum.credit = add(sum.credit, part.credit()?, point.block)?;
            match decision.gas_assets {
                None => sum.unpriced = sum.unpriced.saturating_add(1),
                Some(gas) => {
                    let what = "the cost of gas";
                    let error = AttributionError::OutOfRange { what, block: point.block };
                    sum.gas_assets = sum.gas_assets.checked_add(gas).ok_or(error)?;
                }
            }
        }
    }
    Ok(sums)
}
