use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use vagus_policy::{BlockRef, Snapshot};

use super::*;
use crate::{
    EndpointUrl, Header, HttpChain, Wire, WireAnswer, WireError,
    memory::{Fault, Liar, MemoryChain},
};

/// Remembers in memory; the states in the order in which they were saved.
#[derive(Default)]
struct Notes {
    in_flight: Vec<u64>,
    saved: Mutex<Vec<(TxState, Option<B256>)>>,
    raw: Mutex<Vec<(B256, Bytes)>>,
    is_forgetful: bool,
}

#[async_trait]
impl TxStore for Notes {
    async fn nonces_in_flight(&self) -> Result<Vec<u64>, StoreError> {
        Ok(self.in_flight.clone())
    }

    async fn save(&self, state: &TxState, attempt: Option<&NewAttempt>) -> Result<(), StoreError> {
        let hash = attempt.map(|attempt| attempt.signed.hash);
        self.saved.lock().expect("unpoisoned").push((state.clone(), hash));
        if let Some(attempt) = attempt.filter(|_| !self.is_forgetful) {
            let signed = attempt.signed.clone();
            self.raw.lock().expect("unpoisoned").push((signed.hash, signed.raw));
        }
        Ok(())
    }

    async fn raw(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        let raw = self.raw.lock().expect("unpoisoned");
        Ok(raw.iter().find(|(of, _)| *of == hash).map(|(_, raw)| raw.clone()))
    }
}

fn chain() -> Arc<MemoryChain> {
    let (policy, snapshot): (_, Snapshot) = crate::memory::empty_world();
    Arc::new(MemoryChain::new(policy, snapshot))
}

fn head(header: Header, finalized_number: u64) -> Head {
    let BlockRef { number, timestamp, .. } = header.block;
    Head { number, timestamp, base_fee_wei: header.base_fee_wei, finalized_number }
}

struct Bench {
    chain: Arc<MemoryChain>,
    endpoints: Endpoints,
    key: AgentKey,
    notes: Notes,
    state: TxState,
    steps: Arc<Mutex<Vec<(Point, bool)>>>,
    public_from: Option<u64>,
    may_fill: bool,
}

impl Bench {
    fn new(in_flight: Vec<u64>) -> Self {
        let chain = chain();
        let at = head(chain.with(|model| model.head()), 0);
        let dynamic: Arc<dyn Chain> = chain.clone();
        Self {
            chain,
            endpoints: Endpoints::new(vec![dynamic]),
            key: AgentKey::random(),
            notes: Notes { in_flight, ..Notes::default() },
            state: TxState::intended(at.timestamp + 100, at),
            steps: Arc::default(),
            public_from: None,
            may_fill: true,
        }
    }

    async fn round(&mut self) -> Result<Vec<Alert>, SendError> {
        let at = self.chain.with(|model| head(model.head(), model.finalized().block.number));
        let sender = Sender {
            chain_id: 31_337,
            endpoints: &self.endpoints,
            key: &self.key,
            fees: FeePolicy {
                max_fee_wei: 60_000_000_000,
                priority_fee_wei: 1_000_000_000,
                cancel_max_fee_wei: 120_000_000_000,
                rebroadcast_blocks: 5,
            },
            finality_depth: None,
            public_from: self.public_from,
            may_fill: self.may_fill,
            newest: None,
        };
        let job = Job { to: Address::repeat_byte(9), input: Bytes::new(), gas_limit: 100_000 };
        let steps = self.steps.clone();
        let observer =
            move |point, is_done| steps.lock().expect("unpoisoned").push((point, is_done));
        let mut live =
            Live { job: &job, state: &mut self.state, store: &self.notes, observer: &observer };
        sender.on_head(&mut live, at).await
    }

    fn mine(&self) {
        self.chain.with(|model| model.mine(12));
    }
}

#[tokio::test]
async fn an_attempt_is_stored_before_it_is_broadcast() {
    let mut bench = Bench::new(vec![]);
    bench.round().await.expect("sent");
    let steps = bench.steps.lock().expect("unpoisoned").clone();
    let expected = [Point::Sign, Point::StoreAttempt, Point::Broadcast];
    assert_eq!(steps, expected.map(|point| [(point, false), (point, true)]).concat());
    assert_eq!(bench.chain.with(|model| model.pool_size()), 1);
    assert_eq!(bench.state.phase, Phase::Pending);
    let saved = bench.notes.saved.lock().expect("unpoisoned");
    assert_eq!(saved.iter().filter(|(_, attempt)| attempt.is_some()).count(), 1);
    assert_eq!(saved.last().map(|(state, _)| state), Some(&bench.state), "what is known is stored");
}

#[tokio::test]
async fn the_lowest_nonce_that_nobody_holds_is_claimed() {
    for (in_flight, expected) in
        [(vec![], 0), (vec![0, 1], 2), (vec![1, 0, 3], 2), (vec![1, 2], 0), (vec![7], 0)]
    {
        let mut bench = Bench::new(in_flight.clone());
        bench.round().await.expect("sent");
        assert_eq!(bench.state.nonce, Some(expected), "{in_flight:?}");
    }
}

#[tokio::test]
async fn bytes_that_the_store_lost_are_never_broadcast() {
    let mut bench = Bench::new(vec![]);
    bench.notes.is_forgetful = true;
    assert!(matches!(bench.round().await, Err(SendError::MissingBytes(_))));
    assert_eq!(bench.chain.with(|model| model.pool_size()), 0);
}

#[tokio::test]
async fn an_unclear_answer_never_frees_the_nonce() {
    for fault in [Fault::Unreachable, Fault::AnswerLost, Fault::Refused("no".to_owned())] {
        let mut bench = Bench::new(vec![]);
        bench.chain.fail_next("send_raw", fault);
        bench.round().await.expect("carried out");
        assert_eq!((bench.state.phase, bench.state.nonce), (Phase::Pending, Some(0)));
        for _ in 0..8 {
            bench.mine();
            bench.round().await.expect("carried out");
        }
        assert!(matches!(bench.state.phase, Phase::Included(_)), "{:?}", bench.state.phase);
        assert_eq!(bench.state.attempts.len(), 1, "the same bytes");
    }
}

#[tokio::test]
async fn it_is_final_when_its_block_is() {
    let mut bench = Bench::new(vec![]);
    bench.round().await.expect("sent");
    bench.mine();
    bench.round().await.expect("seen");
    assert!(matches!(bench.state.phase, Phase::Included(_)));
    bench.chain.with(|model| {
        let number = model.head().block.number;
        model.finalize(number);
    });
    bench.mine();
    bench.round().await.expect("seen");
    assert!(matches!(bench.state.phase, Phase::Final(_)), "{:?}", bench.state.phase);
}

#[tokio::test]
async fn a_receipt_that_is_gone_makes_it_wait_again() {
    let mut bench = Bench::new(vec![]);
    bench.round().await.expect("sent");
    bench.mine();
    bench.round().await.expect("seen");
    bench.chain.with(|model| {
        model.roll_back(1);
        model.is_mining = false;
        model.mine(12);
        model.is_mining = true;
    });
    let alerts = bench.round().await.expect("seen");
    assert_eq!(alerts, [Alert::Reorged]);
    assert_eq!(bench.state.phase, Phase::Pending);
    bench.mine();
    bench.round().await.expect("seen");
    assert!(matches!(bench.state.phase, Phase::Included(_)));
}

#[tokio::test]
async fn an_endpoint_behind_the_head_proves_nothing() {
    let mut bench = Bench::new(vec![]);
    bench.round().await.expect("sent");
    bench.mine();
    bench.round().await.expect("seen");
    let included = bench.state.phase;
    // The state knows a later head than the endpoint, which has lost the block.
    bench.state.head.number += 5;
    bench.chain.with(|model| model.roll_back(1));
    let state = bench.state.clone();
    let sender = Sender {
        chain_id: 31_337,
        endpoints: &bench.endpoints,
        key: &bench.key,
        fees: FeePolicy {
            max_fee_wei: 1,
            priority_fee_wei: 1,
            cancel_max_fee_wei: 2,
            rebroadcast_blocks: 5,
        },
        finality_depth: None,
        public_from: None,
        may_fill: true,
        newest: None,
    };
    assert_eq!(sender.receipts(&state, &state.hashes()).await.expect("asked"), []);
    assert_eq!(bench.state.phase, included);
}

/// A bench whose chain is only looked at, and a chain behind a private endpoint.
fn with_private() -> (Bench, Arc<MemoryChain>) {
    let (mut bench, private) = (Bench::new(vec![]), chain());
    let (public, alone): (Arc<dyn Chain>, Arc<dyn Chain>) = (bench.chain.clone(), private.clone());
    bench.endpoints = Endpoints::new(vec![public]).with_private(Some(alone));
    // What is sent stays where it is.
    private.with(|model| model.is_mining = false);
    bench.chain.with(|model| model.is_mining = false);
    (bench, private)
}

fn pools(bench: &Bench, private: &MemoryChain) -> (usize, usize) {
    (bench.chain.with(|model| model.pool_size()), private.with(|model| model.pool_size()))
}

#[tokio::test]
async fn the_private_endpoint_alone_sees_the_bytes() {
    let (mut bench, private) = with_private();
    // Silence of the private one changes nothing: no other is tried.
    private.fail_next("send_raw", Fault::Unreachable);
    bench.round().await.expect("carried out");
    assert_eq!((bench.state.phase, pools(&bench, &private)), (Phase::Pending, (0, 0)));
    // Blocks of twelve seconds: replaced, past the deadline, taken back, and repeated.
    for _ in 0..25 {
        bench.mine();
        bench.round().await.expect("carried out");
        assert_eq!(pools(&bench, &private).0, 0, "no public endpoint sees it");
    }
    assert_eq!(pools(&bench, &private).1, 1, "one nonce");
    assert_eq!(bench.state.phase, Phase::Cancelling);
}

#[tokio::test]
async fn it_goes_public_at_its_block_and_not_before() {
    let (mut bench, private) = with_private();
    bench.state.deadline += 10_000;
    let began = bench.state.head.number;
    bench.public_from = Some(began + 10);
    bench.round().await.expect("sent");
    for block in 1..=10 {
        bench.mine();
        bench.round().await.expect("carried out");
        let expected = usize::from(block == 10);
        assert_eq!(pools(&bench, &private), (expected, 1), "block {block}");
    }
}

/// Somebody else with the key hands in a transaction with nonce 0.
async fn somebody_else_sends(bench: &Bench) {
    let unsigned = Unsigned {
        chain_id: 31_337,
        nonce: 0,
        to: Address::repeat_byte(0x99),
        input: Bytes::new(),
        gas_limit: 21_000,
        max_fee_wei: 500_000_000_000,
        priority_fee_wei: 1,
    };
    let theirs = bench.key.sign(&unsigned).await.expect("signs");
    bench.endpoints.send_raw(&theirs.raw).await.expect("taken");
}

/// Somebody else with the key used nonce 0, ours stands behind it, and the block that carried theirs is gone.
async fn behind_an_orphan() -> Bench {
    let mut bench = Bench::new(vec![]);
    somebody_else_sends(&bench).await;
    bench.mine();
    bench.state.deadline += 10_000;
    bench.round().await.expect("sent");
    assert_eq!(bench.state.nonce, Some(1), "behind theirs");
    // Their transaction is lost with its block; ours is in the pool.
    bench.chain.with(|model| {
        model.roll_back(1);
        model.mine(12);
    });
    bench
}

#[tokio::test]
async fn a_nonce_that_a_stranger_left_open_is_filled_after_five_blocks() {
    let mut bench = behind_an_orphan().await;
    let (mut alerts, mut filled_at) = (Vec::new(), None);
    for block in 1..=12 {
        bench.mine();
        alerts.extend(bench.round().await.expect("carried out"));
        if filled_at.is_none() && !bench.state.fills.is_empty() {
            filled_at = Some(block);
            // Stored before it went out, under the transaction that it makes way for.
            let fill = bench.state.fills[0];
            let saved = bench.notes.saved.lock().expect("unpoisoned");
            assert!(saved.iter().any(|(_, attempt)| *attempt == Some(fill.hash)));
            assert_eq!(fill.nonce, 0);
        }
    }
    assert_eq!(filled_at, Some(6), "seen at the first block, filled five later");
    assert_eq!(alerts, [Alert::NonceGap]);
    assert!(matches!(bench.state.phase, Phase::Included(_)), "{:?}", bench.state.phase);
    assert_eq!((bench.state.fills.len(), bench.state.attempts.len()), (1, 1));
    // From outside: both nonces are used, the first by nothing to oneself.
    assert_eq!(bench.chain.with(|model| model.next_nonce(bench.key.address())), 2);
}

#[tokio::test]
async fn a_gap_that_closes_by_itself_is_left_alone() {
    let mut bench = behind_an_orphan().await;
    for _ in 0..4 {
        bench.mine();
        bench.round().await.expect("carried out");
    }
    assert!(bench.state.gap.is_some() && bench.state.fills.is_empty());
    somebody_else_sends(&bench).await;
    for _ in 0..8 {
        bench.mine();
        bench.round().await.expect("carried out");
    }
    assert!(bench.state.fills.is_empty() && bench.state.gap.is_none());
    assert!(matches!(bench.state.phase, Phase::Included(_)), "{:?}", bench.state.phase);
}

#[tokio::test]
async fn a_nonce_that_is_held_by_a_stored_transaction_is_no_gap() {
    let mut bench = behind_an_orphan().await;
    bench.notes.in_flight = vec![0, 1];
    for _ in 0..10 {
        bench.mine();
        bench.round().await.expect("carried out");
    }
    assert!(bench.state.fills.is_empty() && bench.state.gap.is_none());
}

/// An endpoint that tells of a transaction more than there is, as often as it still lies.
#[derive(Debug)]
struct Boaster {
    chain: Arc<MemoryChain>,
    lies: Arc<AtomicU64>,
}

#[async_trait]
impl Wire for Boaster {
    async fn exchange(&self, body: Vec<u8>) -> Result<WireAnswer, WireError> {
        let request: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let mut answer = self.chain.answer(&request, 0);
        let less = |lies: u64| lies.checked_sub(1);
        if request["method"] == "eth_getTransactionCount"
            && self.lies.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
        {
            let count: alloy::primitives::U64 =
                serde_json::from_value(answer["result"].clone()).expect("a number");
            answer["result"] = serde_json::json!(count + alloy::primitives::U64::from(1));
        }
        Ok(WireAnswer { status: Ok(()), body: answer.to_string().into_bytes() })
    }
}

/// A bench whose preferred endpoint can lie, and two endpoints have to agree.
fn beside_a_boaster() -> (Bench, Arc<AtomicU64>) {
    let (mut bench, lies) = (Bench::new(vec![]), Arc::new(AtomicU64::new(0)));
    let wire = Boaster { chain: bench.chain.clone(), lies: lies.clone() };
    let url = EndpointUrl::parse("http://boaster").expect("a url");
    let boaster = HttpChain::over(Arc::new(wire), url, Duration::from_secs(5));
    let honest: Arc<dyn Chain> = bench.chain.clone();
    bench.endpoints = Endpoints::new(vec![Arc::new(boaster), honest]).with_quorum(2);
    (bench, lies)
}

#[tokio::test]
async fn a_nonce_that_one_endpoint_alone_tells_of_is_not_claimed() {
    let (mut bench, lies) = beside_a_boaster();
    lies.store(1, Ordering::SeqCst);
    let answer = bench.round().await;
    assert!(
        matches!(answer, Err(SendError::Chain(ChainError::Disagrees { .. }))),
        "{answer:?}, nonce {:?}",
        bench.state.nonce
    );
    assert_eq!(bench.chain.with(|model| model.pool_size()), 0);
    bench.round().await.expect("sent");
    assert_eq!((bench.state.nonce, bench.state.phase), (Some(0), Phase::Pending));
}

#[tokio::test]
async fn a_nonce_that_one_endpoint_alone_calls_used_is_not_given_up() {
    let (mut bench, lies) = beside_a_boaster();
    bench.round().await.expect("sent");
    bench.chain.with(|model| {
        // It stays in the pool.
        model.is_mining = false;
        model.mine(12);
        let number = model.head().block.number;
        model.finalize(number);
    });
    // While it waits, what is asked is whether the nonce is used: for a receipt that is late, and for finality.
    for _ in 0..4 {
        lies.store(200, Ordering::SeqCst);
        let answer = bench.round().await;
        assert_eq!(bench.state.phase, Phase::Pending, "{answer:?}");
    }
    lies.store(0, Ordering::SeqCst);
    bench.chain.with(|model| {
        model.is_mining = true;
        model.mine(12);
        let number = model.head().block.number;
        model.finalize(number);
    });
    bench.round().await.expect("seen");
    assert!(matches!(bench.state.phase, Phase::Final(_)), "{:?}", bench.state.phase);
}

/// A bench with two endpoints of which one lies, the preferred one if `is_first`, and a transaction that is mined and, as far
/// as an honest one says, final.
async fn mined_beside_a_liar(
    is_first: bool,
    method: &'static str,
    change: fn(&mut serde_json::Value),
) -> (Bench, Arc<AtomicBool>) {
    let (mut bench, lies) = (Bench::new(vec![]), Arc::new(AtomicBool::new(false)));
    let liar = Liar { chain: bench.chain.clone(), lies: lies.clone(), method, change };
    let mut list: Vec<Arc<dyn Chain>> = vec![liar.endpoint(), bench.chain.clone()];
    if !is_first {
        list.reverse();
    }
    bench.endpoints = Endpoints::new(list).with_quorum(2);
    bench.round().await.expect("sent");
    bench.mine();
    bench.chain.with(|model| {
        let number = model.head().block.number;
        model.finalize(number);
    });
    (bench, lies)
}

#[tokio::test]
async fn a_receipt_that_endpoints_contradict_each_other_about_is_not_final() {
    let reverted = |receipt: &mut serde_json::Value| receipt["status"] = "0x0".into();
    let dearer = |receipt: &mut serde_json::Value| receipt["gasUsed"] = "0x1".into();
    for (is_first, change) in [
        (true, reverted as fn(&mut serde_json::Value)),
        (false, reverted),
        (true, dearer),
        (false, dearer),
    ] {
        let method = "eth_getTransactionReceipt";
        let (mut bench, lies) = mined_beside_a_liar(is_first, method, change).await;
        lies.store(true, Ordering::SeqCst);
        // Told once, however long it goes on; nothing is sent meanwhile.
        assert_eq!(bench.round().await.expect("asked"), [Alert::Disputed], "{is_first}");
        bench.chain.with(|model| model.finalize(102));
        bench.mine();
        assert_eq!(bench.round().await.expect("asked"), []);
        assert!(matches!(bench.state.phase, Phase::Included(_)), "{:?}", bench.state.phase);
        assert!(bench.state.is_disputed);
        assert_eq!(
            (bench.state.attempts.len(), bench.chain.with(|model| model.pool_size())),
            (1, 0)
        );
        // When they agree again it ends as it did.
        lies.store(false, Ordering::SeqCst);
        bench.mine();
        assert_eq!(bench.round().await.expect("asked"), []);
        assert!(matches!(bench.state.phase, Phase::Final(_)), "{:?}", bench.state.phase);
        assert!(!bench.state.is_disputed);
    }
}

#[tokio::test]
async fn a_block_that_one_endpoint_alone_calls_final_ends_nothing_and_one_that_is_late_contradicts_nobody()
 {
    // The other one has an older final block: it is asked again, and nobody is told.
    let older = |block: &mut serde_json::Value| block["number"] = "0x0".into();
    let (mut bench, lies) = mined_beside_a_liar(false, "eth_getBlockByNumber", older).await;
    lies.store(true, Ordering::SeqCst);
    assert_eq!(bench.round().await.expect("asked"), []);
    assert!(matches!(bench.state.phase, Phase::Included(_)), "{:?}", bench.state.phase);
    lies.store(false, Ordering::SeqCst);
    bench.mine();
    bench.round().await.expect("asked");
    assert!(matches!(bench.state.phase, Phase::Final(_)), "{:?}", bench.state.phase);

    // The other one has another block in its place.
    let other = |block: &mut serde_json::Value| {
        block["hash"] = serde_json::json!(B256::repeat_byte(7));
    };
    let (mut bench, lies) = mined_beside_a_liar(false, "eth_getBlockByNumber", other).await;
    lies.store(true, Ordering::SeqCst);
    assert_eq!(bench.round().await.expect("asked"), [Alert::Disputed]);
    assert!(matches!(bench.state.phase, Phase::Included(_)), "{:?}", bench.state.phase);
}

#[tokio::test]
async fn a_transaction_of_which_only_one_endpoint_has_nothing_is_not_given_up() {
    // What stands between a receipt that is hidden and a nonce that is called another's.
    let hidden = |receipt: &mut serde_json::Value| *receipt = serde_json::Value::Null;
    let (mut bench, lies) = mined_beside_a_liar(true, "eth_getTransactionReceipt", hidden).await;
    lies.store(true, Ordering::SeqCst);
    let mut alerts = Vec::new();
    for _ in 0..3 {
        alerts.extend(bench.round().await.expect("asked"));
        assert_eq!(bench.state.phase, Phase::Pending);
        bench.mine();
    }
    assert_eq!(alerts, [Alert::Disputed]);
    lies.store(false, Ordering::SeqCst);
    bench.round().await.expect("asked");
    assert!(matches!(bench.state.phase, Phase::Final(_)), "{:?}", bench.state.phase);
}
