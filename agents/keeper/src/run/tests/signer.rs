//! A signer elsewhere that hangs, refuses or lies: nothing is sent, no nonce is lost, and it is said why.

use std::{
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use alloy::primitives::{Address, Signature};
use vagus_chain::{HashSigner, lifecycle::Phase, lifecycle::TxState};

use super::*;

const SIGNS: u8 = 0;
const HANGS: u8 = 1;
const REFUSES: u8 = 2;
const LIES: u8 = 3;

/// A signer that can be told what to do.
struct Switched {
    key: AgentKey,
    mode: Arc<AtomicU8>,
}

#[async_trait::async_trait]
impl HashSigner for Switched {
    fn address(&self) -> Address {
        self.key.address()
    }

    async fn sign_hash(&self, hash: B256) -> Result<Signature, String> {
        match self.mode.load(Ordering::SeqCst) {
            HANGS => std::future::pending().await,
            REFUSES => Err("the key is disabled".to_owned()),
            LIES => Ok(AgentKey::random().sign_hash(hash).await.expect("signs")),
            _ => self.key.sign_hash(hash).await.map_err(|error| error.to_string()),
        }
    }
}

async fn start(mode: u8) -> (Keeper, Arc<AtomicU8>) {
    let switch = Arc::new(AtomicU8::new(mode));
    let signer = Switched { key: AgentKey::random(), mode: switch.clone() };
    let key = AgentKey::of(Box::new(signer)).with_patience(Duration::from_millis(20));
    (Keeper::start_with(Arc::new(key)).await, switch)
}

fn pool(keeper: &Keeper) -> usize {
    keeper.chain.with(|model| model.pool_size())
}

async fn state(keeper: &Keeper, decision: B256) -> TxState {
    let stored = keeper.journal().transaction(decision).await.expect("reads").expect("there");
    serde_json::from_value(stored.state).expect("a state")
}

#[tokio::test]
async fn a_signer_that_hangs_or_fails_holds_and_loses_no_nonce() {
    for mode in [HANGS, REFUSES, LIES] {
        let (mut keeper, switch) = start(mode).await;
        keeper.round().await.expect("a round");
        let [stored] = keeper.rebalances().await.try_into().expect("one");
        for _ in 0..3 {
            keeper.mine_and_round().await;
            assert_eq!(keeper.hold().await.reason(), Reason::SignerFailed);
        }
        // After a restart as well.
        keeper.restart().await;
        keeper.mine_and_round().await;
        assert_eq!(keeper.hold().await.reason(), Reason::SignerFailed);
        let waiting = state(&keeper, stored.hash).await;
        assert_eq!((waiting.phase, waiting.nonce), (Phase::Claimed, Some(0)));
        assert_eq!((pool(&keeper), waiting.attempts.len()), (0, 0), "nothing was signed or sent");

        switch.store(SIGNS, Ordering::SeqCst);
        keeper.mine_and_round().await;
        keeper.mine_and_round().await;
        assert_eq!((keeper.executed(), keeper.rebalances().await.len()), (1, 1));
        assert_eq!(state(&keeper, stored.hash).await.nonce, Some(0));
    }
}

#[tokio::test]
async fn the_nonce_of_what_was_never_signed_is_the_next_ones() {
    let (mut keeper, switch) = start(REFUSES).await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    keeper.chain.with(|model| model.mine(301));
    keeper.round().await.expect("a round");
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Expired);
    switch.store(SIGNS, Ordering::SeqCst);
    for _ in 0..3 {
        keeper.mine_and_round().await;
    }
    let rebalances = keeper.rebalances().await;
    let last = rebalances.last().expect("another");
    assert_eq!(state(&keeper, last.hash).await.nonce, Some(0));
    assert_eq!(keeper.executed(), 1);
}

#[tokio::test]
async fn what_is_in_a_pool_is_looked_after_and_taken_back_when_the_signer_is_there_again() {
    let (mut keeper, switch) = start(SIGNS).await;
    keeper.chain.with(|model| model.is_mining = false);
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    switch.store(HANGS, Ordering::SeqCst);
    keeper.chain.with(|model| model.mine(301));
    keeper.round().await.expect("a round");
    let waiting = state(&keeper, stored.hash).await;
    assert_eq!((waiting.phase, waiting.attempts.len()), (Phase::Cancelling, 1));
    assert_eq!(keeper.hold().await.reason(), Reason::InFlight);
    switch.store(SIGNS, Ordering::SeqCst);
    keeper.mine_and_round().await;
    keeper.chain.with(|model| model.is_mining = true);
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    assert_eq!(keeper.outcome(stored.hash).await.state, OutcomeState::Cancelled);
}
