//! What bounds the keeper beside the policy: fees, trust, persons, and how much is in flight.

use alloy::primitives::{Address, U256};
use vagus_chain::lifecycle::{Head, TxState};
use vagus_journal::{
    Intervention, InterventionAction, Journal as _, TransactionIntent, draft, intervene,
};

use super::*;
use crate::config::Native;

impl Keeper {
    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("journal.db").display())
    }

    /// From another connection, as another process does it.
    async fn person(&self, action: InterventionAction) {
        let intervention = Intervention {
            chain_id: 31_337,
            vault: vault(),
            action,
            person: "Ada".to_owned(),
            reason: "a drill".to_owned(),
            made_at: 1,
        };
        intervene(&self.url(), &intervention).await.expect("written");
    }

    async fn with_budget(&mut self, wei: u128) {
        self.changed(|world| world.config.fees.daily_budget = Some(Native { wei })).await;
    }

    /// There is something to do again, once the cooldown is over.
    fn bring(&self) {
        self.chain.with(|model| model.state.idle += U256::from(10_000 * USDC));
    }

    /// The next time that a rebalance is sent, mined and seen; none if none is within ten blocks.
    async fn next_executed(&mut self) -> Option<B256> {
        let before = self.rebalances().await.len();
        self.bring();
        for _ in 0..10 {
            self.mine_and_round().await;
            if let Some(stored) = self.rebalances().await.get(before) {
                let hash = stored.hash;
                self.mine_and_round().await;
                return Some(hash);
            }
        }
        None
    }
}

fn worst_wei() -> u128 {
    let config = testing::config();
    config.chains[0].fees.worst_case_wei(config.vaults[0].gas.limit)
}

#[tokio::test]
async fn a_rebalance_goes_out_at_the_budget_and_not_one_wei_past_it() {
    let mut keeper = Keeper::start().await;
    keeper.with_budget(worst_wei() - 1).await;
    keeper.round().await.expect("a round");
    assert_eq!((keeper.reason().await, keeper.pool()), (Reason::FeeBudgetSpent, 0));
    keeper.with_budget(worst_wei()).await;
    keeper.mine_and_round().await;
    assert_eq!((keeper.rebalances().await.len(), keeper.pool()), (1, 1));
}

#[tokio::test]
async fn what_is_mined_and_not_final_counts_at_its_worst() {
    for (budget, expected) in [(2 * worst_wei() - 1, 1), (2 * worst_wei(), 2)] {
        let mut keeper = Keeper::start().await;
        keeper.with_budget(budget).await;
        keeper.round().await.expect("a round");
        keeper.next_executed().await;
        assert_eq!(keeper.rebalances().await.len(), expected, "{budget}");
    }
}

#[tokio::test]
async fn what_was_paid_counts_for_a_day_of_chain_time_also_after_a_restart() {
    let mut keeper = Keeper::start().await;
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    // From outside: what the chain took for it.
    let receipts = keeper.chain.with(|model| model.receipts());
    let [receipt] = &receipts[..] else { panic!("one transaction: {receipts:?}") };
    let paid_wei = u128::from(receipt.gas_used) * receipt.gas_price_wei;
    let paid_at = keeper.chain.with(|model| {
        let block = receipt.block_number;
        let head = model.head().block;
        head.timestamp - (head.number - block) * BLOCK_SECONDS
    });
    keeper.with_budget(worst_wei() + paid_wei - 1).await;
    assert_eq!(keeper.next_executed().await, None);
    assert_eq!(keeper.reason().await, Reason::FeeBudgetSpent);
    // A second short of a day it still counts.
    let seconds = keeper.chain.with(|model| paid_at + 86_399 - model.head().block.timestamp);
    keeper.chain.with(|model| model.mine(seconds));
    keeper.round().await.expect("a round");
    assert_eq!(
        (keeper.reason().await, keeper.rebalances().await.len()),
        (Reason::FeeBudgetSpent, 1)
    );
    keeper.chain.with(|model| model.mine(1));
    keeper.round().await.expect("a round");
    assert_eq!(keeper.rebalances().await.len(), 2);
}

#[tokio::test]
async fn what_was_paid_fits_to_the_last_wei() {
    let mut keeper = Keeper::start().await;
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    let receipt = keeper.chain.with(|model| model.receipts()[0].clone());
    let paid_wei = u128::from(receipt.gas_used) * receipt.gas_price_wei;
    keeper.with_budget(worst_wei() + paid_wei).await;
    assert!(keeper.next_executed().await.is_some());
}

#[tokio::test]
async fn three_surprises_hold_until_a_person_resumes() {
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.unforeseen_cost_bps = 20);
    keeper.round().await.expect("a round");
    keeper.mine_and_round().await;
    for _ in 0..2 {
        let hash = keeper.next_executed().await.expect("trusted so far");
        assert_eq!(keeper.outcome(hash).await.is_as_predicted, Some(false));
    }
    assert_eq!(keeper.executed(), 3);
    assert_eq!(keeper.next_executed().await, None);
    assert_eq!(keeper.reason().await, Reason::ModelMistrust);
    keeper.restart().await;
    keeper.mine_and_round().await;
    assert_eq!(keeper.reason().await, Reason::ModelMistrust, "a restart is no person");
    keeper.person(InterventionAction::Resume).await;
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    assert_eq!(keeper.executed(), 4);
}

#[tokio::test]
async fn what_comes_out_as_predicted_is_trusted_for_ever() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    keeper.mine_and_round().await;
    for _ in 0..4 {
        let hash = keeper.next_executed().await.expect("trusted");
        assert_eq!(keeper.outcome(hash).await.is_as_predicted, Some(true));
    }
}

#[tokio::test]
async fn two_reverts_hold_until_a_person_resumes() {
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.is_reverting = true);
    for _ in 0..20 {
        keeper.mine_and_round().await;
    }
    let receipts = keeper.chain.with(|model| model.receipts());
    assert_eq!(receipts.iter().filter(|receipt| !receipt.is_success).count(), 2);
    assert_eq!(keeper.reason().await, Reason::ModelMistrust);
    keeper.chain.with(|model| model.is_reverting = false);
    keeper.person(InterventionAction::Resume).await;
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    assert_eq!(keeper.executed(), 1);
}

#[tokio::test]
async fn a_pause_is_seen_at_the_next_block_and_takes_back_what_waits() {
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.is_mining = false);
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    keeper.person(InterventionAction::Pause).await;
    keeper.mine_and_round().await;
    assert_eq!(keeper.reason().await, Reason::Paused);
    keeper.chain.with(|model| model.is_mining = true);
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.restart().await;
    for _ in 0..3 {
        keeper.mine_and_round().await;
        assert_eq!(keeper.reason().await, Reason::Paused);
    }
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Cancelled);
    assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (0, 1));
    keeper.person(InterventionAction::Resume).await;
    keeper.mine_and_round().await;
    keeper.mine_and_round().await;
    assert_eq!(keeper.executed(), 1);
}

/// Rebalances of other vaults that another keeper stored and that wait for the holder of the key; each is worth more
/// than the one before.
async fn store_intents(keeper: &Keeper, count: u8) -> Vec<B256> {
    let agent = keeper.key.address();
    let mut hashes = Vec::new();
    for n in 1..=count {
        let mut snapshot = testing::snapshot(agent);
        snapshot.vault.vault = Address::repeat_byte(n);
        snapshot.vault.guard = Address::repeat_byte(0xf0 | n);
        let mut draft =
            draft::draft(Some(&testing::policy(agent)), &snapshot, &testing::inputs(agent));
        draft.observation.decision.candidates[0].gain = U256::from(u64::from(n) * 1_000_000_000);
        let header = draft.header(Default::default(), B256::ZERO);
        let (record, hash, rebalance) =
            draft.record(header, B256::ZERO).expect("hashes").expect("a rebalance");
        let state = TxState::intended(rebalance.deadline, Head::default());
        let state = serde_json::to_value(state).expect("json");
        let intent = TransactionIntent { decision: hash, from: agent, state };
        let outcome = Outcome::new(hash, KEEPER_VERSION, OutcomeState::Submitted);
        keeper.journal().append_rebalance(&record, &intent, &outcome).await.expect("stored");
        hashes.push(hash);
    }
    hashes
}

async fn nonces(keeper: &Keeper, hashes: &[B256]) -> Vec<Option<u64>> {
    let mut nonces = Vec::new();
    for hash in hashes {
        let stored = keeper.journal().transaction(*hash).await.expect("reads").expect("there");
        nonces.push(stored.nonce);
    }
    nonces
}

#[tokio::test]
async fn eight_are_in_flight_and_not_nine() {
    // Ours is the eighth.
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.is_mining = false);
    store_intents(&keeper, 7).await;
    keeper.round().await.expect("a round");
    assert_eq!((keeper.pool(), keeper.rebalances().await.len()), (8, 1));

    // Ours would be the ninth.
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.is_mining = false);
    store_intents(&keeper, 8).await;
    keeper.round().await.expect("a round");
    assert_eq!((keeper.pool(), keeper.reason().await), (8, Reason::TooManyInFlight));
    // There is room again once they are mined.
    keeper.chain.with(|model| model.is_mining = true);
    keeper.mine_and_round().await;
    assert_eq!((keeper.pool(), keeper.rebalances().await.len()), (1, 1));
}

#[tokio::test]
async fn of_nine_the_least_valuable_waits_and_has_no_nonce() {
    let mut keeper = Keeper::start().await;
    keeper.chain.with(|model| model.is_mining = false);
    let hashes = store_intents(&keeper, 9).await;
    keeper.round().await.expect("a round");
    let expected: Vec<_> = (0..9).map(|n| (n > 0).then_some(8 - n)).collect();
    assert_eq!(nonces(&keeper, &hashes).await, expected, "the most valuable has the first nonce");
    assert_eq!(keeper.pool(), 8);
    keeper.chain.with(|model| model.is_mining = true);
    keeper.mine_and_round().await;
    assert_eq!(nonces(&keeper, &hashes).await[0], Some(8));
}

#[tokio::test]
async fn what_waits_for_room_past_its_deadline_expires_unsent() {
    let mut keeper = Keeper::start().await;
    let [hash] = store_intents(&keeper, 1).await.try_into().expect("one");
    keeper.with_budget(1).await;
    keeper.round().await.expect("a round");
    assert_eq!((keeper.pool(), nonces(&keeper, &[hash]).await), (0, vec![None]));
    keeper.chain.with(|model| model.mine(301));
    keeper.round().await.expect("a round");
    assert_eq!(keeper.outcome(hash).await.state, OutcomeState::Expired);
    assert_eq!(keeper.pool(), 0);
}
