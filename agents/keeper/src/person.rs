//! `keeper move`: a person's rebalance, by the same check, simulation, record and way as the keeper's own.

mod file;

use std::sync::{Mutex, MutexGuard};

use alloy::primitives::{Address, B256};
use serde::Serialize;
use vagus_allocator::{Action, Decision, Inputs, Reason};
use vagus_chain::{ChainReader as _, Tag};
use vagus_journal::{
    Outcome, Person,
    draft::{self, Draft},
};
use vagus_policy::{Move, Policy, Refusal, Snapshot};

use crate::{
    JSON_SCHEMA_VERSION,
    exit::{Exit, Failure},
    page::cause,
    plan,
    render::number::short,
    words,
    world::{ChainWorld, chain_failure},
};

pub use file::MoveFile;

/// What a person asked for, on its way.
#[derive(Debug)]
pub struct PersonMove {
    /// The vault.
    pub vault: Address,
    /// The legs, in the order of the file.
    pub moves: Vec<Move>,
    /// Who, and why.
    pub person: Person,
    state: Mutex<Way>,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing was decided yet.
    Open,
    /// It is refused, in words.
    Refused(String),
    /// It is stored under a decision.
    Stored(B256),
}

impl PersonMove {
    fn state(&self) -> MutexGuard<'_, Way> {
        // A poisoned lock only means that another task died between two whole changes.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(crate) fn way(&self) -> Way {
        self.state().clone()
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.state() == Way::Open
    }

    pub(crate) fn stored(&self, decision: B256) {
        *self.state() = Way::Stored(decision);
    }

    pub(crate) fn refused(&self, words: String) {
        let mut state = self.state();
        if *state == Way::Open {
            *state = Way::Refused(words);
        }
    }
}

/// Why a hold stands where a person's move was to be.
pub(crate) fn refusal(draft: &Draft, message: Option<&str>) -> String {
    let decision = &draft.observation.decision;
    let mut text = format!("{:?}: {}", decision.reason, words::reason(decision.reason));
    match (&decision.refusal, message) {
        (Some(refusal), _) => text.push_str(&format!(": {}", numbers(refusal, draft))),
        (None, Some(message)) => text.push_str(&format!(": {message}")),
        (None, None) => {}
    }
    text
}

fn numbers(refusal: &Refusal, draft: &Draft) -> String {
    let headroom = draft.observation.inputs.headroom_bps;
    format!("{refusal} ({headroom} bps of each limit are left free)")
}

/// What was asked for, checked by the guard's rules; a hold that says why not, if a rule refuses it.
#[must_use]
pub(crate) fn draft(
    policy: Option<&Policy>,
    snapshot: &Snapshot,
    inputs: &Inputs,
    moves: &[Move],
) -> Draft {
    let mut drafted = match policy {
        None => draft::hold(snapshot, inputs, Reason::NoPolicy),
        Some(policy) => {
            let held = draft::hold(snapshot, inputs, Reason::Person);
            let action = Action::Rebalance { moves: moves.to_vec() };
            let decision = Decision { action, ..held.observation.decision };
            draft::checked(policy, snapshot, inputs, decision)
        }
    };
    drafted.observation.asked = Some(moves.to_vec());
    drafted
}

/// What is said of a move.
#[derive(Debug, Serialize)]
struct Told<'a> {
    schema: u32,
    vault: &'a str,
    person: &'a str,
    reason: &'a str,
    legs: usize,
    is_dry_run: bool,
    decision: Option<B256>,
    outcome: Option<Outcome>,
}

/// What is asked of the one vault of a world at its newest block, and what would refuse it.
///
/// # Errors
/// If the vault cannot be read, and `Refused` with the rule and its numbers.
pub async fn examine(world: &ChainWorld, file: &MoveFile) -> Result<PersonMove, Failure> {
    let head = world.endpoints.head(Tag::Latest).await.map_err(|e| chain_failure(&e))?;
    let sightings = world.sightings(&head).await.map_err(|e| chain_failure(&e))?;
    let (Some(vault), Some(sighting)) = (world.vaults.first(), sightings.first()) else {
        return Err(Failure::new(Exit::Internal, "A chain without a vault."));
    };
    let name = &vault.config.name;
    let unread = |cause: String| {
        Failure::new(Exit::VaultUnread, format_args!("Vault {name} could not be read: {cause}."))
    };
    let snapshot = vault.recognised(sighting).map_err(unread)?;
    let wanted = file.resolve(vault, snapshot)?;
    // What bytes cost counts as it does for the keeper's own.
    let data_fee = world.data_fee(&head).await.map_err(|e| chain_failure(&e))?;
    let inputs = data_fee.charge(world.inputs(vault, snapshot)?);
    let policy = world.policy(snapshot).await.map_err(|e| unread(cause(&e)))?;
    let draft = draft(policy.as_ref(), snapshot, &inputs, &wanted.moves);
    let (draft, message) =
        plan::simulated(world, vault, &head, draft).await.map_err(|e| unread(cause(&e)))?;
    if draft.plan.is_none() {
        return Err(refused(name, &refusal(&draft, message.as_deref())));
    }
    Ok(wanted)
}

/// The end of a move that something refuses.
#[must_use]
pub fn refused(vault: &str, words: &str) -> Failure {
    let words = words.trim_end_matches('.');
    Failure::new(
        Exit::Refused,
        format_args!("Vault {vault}: the move is refused and nothing is sent, {words}."),
    )
}

/// What is said at the end.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn told(
    file: &MoveFile,
    wanted: &PersonMove,
    outcome: Option<Outcome>,
    is_json: bool,
) -> Result<String, Failure> {
    let decision = outcome.as_ref().map(|outcome| outcome.decision);
    if is_json {
        let told = Told {
            schema: JSON_SCHEMA_VERSION,
            vault: &file.vault,
            person: &file.person,
            reason: &file.reason,
            legs: wanted.moves.len(),
            is_dry_run: outcome.is_none(),
            decision,
            outcome,
        };
        return serde_json::to_string_pretty(&told)
            .map_err(|error| Failure::new(Exit::Internal, error));
    }
    let legs = wanted.moves.len();
    Ok(match (decision, outcome.and_then(|outcome| outcome.receipt)) {
        (Some(decision), Some(mined)) => format!(
            "Vault {}: {legs} legs executed in block {} ({}), decision {}.",
            file.vault,
            mined.block_number,
            mined.transaction_hash,
            short(decision)
        ),
        _ => format!(
            "Vault {}: {legs} legs; neither a rule nor the simulation refuses them. Nothing is sent: it was a dry run.",
            file.vault
        ),
    })
}
