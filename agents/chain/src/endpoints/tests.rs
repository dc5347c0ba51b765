use super::*;
use crate::{
    BlockId,
    memory::{Fault, MemoryChain, empty_world},
};

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
    let mut seen = list[0].snapshots(Address::ZERO, &[query()], &header).await.expect("reads");
    let expected = seen.remove(0).expect("seen");
    endpoints.confirm(Address::ZERO, query(), &header, &expected).await
}

async fn number(endpoints: &Endpoints) -> Option<u64> {
    endpoints.head(Tag::Latest).await.ok().map(|head| head.block.number)
}

#[tokio::test]
async fn silence_falls_back_and_the_preferred_one_is_asked_again_later() {
    let (list, endpoints) = chains(2);
    list[1].with(|model| model.mine(12));
    list[0].set_down(true);
    for _ in 0..4 {
        assert_eq!(number(&endpoints).await, Some(1));
    }
    // It has failed too often to be asked first, though it is up again.
    list[0].set_down(false);
    assert_eq!(number(&endpoints).await, Some(1));
    list[1].set_down(true);
    assert_eq!(number(&endpoints).await, Some(0), "any answer is better than none");
    list[0].set_down(true);
    let error = endpoints.head(Tag::Latest).await.expect_err("all are down");
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn one_failure_does_not_leave_the_preferred_one() {
    let (list, endpoints) = chains(2);
    list[1].with(|model| model.mine(12));
    list[0].fail_next("head", Fault::Unreachable);
    assert_eq!(number(&endpoints).await, Some(1));
    assert_eq!(number(&endpoints).await, Some(0));
}

#[tokio::test]
async fn one_that_has_not_seen_the_block_is_asked_again_before_another() {
    let (list, endpoints) = chains(2);
    let head = list[0].with(|model| model.head());
    for _ in 0..2 {
        list[0].fail_next("snapshots", Fault::Late);
    }
    // The other one would refuse.
    list[1].fail_next("snapshots", Fault::Refused("not me".to_owned()));
    assert!(endpoints.snapshots(Address::ZERO, &[query()], &head).await.is_ok());
}

#[tokio::test]
async fn one_that_stays_late_is_left_for_another_within_bounds() {
    let (list, endpoints) = chains(2);
    for chain in &list {
        chain.with(|model| model.mine(12));
    }
    let head = list[1].with(|model| model.mine(12));
    let started = std::time::Instant::now();
    let seen = endpoints.snapshots(Address::ZERO, &[query()], &head).await.expect("the other has");
    assert_eq!(seen[0].as_ref().expect("seen").block, head.block);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(1_500) && took < Duration::from_secs(4), "{took:?}");
    // And by hash, where the answer of one that does not have it is null.
    let answer = endpoints.header(BlockAt::Hash(head.block.hash)).await;
    assert_eq!(answer, Ok(Some(head)));
    let nobodys = endpoints.header(BlockAt::Hash(B256::repeat_byte(0xdd))).await;
    assert_eq!(nobodys, Ok(None));
}

#[tokio::test]
async fn a_preferred_one_that_stands_still_is_left_for_one_that_moves() {
    let (list, endpoints) = chains(2);
    let endpoints = endpoints.with_stale_after(Duration::from_millis(60));
    assert_eq!(number(&endpoints).await, Some(0));
    list[1].with(|model| {
        model.mine(12);
        model.mine(12);
    });
    assert_eq!(number(&endpoints).await, Some(0), "it may still be a moment behind");
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(number(&endpoints).await, Some(2));
    list[1].with(|model| model.mine(12));
    assert_eq!(number(&endpoints).await, Some(3), "and stays left");
    let current = endpoints.current().expect("one");
    assert_eq!(current.head(Tag::Latest).await.map(|head| head.block.number), Ok(3));
}

#[tokio::test]
async fn a_chain_that_stands_still_everywhere_stays_with_the_preferred_one() {
    let (list, endpoints) = chains(3);
    let endpoints = endpoints.with_stale_after(Duration::from_millis(20));
    for _ in 0..3 {
        assert_eq!(number(&endpoints).await, Some(0));
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    list[0].with(|model| model.mine(12));
    assert_eq!(number(&endpoints).await, Some(1));
}

#[tokio::test]
async fn a_final_block_is_gone_only_if_nobody_has_it() {
    let (list, endpoints) = chains(2);
    for chain in &list {
        chain.with(|model| model.mine(12));
    }
    let block = BlockId::from(&list[0].with(|model| model.head()));
    assert_eq!(endpoints.stands(block).await, Ok(true));
    let replace = |chain: &MemoryChain| {
        chain.with(|model| {
            model.roll_back(1);
            model.state.idle += U256::ONE;
            model.mine(13);
        });
    };
    replace(&list[1]);
    let answer = endpoints.stands(block).await;
    assert!(matches!(answer, Err(ChainError::Disagrees { .. })), "{answer:?}");
    replace(&list[0]);
    assert_eq!(endpoints.stands(block).await, Ok(false));
    // An endpoint below the height has nothing to say about it, and one alone is not believed.
    list[1].with(|model| model.roll_back(1));
    let answer = endpoints.stands(block).await;
    assert!(matches!(answer, Err(ChainError::Late { .. })), "{answer:?}");
    list[0].with(|model| model.roll_back(1));
    let answer = endpoints.stands(block).await;
    assert!(matches!(answer, Err(ChainError::Late { .. })), "{answer:?}");
    list[0].set_down(true);
    list[1].set_down(true);
    assert!(endpoints.stands(block).await.is_err_and(|error| error.is_transient()));
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
    let raw = key.sign(&unsigned).await.expect("signs").raw;
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
    assert_eq!(number(&endpoints).await, Some(0));
    assert_eq!(confirm(&list, &endpoints).await, Ok(()));
    // Asking the others changes nothing about whom the rest is asked.
    let block = BlockId::from(&list[0].with(|model| model.mine(12)));
    assert_eq!(endpoints.stands(block).await, Ok(true));
    let current = endpoints.current().expect("one");
    assert_eq!(current.head(Tag::Latest).await.map(|head| head.block.number), Ok(1));
}

fn is_short(answer: &ChainResult<()>) -> bool {
    matches!(answer, Err(ChainError::NoQuorum { .. }))
}

#[tokio::test]
async fn an_endpoint_that_lies_disagrees_whatever_the_quorum() {
    let (policy, snapshot) = empty_world();
    let mut lie = snapshot.clone();
    lie.vault.idle += U256::ONE;
    for quorum in [2, 3] {
        let honest: Vec<_> =
            (0..2).map(|_| Arc::new(MemoryChain::new(policy.clone(), snapshot.clone()))).collect();
        let liar: Arc<dyn Chain> = Arc::new(MemoryChain::new(policy.clone(), lie.clone()));
        let endpoints = Endpoints::new(vec![shared(&honest[0]), shared(&honest[1]), liar]);
        let answer = confirm(&honest, &endpoints.with_quorum(quorum)).await;
        assert!(matches!(answer, Err(ChainError::Disagrees { .. })), "{answer:?}");
    }
    // The lie about the preferred one's own state, too: what was decided on is not what it says now.
    let (list, endpoints) = chains(2);
    list[1].fail_next("unseen", Fault::Late);
    let answer = confirm(&list, &endpoints).await;
    assert!(matches!(answer, Err(ChainError::Disagrees { .. })), "{answer:?}");
}

#[tokio::test]
async fn one_behind_or_silent_is_no_lie_and_no_vote() {
    let (list, endpoints) = chains(3);
    for chain in &list[..2] {
        chain.with(|model| model.mine(12));
    }
    let answer = confirm(&list, &endpoints).await;
    assert!(is_short(&answer), "{answer:?}");
    let endpoints = endpoints.with_quorum(2);
    assert_eq!(confirm(&list, &endpoints).await, Ok(()), "two agree, the third has not seen it");
    list[1].set_down(true);
    let answer = confirm(&list, &endpoints).await;
    let Err(ChainError::NoQuorum { agreed: 1, quorum: 2, .. }) = answer else {
        panic!("{answer:?}");
    };
    list[1].set_down(false);
    list[2].with(|model| model.mine(12));
    assert_eq!(confirm(&list, &endpoints.with_quorum(3)).await, Ok(()));
}

#[tokio::test]
async fn another_branch_at_the_same_height_is_no_vote() {
    let (list, endpoints) = chains(2);
    for chain in &list {
        chain.with(|model| model.mine(12));
    }
    list[1].with(|model| {
        model.roll_back(1);
        model.state.idle += U256::ONE;
        model.mine(12);
    });
    let answer = confirm(&list, &endpoints).await;
    assert!(is_short(&answer), "{answer:?}");
}

#[tokio::test]
async fn a_quorum_of_one_asks_nobody() {
    let (list, endpoints) = chains(2);
    for chain in &list {
        chain.fail_next("witness", Fault::Late);
    }
    let header = list[0].with(|model| model.head());
    let (_, snapshot) = empty_world();
    let endpoints = endpoints.with_quorum(1);
    assert_eq!(endpoints.confirm(Address::ZERO, query(), &header, &snapshot).await, Ok(()));
    let (list, endpoints) = chains(1);
    list[0].fail_next("witness", Fault::Late);
    assert_eq!(endpoints.confirm(Address::ZERO, query(), &header, &snapshot).await, Ok(()));
}

mod judged {
    use super::*;
    use crate::endpoints::quorum::judge;

    /// What an endpoint may say: the truth, other bytes, another state, another header, nothing yet, nothing at all.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Said {
        Truth,
        OtherBytes,
        OtherState,
        OtherHeader,
        Late,
        Silent,
    }

    const ALL: [Said; 6] = [
        Said::Truth,
        Said::OtherBytes,
        Said::OtherState,
        Said::OtherHeader,
        Said::Late,
        Said::Silent,
    ];

    fn testimony(said: Said) -> Testimony {
        let (_, snapshot) = empty_world();
        let mut header = Header { block: snapshot.block, base_fee_wei: snapshot.base_fee_wei };
        let mut witness = Witness { sighting: Ok(snapshot.clone()), digest: B256::ZERO };
        let endpoint = "one".to_owned();
        let said = match said {
            Said::Truth => Ok((Some(header), witness)),
            Said::OtherBytes => {
                witness.digest = B256::repeat_byte(1);
                Ok((Some(header), witness))
            }
            Said::OtherState => {
                let mut other = snapshot;
                other.vault.idle += U256::ONE;
                witness.sighting = Ok(other);
                Ok((Some(header), witness))
            }
            Said::OtherHeader => {
                header.block.timestamp += 1;
                Ok((Some(header), witness))
            }
            Said::Late => Ok((None, witness)),
            Said::Silent => {
                Err(ChainError::Unreachable { endpoint: endpoint.clone(), cause: "no".to_owned() })
            }
        };
        Testimony { endpoint, said }
    }

    #[test]
    fn every_combination_of_three_is_judged() {
        let (_, snapshot) = empty_world();
        let header = Header { block: snapshot.block, base_fee_wei: snapshot.base_fee_wei };
        for (a, b, c) in ALL
            .iter()
            .flat_map(|a| ALL.iter().flat_map(move |b| ALL.iter().map(move |c| (a, b, c))))
        {
            let said = [*a, *b, *c];
            let truths = said.iter().filter(|said| **said == Said::Truth).count();
            let others = said.iter().filter(|said| **said == Said::OtherBytes).count();
            let is_lie = said.iter().any(|s| matches!(s, Said::OtherState | Said::OtherHeader))
                || (truths > 0 && others > 0);
            for quorum in 2..=3 {
                let testimonies = said.iter().map(|said| testimony(*said)).collect();
                let verdict = judge(testimonies, &header, &snapshot, quorum);
                match verdict {
                    Ok(()) => assert!(!is_lie && truths.max(others) >= quorum, "{said:?}"),
                    Err(ChainError::Disagrees { .. }) => assert!(is_lie, "{said:?}"),
                    Err(ChainError::NoQuorum { agreed, .. }) => {
                        assert!(!is_lie && agreed < quorum && agreed == truths.max(others));
                    }
                    Err(other) => panic!("{said:?}: {other}"),
                }
            }
        }
    }
}

/// Over HTTP: an endpoint that is empty, garbled, throttled or silent is left for one that answers.
#[tokio::test]
async fn an_endpoint_without_a_usable_answer_is_left_for_another() {
    use serde_json::{Value, json};
    let answers = [
        vec![json!({ "result": "0x" })],
        vec![json!({ "result": null })],
        vec![json!({ "result": "0x1", "id": 999 })],
        vec![json!({ "error": { "code": 429, "message": "slow down" } })],
        vec![json!({})],
        vec![Value::Null],
    ];
    for answer in answers {
        let chain = |answers: Vec<Value>| async {
            let node =
                crate::fake_node::start([("eth_getBalance", answers)].into_iter().collect()).await;
            let http = crate::HttpChain::new(node.url(), Duration::from_millis(250));
            (node, Arc::new(http.expect("a client")))
        };
        let (_bad, first) = chain(answer.clone()).await;
        let (_good, second) = chain(vec![json!({ "result": "0x7" })]).await;
        let endpoints = Endpoints::new(vec![first, second]);
        assert_eq!(endpoints.balance(Address::ZERO).await, Ok(U256::from(7)), "{answer:?}");
    }
}
