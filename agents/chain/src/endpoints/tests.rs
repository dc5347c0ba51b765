use super::*;
use crate::memory::{Fault, MemoryChain, empty_world};

fn chains(count: usize) -> (Vec<Arc<MemoryChain>>, Endpoints) {
    let (policy, snapshot) = empty_world();
    let list: Vec<_> =
        (0..count).map(|_| Arc::new(MemoryChain::new(policy.clone(), snapshot.clone()))).collect();
    let dynamic = list.iter().map(shared).collect();
    (list, Endpoints::new(dynamic))
}

fn shared(chain: &Arc<MemoryChain>) -> Arc<dyn Chain> {
    chain.clone()
}

fn query() -> Query {
    Query { vault: Address::repeat_byte(2), agent: Address::ZERO }
}

async fn confirm(list: &[Arc<MemoryChain>], endpoints: &Endpoints) -> ChainResult<()> {
    let header = list[0].with(|model| model.head());
    let expected = list[0].snapshots(Address::ZERO, &[query()], &header).await.expect("reads");
    endpoints.confirm(Address::ZERO, query(), &header, &expected[0]).await
}

#[tokio::test]
async fn silence_falls_back_and_stays_there() {
    let (list, endpoints) = chains(2);
    list[0].set_down(true);
    list[1].with(|model| model.mine(12));
    assert_eq!(endpoints.head(Tag::Latest).await.map(|head| head.block.number), Ok(1));
    list[0].set_down(false);
    assert_eq!(endpoints.head(Tag::Latest).await.map(|head| head.block.number), Ok(1));
    list[1].set_down(true);
    assert_eq!(endpoints.head(Tag::Latest).await.map(|head| head.block.number), Ok(0));
    list[0].set_down(true);
    let error = endpoints.head(Tag::Latest).await.expect_err("all are down");
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn what_is_said_is_not_overruled() {
    let (list, endpoints) = chains(2);
    list[0].fail_next("head", Fault::Refused("no".to_owned()));
    let answer = endpoints.head(Tag::Latest).await;
    assert!(matches!(answer, Err(ChainError::Refused { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_transaction_goes_to_all_and_one_that_takes_it_is_enough() {
    let (list, endpoints) = chains(3);
    let key = crate::AgentKey::random();
    let unsigned = crate::signer::Unsigned {
        chain_id: 31_337,
        nonce: 0,
        to: Address::ZERO,
        input: Bytes::new(),
        gas_limit: 21_000,
        max_fee_wei: 2,
        priority_fee_wei: 1,
    };
    let raw = key.sign(&unsigned).expect("signs").raw;
    list[0].fail_next("send_raw", Fault::Refused("no".to_owned()));
    list[2].fail_next("send_raw", Fault::Unreachable);
    assert_eq!(endpoints.send_raw(&raw).await, Ok(SendAnswer::Accepted));
    let pools: Vec<usize> =
        list.iter().map(|chain| chain.with(|model| model.pool_size())).collect();
    assert_eq!(pools, [0, 1, 0]);
    for chain in &list {
        chain.fail_next("send_raw", Fault::Unreachable);
    }
    assert!(endpoints.send_raw(&raw).await.is_err(), "nobody answered: maybe sent");
}

#[tokio::test]
async fn one_state_everywhere_is_confirmed() {
    let (list, endpoints) = chains(3);
    assert_eq!(confirm(&list, &endpoints).await, Ok(()));
}

#[tokio::test]
async fn an_endpoint_that_lies_disagrees_and_one_behind_is_late() {
    let (list, endpoints) = chains(2);
    for chain in &list {
        chain.with(|model| model.mine(12));
    }
    list[1].with(|model| {
        model.roll_back(1);
        model.state.idle += U256::ONE;
        model.mine(12);
    });
    // The same height with another hash: the block that was decided on is not there.
    let late = confirm(&list, &endpoints).await;
    assert!(
        matches!(late, Err(ChainError::Reorganised { .. } | ChainError::Late { .. })),
        "{late:?}"
    );

    let (policy, snapshot) = empty_world();
    let mut lie = snapshot.clone();
    lie.vault.idle += U256::ONE;
    let honest = Arc::new(MemoryChain::new(policy.clone(), snapshot));
    let liar: Arc<dyn Chain> = Arc::new(MemoryChain::new(policy, lie));
    let dynamic: Arc<dyn Chain> = honest.clone();
    let endpoints = Endpoints::new(vec![dynamic, liar]);
    let answer = confirm(&[honest], &endpoints).await;
    assert!(matches!(answer, Err(ChainError::Disagrees { .. })), "{answer:?}");

    let (list, endpoints) = chains(2);
    list[0].with(|model| model.mine(12));
    let late = confirm(&list, &endpoints).await;
    assert!(matches!(late, Err(ChainError::Late { .. })), "{late:?}");
}

#[tokio::test]
async fn one_endpoint_alone_has_nobody_to_agree_with() {
    let (list, endpoints) = chains(1);
    list[0].fail_next("snapshots", Fault::Late);
    let header = list[0].with(|model| model.head());
    let (_, snapshot) = empty_world();
    let asked = endpoints.confirm(Address::ZERO, query(), &header, &snapshot).await;
    assert_eq!(asked, Ok(()));
}
