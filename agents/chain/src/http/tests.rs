use alloy::primitives::keccak256;

use super::*;

use crate::fake_node::{self, Answers};

async fn endpoint(answers: Answers) -> HttpChain {
    let node = fake_node::start(answers).await;
    HttpChain::new(node.url(), Duration::from_millis(400)).expect("a client")
}

fn raw_header(number: u64, hash: u8) -> Value {
    json!({
        "number": U64::from(number), "hash": B256::repeat_byte(hash),
        "parentHash": B256::repeat_byte(hash - 1), "timestamp": U64::from(1_000 + number),
        "baseFeePerGas": "0x7", "extraData": "0x",
    })
}

fn header(number: u64, hash: u8) -> Header {
    serde_json::from_value::<RawHeader>(raw_header(number, hash)).expect("sound").into()
}

fn result(value: Value) -> Vec<Value> {
    vec![json!({ "result": value })]
}

fn error(code: i64, message: &str, data: Value) -> Vec<Value> {
    vec![json!({ "error": { "code": code, "message": message, "data": data } })]
}

fn a_call() -> Call {
    Call { from: Address::ZERO, to: Address::ZERO, input: Bytes::new(), gas: 1, returns: true }
}

#[tokio::test]
async fn headers_are_read() {
    let chain = endpoint(HashMap::from([("eth_getBlockByNumber", result(raw_header(5, 9)))])).await;
    let head = chain.head(Tag::Latest).await.expect("answers");
    assert_eq!((head.block.number, head.block.timestamp, head.base_fee_wei), (5, 1_005, 7));
    assert_eq!(head.block.parent_hash, B256::repeat_byte(8));
}

#[tokio::test]
async fn a_header_of_another_block_is_not_taken() {
    let chain = endpoint(HashMap::from([("eth_getBlockByHash", result(raw_header(5, 9)))])).await;
    assert!(chain.header(BlockAt::Hash(B256::repeat_byte(9))).await.is_ok());
    let lie = chain.header(BlockAt::Hash(B256::repeat_byte(7))).await;
    assert!(matches!(lie, Err(ChainError::Malformed { .. })), "{lie:?}");
}

#[tokio::test]
async fn silence_ends_in_time_and_says_no_secret() {
    let chain = endpoint(HashMap::from([("eth_chainId", vec![Value::Null])])).await;
    let error = chain.chain_id().await.expect_err("silent");
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
    assert!(error.is_transient());
    assert!(!format!("{error} {error:?} {chain:?}").contains("secret-key"), "{error} {error:?}");
}

#[tokio::test]
async fn a_closed_port_says_where_and_no_secret() {
    let url = EndpointUrl::parse("http://127.0.0.1:1/v2/secret-key").expect("sound");
    let chain = HttpChain::new(url, Duration::from_secs(2)).expect("a client");
    let error = chain.chain_id().await.expect_err("closed");
    let text = format!("{error} {error:?}");
    assert!(text.contains("http://127.0.0.1:1 cannot be reached"), "{text}");
    assert!(!text.contains("secret-key"), "{text}");
}

#[tokio::test]
async fn a_block_that_is_unknown_makes_it_late_and_one_that_is_gone_reorganised() {
    // In words that nobody has listed: what the endpoint says of the block decides.
    let refused = error(-32_000, "nothing here", Value::Null);
    let unknown = endpoint(HashMap::from([
        ("eth_call", refused.clone()),
        ("eth_getBlockByHash", result(Value::Null)),
    ]));
    let answer = unknown.await.simulate(&a_call(), &header(5, 9), 6).await;
    assert!(matches!(answer, Err(ChainError::Late { .. })), "{answer:?}");

    let gone = endpoint(HashMap::from([
        ("eth_call", refused.clone()),
        ("eth_getBlockByHash", result(raw_header(5, 9))),
        ("eth_getBlockByNumber", result(raw_header(5, 7))),
    ]));
    let answer = gone.await.simulate(&a_call(), &header(5, 9), 6).await;
    assert!(matches!(answer, Err(ChainError::Reorganised { .. })), "{answer:?}");

    let there = endpoint(HashMap::from([
        ("eth_call", error(-32_000, "insufficient funds", Value::Null)),
        ("eth_getBlockByHash", result(raw_header(5, 9))),
        ("eth_getBlockByNumber", result(raw_header(5, 9))),
    ]));
    let answer = there.await.simulate(&a_call(), &header(5, 9), 6).await.expect("an answer");
    let expected =
        Simulation::Fails { message: "insufficient funds".to_owned(), data: Bytes::new() };
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn revert_data_is_found_wherever_it_stands() {
    for data in [
        json!("0x01020304"),
        json!({ "data": "0x01020304" }),
        json!({ "x": { "y": "0x01020304" } }),
    ] {
        let chain = endpoint(HashMap::from([("eth_call", error(3, "execution reverted", data))]));
        let answer = chain.await.simulate(&a_call(), &header(5, 9), 6).await.expect("an answer");
        let Simulation::Fails { data, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(data, Bytes::from_static(&[1, 2, 3, 4]));
    }
}

#[tokio::test]
async fn a_limit_on_requests_is_no_failed_simulation() {
    let chain = endpoint(HashMap::from([
        ("eth_call", error(-32_005, "too many requests", Value::Null)),
        ("eth_getBlockByHash", result(raw_header(5, 9))),
        ("eth_getBlockByNumber", result(raw_header(5, 9))),
    ]));
    let answer = chain.await.simulate(&a_call(), &header(5, 9), 6).await;
    assert!(answer.is_err_and(|error| error.is_transient()));
}

#[tokio::test]
async fn answers_to_a_transaction_are_told_apart() {
    let raw = Bytes::from_static(b"transaction");
    let hash = keccak256(&raw);
    let words = |message| error(-32_000, message, Value::Null);
    let cases = [
        (result(json!(hash)), Ok(SendAnswer::Accepted)),
        (words("already known"), Ok(SendAnswer::Accepted)),
        (words("nonce too low: next nonce 3, tx nonce 2"), Ok(SendAnswer::NonceTooLow)),
        (words("replacement transaction underpriced"), Ok(SendAnswer::Underpriced)),
        (words("no"), Ok(SendAnswer::Refused("no".to_owned()))),
        (result(json!(B256::ZERO)), Err(())),
        (vec![Value::Null], Err(())),
    ];
    for (answer, expected) in cases {
        let chain = endpoint(HashMap::from([("eth_sendRawTransaction", answer)])).await;
        assert_eq!(chain.send_raw(&raw).await.map_err(|_| ()), expected);
    }
}

#[tokio::test]
async fn a_pending_receipt_is_none() {
    let hash = B256::repeat_byte(3);
    let receipt = |block: Value, block_hash: Value| {
        result(json!({
            "transactionHash": hash, "blockNumber": block, "blockHash": block_hash,
            "status": "0x1", "gasUsed": "0x5208", "effectiveGasPrice": "0x9", "logs": [],
        }))
    };
    let pending =
        endpoint(HashMap::from([("eth_getTransactionReceipt", receipt(Value::Null, Value::Null))]));
    assert_eq!(pending.await.receipt(hash).await, Ok(None));
    let mined = endpoint(HashMap::from([(
        "eth_getTransactionReceipt",
        receipt(json!("0x5"), json!(B256::repeat_byte(9))),
    )]));
    let receipt = mined.await.receipt(hash).await.expect("answers").expect("mined");
    assert_eq!((receipt.block_number, receipt.is_success, receipt.gas_used), (5, true, 21_000));
}

#[tokio::test]
async fn an_empty_answer_is_never_a_zero() {
    for empty in [json!(null), json!("0x"), json!(""), json!([]), json!({})] {
        let count = vec![json!({ "result": empty })];
        let block = Some(B256::repeat_byte(9));
        let chain = endpoint(HashMap::from([
            ("eth_getTransactionCount", count.clone()),
            ("eth_getBalance", count.clone()),
            ("eth_chainId", count.clone()),
            ("eth_getBlockByNumber", count.clone()),
        ]))
        .await;
        assert!(chain.transaction_count(Address::ZERO, None).await.is_err(), "{empty}");
        assert!(chain.transaction_count(Address::ZERO, block).await.is_err(), "{empty}");
        assert!(chain.balance(Address::ZERO).await.is_err(), "{empty}");
        assert!(chain.chain_id().await.is_err(), "{empty}");
        assert!(chain.head(Tag::Latest).await.is_err(), "{empty}");
    }
}

#[tokio::test]
async fn the_lens_and_a_simulation_answer_something_or_it_is_no_answer() {
    let lens = |empty: Value| {
        endpoint(HashMap::from([
            ("eth_call", result(empty)),
            ("eth_chainId", result(json!("0x1"))),
        ]))
    };
    let query = Query { vault: Address::repeat_byte(1), agent: Address::ZERO };
    let null = lens(Value::Null).await;
    let answer = null.snapshots(Address::ZERO, &[query], &header(5, 9)).await;
    assert!(matches!(answer, Err(ChainError::Late { .. })), "{answer:?}");
    let answer = null.simulate(&a_call(), &header(5, 9), 6).await;
    assert!(matches!(answer, Err(ChainError::Late { .. })), "{answer:?}");
    for empty in [json!("0x"), json!([]), json!("0x00")] {
        let chain = lens(empty.clone()).await;
        let answer = chain.snapshots(Address::ZERO, &[query], &header(5, 9)).await;
        assert!(matches!(answer, Err(ChainError::Malformed { .. })), "{empty}: {answer:?}");
        assert!(answer.is_err_and(|error| error.is_endpoints_own()));
    }
    let answer = lens(json!("0x")).await.simulate(&a_call(), &header(5, 9), 6).await;
    assert!(matches!(answer, Err(ChainError::Malformed { .. })), "{answer:?}");
}

#[tokio::test]
async fn an_answer_to_another_request_and_one_without_a_result_are_none() {
    let other =
        endpoint(HashMap::from([("eth_chainId", vec![json!({ "result": "0x1", "id": 77 })])]));
    let answer = other.await.chain_id().await;
    assert!(matches!(answer, Err(ChainError::Malformed { .. })), "{answer:?}");
    let hash = B256::repeat_byte(3);
    let nothing = endpoint(HashMap::from([("eth_getTransactionReceipt", vec![json!({})])])).await;
    let answer = nothing.receipt(hash).await;
    assert!(matches!(answer, Err(ChainError::Malformed { .. })), "no receipt is null: {answer:?}");
}

#[tokio::test]
async fn a_dead_connection_is_dropped_and_rebuilt() {
    let node = fake_node::start(HashMap::from([(
        "eth_chainId",
        vec![Value::Null, json!({ "result": "0x1" })],
    )]))
    .await;
    let chain = HttpChain::new(node.url(), Duration::from_millis(300)).expect("a client");
    let before = node.connections.load(std::sync::atomic::Ordering::Relaxed);
    assert!(chain.chain_id().await.is_err(), "the node hangs");
    assert_eq!(chain.chain_id().await, Ok(1), "over another connection");
    let after = node.connections.load(std::sync::atomic::Ordering::Relaxed);
    assert!(after > before, "{before} and {after} connections");
    let tally = chain.tallies().into_iter().find(|(method, _)| *method == "eth_chainId");
    assert_eq!(tally.map(|(_, tally)| tally), Some(Tally { asked: 2, failed: 1 }));
}

#[tokio::test]
async fn words_of_nodes_about_a_block_cost_no_further_question() {
    let words = [
        (-32_000, "header not found"),
        (-32_001, "Resource not found."),
        (-32_000, "missing trie node 6d1f (path ) state 0x6d1f is not available, not found"),
    ];
    for (code, message) in words {
        let node =
            fake_node::start(HashMap::from([("eth_call", error(code, message, Value::Null))]))
                .await;
        let chain = HttpChain::new(node.url(), Duration::from_millis(400)).expect("a client");
        let answer = chain.simulate(&a_call(), &header(5, 9), 6).await;
        assert!(matches!(answer, Err(ChainError::Late { .. })), "{message}: {answer:?}");
        assert_eq!(node.asked(), ["eth_call"]);
    }
    let chain = endpoint(HashMap::from([(
        "eth_call",
        error(-32_000, "hash 0909 is not currently canonical", Value::Null),
    )]));
    let answer = chain.await.simulate(&a_call(), &header(5, 9), 6).await;
    assert!(matches!(answer, Err(ChainError::Reorganised { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_page_whose_return_costs_too_much_is_read_in_smaller_ones() {
    use alloy::sol_types::SolCall;

    use crate::{
        bindings::lens::ITreasuryLens,
        lens::tests::{header, page, query, view},
    };

    let queries = [query(1), query(2)];
    let seen = |place: usize, next: u64| {
        let page = page(vec![view(queries[place].vault, vec![])], next);
        json!({ "result": Bytes::from(ITreasuryLens::readCall::abi_encode_returns(&page)) })
    };
    let refused = error(-32_603, "EVM error MemoryOOG", Value::Null)[0].clone();
    let at = header();
    let block = json!({
        "number": U64::from(at.block.number), "hash": at.block.hash, "parentHash": at.block.parent_hash,
        "timestamp": U64::from(at.block.timestamp), "baseFeePerGas": "0x7", "extraData": "0x",
    });
    let node = fake_node::start(HashMap::from([
        ("eth_chainId", result(json!("0x7a69"))),
        ("eth_call", vec![refused.clone(), seen(0, 1), seen(1, 2), refused]),
        // What the node refused had nothing to do with the block.
        ("eth_getBlockByHash", result(block.clone())),
        ("eth_getBlockByNumber", result(block)),
    ]))
    .await;
    let chain = HttpChain::new(node.url(), Duration::from_millis(400)).expect("a client");
    let lens_calls = || node.asked().iter().filter(|method| *method == "eth_call").count();
    let answer = chain.snapshots(Address::ZERO, &queries, &at).await.expect("answers");
    assert!(answer.iter().all(Result::is_ok));
    assert_eq!(lens_calls(), 3);
    // A node that refuses whatever is kept back: 3, 6, 12, 24 and 48 of 50 million.
    assert!(chain.snapshots(Address::ZERO, &queries, &at).await.is_err());
    assert_eq!(lens_calls(), 5);
}

#[tokio::test]
async fn a_vault_too_dear_for_a_page_is_passed_by() {
    use alloy::sol_types::{SolCall, SolError};

    use crate::{
        bindings::lens::ITreasuryLens,
        lens::tests::{header, page, query, view},
    };

    let queries = [query(1), query(2), query(3)];
    let seen = |place: usize, next: u64| {
        let page = page(vec![view(queries[place].vault, vec![])], next);
        json!({ "result": Bytes::from(ITreasuryLens::readCall::abi_encode_returns(&page)) })
    };
    let too_low = ITreasuryLens::GasTooLow { needed: U256::from(9), given: U256::from(8) };
    let too_low = error(3, "execution reverted", json!(Bytes::from(too_low.abi_encode())));
    let node = fake_node::start(HashMap::from([
        ("eth_chainId", result(json!("0x7a69"))),
        ("eth_call", vec![seen(0, 1), too_low[0].clone(), seen(2, 3)]),
    ]))
    .await;
    let chain = HttpChain::new(node.url(), Duration::from_millis(400)).expect("a client");
    let answer = chain.snapshots(Address::ZERO, &queries, &header()).await.expect("answers");
    assert!(answer[0].is_ok() && answer[2].is_ok());
    let unseen = answer[1].as_ref().expect_err("too dear");
    assert!(unseen.cause.contains("50000000 gas of a page"), "{unseen}");
    assert_eq!(node.asked(), ["eth_chainId", "eth_call", "eth_call", "eth_call"]);
    // The chain's id is not asked again.
    assert!(chain.snapshots(Address::ZERO, &queries[2..], &header()).await.is_err());
    assert_eq!(node.asked(), ["eth_call"]);
}

#[tokio::test]
async fn events_are_listed_in_the_order_in_which_they_were_raised() {
    let log = |block: u64, index: u64| {
        json!({
            "address": Address::repeat_byte(3), "topics": [B256::repeat_byte(4)], "data": "0x05",
            "blockNumber": U64::from(block), "blockHash": B256::repeat_byte(6),
            "transactionHash": B256::repeat_byte(7), "logIndex": U64::from(index), "removed": false,
        })
    };
    let listed = json!([log(9, 0), log(8, 2), log(8, 1)]);
    let chain = endpoint(HashMap::from([("eth_getLogs", result(listed))])).await;
    let filter = LogFilter { addresses: vec![], topics: vec![None], first: 8, last: 9 };
    let logs = chain.logs(&filter).await.expect("an answer");
    let places: Vec<_> = logs.iter().map(|log| (log.block_number, log.log_index)).collect();
    assert_eq!(places, [(8, 1), (8, 2), (9, 0)]);
    assert_eq!(
        (logs[0].block_hash, logs[0].transaction),
        (B256::repeat_byte(6), B256::repeat_byte(7))
    );
    assert_eq!(logs[0].log.data, Bytes::from_static(&[5]));
    let odd = json!([{ "address": Address::ZERO, "topics": [], "data": "0x" }]);
    let chain = endpoint(HashMap::from([("eth_getLogs", result(odd))])).await;
    assert!(matches!(chain.logs(&filter).await, Err(ChainError::Malformed { .. })));
}

#[tokio::test]
async fn a_contract_that_fails_is_told_from_a_node_without_old_state() {
    let (of, input, at) = (Address::ZERO, Bytes::new(), header(5, 9));
    let chain = endpoint(HashMap::from([("eth_call", result(json!("0x07")))])).await;
    let answer = chain.read(of, &input, &at).await;
    assert_eq!(answer, Ok(Reading::Answer(Bytes::from_static(&[7]))));
    for failure in [
        error(3, "execution reverted", json!("0x")),
        error(-32_000, "execution reverted", Value::Null),
        error(-32_000, "out of gas", Value::Null),
    ] {
        let chain = endpoint(HashMap::from([("eth_call", failure)])).await;
        assert_eq!(chain.read(of, &input, &at).await, Ok(Reading::Fails));
    }
    let pruned = error(-32_000, "missing trie node 0xabc (path )", Value::Null);
    let chain = endpoint(HashMap::from([("eth_call", pruned)])).await;
    assert!(matches!(chain.read(of, &input, &at).await, Err(ChainError::Late { .. })));
}
