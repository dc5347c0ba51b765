//! What came of a decision is the keeper's word, and in no hash. What the chain knows of it is compared; the rest (versions,
//! simulations, who asked) stays the keeper's word.

use vagus_chain::ChainError;
use vagus_journal::{Body, DecisionRecord, Outcome, OutcomeState, ReceiptSummary, RecordFile};

use super::{
    ask::{About, Mined},
    difference::first_difference,
    finding::{Finding, Standing, Subject},
};
use crate::receipt::summary;

/// Compares what the outcome says with the record and with the chain.
#[must_use]
pub(super) fn outcome(file: &RecordFile, record: &DecisionRecord, about: &About) -> Finding {
    let of = |standing, words: &str| Finding::new(Subject::Outcome, standing, words);
    let Some(outcome) = &file.outcome else {
        return of(Standing::Nothing, "none is filed");
    };
    if let Err(words) = fits(outcome, record) {
        return of(Standing::Differs, &words);
    }
    let (Some(claimed), Some(mined)) = (&outcome.receipt, &about.mined) else {
        return of(Standing::Nothing, "it says of nothing that was mined");
    };
    match compared(claimed, mined) {
        Ok(()) => {
            of(Standing::Holds, &format!("mined in block {} as it says", claimed.block_number))
        }
        Err(Ok(words)) => of(Standing::Differs, &words),
        Err(Err(error)) => of(Standing::Unknown, error.to_string().trim_end_matches('.')),
    }
}

/// What the outcome says beside what the record says.
fn fits(outcome: &Outcome, record: &DecisionRecord) -> Result<(), String> {
    let state = outcome.state;
    let is_mined = matches!(
        state,
        OutcomeState::Included
            | OutcomeState::Executed
            | OutcomeState::Reverted
            | OutcomeState::Cancelled
            | OutcomeState::Foreign
    );
    if outcome.receipt.is_some() && !is_mined {
        return Err(format!("it was mined, and its state is {state:?}"));
    }
    let success = outcome.receipt.map(|receipt| receipt.is_success);
    let expected = match state {
        OutcomeState::Executed => Some(true),
        OutcomeState::Reverted => Some(false),
        _ => success,
    };
    if !outcome.is_orphaned && success != expected {
        return Err(format!("its state is {state:?}, and its receipt says otherwise"));
    }
    if record.is_hold() && (outcome.receipt.is_some() || !outcome.attempts.is_empty()) {
        return Err("something was sent for a hold".to_owned());
    }
    let is_held = matches!(state, OutcomeState::Held | OutcomeState::SimulationFailed);
    if is_held != record.is_hold() {
        return Err(format!("its state is {state:?}"));
    }
    if let Some(receipt) = &outcome.receipt
        && !outcome.attempts.is_empty()
        && !outcome.attempts.iter().any(|attempt| attempt.hash == receipt.transaction_hash)
    {
        return Err("what was mined is nothing that was signed".to_owned());
    }
    let Some(settlement) = &outcome.settlement else { return Ok(()) };
    let Body::Rebalance { predicted, .. } = &record.body else {
        return Err("it settles what moved nothing".to_owned());
    };
    match first_difference(&settlement.predicted, predicted) {
        None => Ok(()),
        Some(difference) => Err(format!("its prediction is another: {difference}")),
    }
}

/// What was mined, by the outcome and by the chain: what differs in words, or why the chain does not say.
fn compared(claimed: &ReceiptSummary, mined: &Mined) -> Result<(), Result<String, ChainError>> {
    let receipt = match &mined.receipt {
        Ok(Some(receipt)) => receipt,
        Ok(None) => {
            return Err(Ok(format!("the chain has no transaction {}", claimed.transaction_hash)));
        }
        Err(error) => return Err(Err(error.clone())),
    };
    let header = match &mined.header {
        Ok(Some(header)) => header,
        Ok(None) => return Err(Ok(format!("the chain has no block {}", claimed.block_hash))),
        Err(error) => return Err(Err(error.clone())),
    };
    let mut found = summary(receipt, header);
    // Endpoints that do not report it are no proof of another one.
    if found.data_fee_wei == 0 {
        found.data_fee_wei = claimed.data_fee_wei;
    }
    match first_difference(claimed, &found) {
        None => Ok(()),
        Some(difference) => Err(Ok(format!("{difference} by the chain"))),
    }
}
