//! What was decided and not sent at once gets every look again before it is.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use alloy::primitives::{Address, Signature};
use serde_json::Value;
use vagus_chain::{Chain, Endpoints, HashSigner, memory::Liar, memory::Model};

use super::*;

const SIGNS: u8 = 0;
const REFUSES: u8 = 1;

struct Switched(AgentKey, Arc<AtomicU8>);

#[async_trait::async_trait]
impl HashSigner for Switched {
    fn address(&self) -> Address {
        self.0.address()
    }

    async fn sign_hash(&self, hash: B256) -> Result<Signature, String> {
        match self.1.load(Ordering::SeqCst) {
            REFUSES => Err("the key is disabled".to_owned()),
            _ => self.0.sign_hash(hash).await.map_err(|error| error.to_string()),
        }
    }
}

/// A keeper that has decided and stored, and could not sign; its signer is there again.
async fn unsigned() -> (Keeper, B256) {
    let switch = Arc::new(AtomicU8::new(REFUSES));
    let key = AgentKey::of(Box::new(Switched(AgentKey::random(), switch.clone())));
    let mut keeper = Keeper::start_with(Arc::new(key)).await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    assert_eq!(keeper.pool(), 0);
    switch.store(SIGNS, Ordering::SeqCst);
    (keeper, stored.hash)
}

#[tokio::test]
async fn what_was_not_signed_in_time_is_sent_later_if_nothing_has_changed() {
    for is_restarted in [false, true] {
        let (mut keeper, decision) = unsigned().await;
        if is_restarted {
            keeper.restart().await;
        }
        keeper.mine_and_round().await;
        assert_eq!(keeper.pool(), 1);
        keeper.mine_and_round().await;
        assert_eq!(keeper.outcome(decision).await.state, OutcomeState::Included);
    }
}

#[tokio::test]
async fn what_was_not_signed_in_time_is_not_signed_once_the_guard_would_refuse_it() {
    let overtaken: fn(&mut Model) = |model| model.state.guard_state.rebalance_count += 1;
    let revoked: fn(&mut Model) = |model| model.state.agent.is_revoked = true;
    for change in [overtaken, revoked] {
        for is_restarted in [false, true] {
            let (mut keeper, decision) = unsigned().await;
            keeper.chain.with(change);
            if is_restarted {
                keeper.restart().await;
            }
            keeper.mine_and_round().await;
            assert_eq!(keeper.outcome(decision).await.state, OutcomeState::Expired);
            assert!(keeper.outcome(decision).await.attempts.is_empty(), "nothing was signed");
            let sent = keeper.chain.with(|model| model.receipts().len() + model.pool_size());
            let own = keeper.rebalances().await.len() - 1;
            assert_eq!(sent, own.min(keeper.pool()), "nothing of it is anywhere");
        }
    }
}

#[tokio::test]
async fn what_another_key_of_the_same_journal_signed_is_looked_after() {
    let mut keeper = Keeper::start().await;
    keeper.round().await.expect("a round");
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    let (old, hash) = (keeper.key.address(), keeper.outcome(stored.hash).await.attempts[0].hash);
    // The pool has forgotten, and the agent is another one by now.
    keeper.chain.with(|model| model.drop_pool());
    keeper.key = Arc::new(AgentKey::random());
    keeper.restart().await;
    keeper.mine_and_round().await;
    assert_eq!(keeper.pool(), 1, "the same bytes, handed in again");
    keeper.mine_and_round().await;
    keeper.finalize();
    keeper.mine_and_round().await;
    let outcome = keeper.outcome(stored.hash).await;
    assert_eq!((keeper.executed(), outcome.state), (1, OutcomeState::Executed));
    let signed: Vec<_> = outcome.attempts.iter().map(|one| (one.from, one.hash)).collect();
    assert_eq!(signed, [(old, hash)]);
}

/// The last byte of what a call gave back is another.
fn changed(result: &mut Value) {
    if let Some(text) = result.as_str() {
        let (kept, last) = text.split_at(text.len() - 1);
        *result = format!("{kept}{}", if last == "0" { "1" } else { "0" }).into();
    }
}

#[tokio::test]
async fn what_was_not_signed_in_time_waits_while_endpoints_contradict_each_other() {
    let (mut keeper, decision) = unsigned().await;
    let (lies, chain) = (Arc::new(AtomicBool::new(true)), keeper.chain.clone());
    let method = "eth_call";
    let honest = Liar { chain: chain.clone(), lies: Arc::default(), method, change: changed };
    let liar = Liar { chain, lies: lies.clone(), method, change: changed };
    let list: Vec<Arc<dyn Chain>> = vec![honest.endpoint(), liar.endpoint()];
    let mut world = testing::world_on(&keeper.chain, keeper.key.address());
    world.endpoints = Endpoints::new(list).with_quorum(2);
    keeper.restart_in(world, RunOptions::default()).await;
    for _ in 0..3 {
        keeper.mine_and_round().await;
        assert_eq!(keeper.pool(), 0);
        assert_eq!(keeper.outcome(decision).await.state, OutcomeState::Submitted);
    }
    lies.store(false, Ordering::SeqCst);
    keeper.mine_and_round().await;
    assert_eq!(keeper.pool(), 1);

    // Beyond its deadline it ends by itself, whoever lies.
    let (mut keeper, decision) = unsigned().await;
    keeper.chain.with(|model| model.mine(301));
    keeper.round().await.expect("a round");
    assert_eq!(keeper.outcome(decision).await.state, OutcomeState::Expired);
}
