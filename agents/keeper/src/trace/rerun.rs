//! The decision made again from what was seen.
//!
//! What a keeper does depends on the chain, on its configuration, which stands in the record's inputs, and sometimes on
//! what it alone knew: that a person had paused the vault, that a rebalance was under way, that an endpoint disagreed. A
//! reason of this kind cannot be found again on the chain; that everything else follows from it can. A keeper that holds for
//! such a reason moves nothing, so the worst that can be pretended by one is idleness.

use std::panic::{AssertUnwindSafe, catch_unwind};

use vagus_allocator::Reason;
use vagus_journal::{
    Body, Observation,
    draft::{self, Draft, Plan},
};
use vagus_policy::Policy;

use crate::person;

/// What can have been decided about what was seen, for the reason that the record names; several where the reason can
/// come up before a plan is made and after.
#[must_use]
pub(super) fn drafts(policy: Option<&Policy>, seen: &Observation) -> Vec<Draft> {
    let (snapshot, inputs, reason) = (&seen.snapshot, &seen.inputs, seen.decision.reason);
    let held = || draft::hold(snapshot, inputs, reason);
    let decided = || match &seen.asked {
        Some(moves) => person::draft(policy, snapshot, inputs, moves),
        None => draft::draft(policy, snapshot, inputs),
    };
    match reason {
        // Before anything is weighed, or instead of it.
        Reason::VaultUnread
        | Reason::PolicyUnread
        | Reason::StaleHead
        | Reason::DeepReorg
        | Reason::Paused
        | Reason::ModelMistrust
        | Reason::Checkpoint
        | Reason::Trim
        | Reason::FollowPrice
        | Reason::Activate => vec![held()],
        Reason::InFlight | Reason::EndpointsDisagree | Reason::SignerFailed => {
            vec![held(), decided().into_hold(reason)]
        }
        // A plan was ready, and was given up.
        Reason::NoQuorum | Reason::FeeBudgetSpent | Reason::TooManyInFlight => {
            vec![decided().into_hold(reason)]
        }
        Reason::NoNativePrice => vec![decided(), decided().into_hold(reason)],
        Reason::SimulationFailed => {
            vec![decided().into_failed_simulation(seen.decision.refusal)]
        }
        _ => vec![decided()],
    }
}

/// What a record says was decided at one of its blocks.
#[must_use]
pub(super) fn recorded(body: &Body, seen: &Observation) -> Draft {
    let plan = match body {
        Body::Rebalance { rebalance, predicted, .. } => {
            Some(Plan { rebalance: rebalance.clone(), predicted: predicted.clone() })
        }
        Body::Upkeep { .. } | Body::Hold { .. } => None,
    };
    Draft { observation: seen.clone(), plan }
}

/// What a computation on a stranger's numbers comes to; none if they break it.
pub(super) fn guarded<T>(compute: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(compute)).ok()
}
