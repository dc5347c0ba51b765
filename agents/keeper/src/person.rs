//! `keeper move`: a person's rebalance, by the same check, simulation, record and way as the keeper's own.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard},
};

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use vagus_allocator::{Action, Decision, Inputs, Reason};
use vagus_chain::{ChainReader as _, Tag};
use vagus_journal::{
    Outcome, Person,
    draft::{self, Draft},
};
use vagus_policy::{ALL_ASSETS, Move, Policy, Refusal, Snapshot};

use crate::{
    JSON_SCHEMA_VERSION,
    config::Amount,
    exit::{Exit, Failure},
    page::cause,
    plan,
    render::number::short,
    words,
    world::{ChainWorld, VaultWorld, chain_failure},
};

/// Which way a leg goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    /// From idle into the strategy.
    Into,
    /// Out of the strategy to idle.
    From,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Quantity {
    Some(Amount),
    All(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leg {
    strategy: String,
    direction: Direction,
    amount: Quantity,
}

/// What a person asks for, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveFile {
    /// Name of the vault in the configuration.
    pub vault: String,
    person: String,
    reason: String,
    legs: Vec<Leg>,
}

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

impl MoveFile {
    /// Reads a file.
    ///
    /// # Errors
    /// One sentence with what was expected.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            let what = error.to_string();
            let what = what.trim_end().trim_end_matches('.').replace('\n', " ");
            Failure::new(Exit::Usage, format_args!("{}: {what}.", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
        let file: Self = toml::from_str(&text).map_err(|error| failed(&error))?;
        for (key, value) in [("person", &file.person), ("reason", &file.reason)] {
            if value.trim().is_empty() || value.contains(char::is_control) {
                return Err(failed(&format!("{key}: expected one line of text")));
            }
        }
        if file.legs.is_empty() {
            return Err(failed(&"expected at least one [[legs]]"));
        }
        Ok(file)
    }

    /// The moves on a vault as it was seen.
    ///
    /// # Errors
    /// If a leg names no strategy of it, or an amount of another asset.
    pub fn resolve(&self, vault: &VaultWorld, snapshot: &Snapshot) -> Result<PersonMove, Failure> {
        let asset = &snapshot.vault.asset;
        let mut moves = Vec::with_capacity(self.legs.len());
        for (place, leg) in self.legs.iter().enumerate() {
            let failed = |what: String| {
                Failure::new(Exit::Usage, format_args!("Leg {}: {what}.", place + 1))
            };
            let index = self.index(leg, vault, snapshot).map_err(failed)?;
            let is_deposit = leg.direction == Direction::Into;
            let assets = match &leg.amount {
                Quantity::Some(amount) => {
                    amount.in_units(&asset.symbol, asset.decimals).map_err(failed)?
                }
                Quantity::All(word) if word == "all" && !is_deposit => ALL_ASSETS,
                Quantity::All(word) => {
                    return Err(failed(format!(
                        "amount: found {word:?}, expected an amount of {} or, out of a strategy, \"all\"",
                        asset.symbol
                    )));
                }
            };
            moves.push(Move { index, is_deposit, assets });
        }
        Ok(PersonMove {
            vault: vault.entry.vault,
            moves,
            person: Person { name: self.person.clone(), reason: self.reason.clone() },
            state: Mutex::new(Way::Open),
        })
    }

    fn index(&self, leg: &Leg, vault: &VaultWorld, snapshot: &Snapshot) -> Result<u8, String> {
        let name = |strategy: &vagus_policy::StrategyState| {
            vault.config.strategies.get(&strategy.strategy).unwrap_or(&strategy.symbol).clone()
        };
        let strategies = &snapshot.vault.strategies;
        let is_it = |strategy: &vagus_policy::StrategyState| {
            name(strategy) == leg.strategy || leg.strategy.parse() == Ok(strategy.strategy)
        };
        let found: Vec<usize> =
            (0..strategies.len()).filter(|place| is_it(&strategies[*place])).collect();
        let known = || strategies.iter().map(name).collect::<Vec<_>>().join(", ");
        match found.as_slice() {
            [place] => u8::try_from(*place).map_err(|error| error.to_string()),
            [] => {
                Err(format!("no strategy is named {:?}; expected one of {}", leg.strategy, known()))
            }
            _ => Err(format!("{:?} names several strategies; expected an address", leg.strategy)),
        }
    }
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
