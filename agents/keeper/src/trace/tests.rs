mod leaves;
mod page;
mod walk;

use alloy::primitives::{U256, keccak256};
use vagus_allocator::Reason;
use vagus_chain::{
    AgentKey,
    memory::{Fault, MemoryChain, Model},
};
use vagus_journal::{
    Body, FiledRecord, MemoryJournal, Observation, RecordQuery, StoredRecord, draft,
};
use vagus_policy::{Curve, Move};

use super::*;
use crate::{
    journal::{file_of, file_of_run, policy_of},
    report::Reporter,
    run::ChainLoop,
    testing::{self, BLOCK_SECONDS, vault},
};

/// A keeper's work on a chain in process, and the chain.
pub(super) struct Desk {
    pub(super) chain: Arc<MemoryChain>,
    journal: Arc<MemoryJournal>,
}

/// What a refresh would see: the model moves assets, and leaves the value to whoever looks.
fn revalue(model: &mut Model) {
    let state = &mut model.state;
    let held = state.strategies.iter().map(|strategy| strategy.convert_assets);
    state.nav.live_assets = held.fold(state.idle, |sum, assets| sum + assets);
    state.nav.nav_assets = state.nav.live_assets;
}

/// Nobody has refreshed the vault for a day.
fn forget(model: &mut Model) {
    let now = model.head().block.timestamp;
    model.state.nav.refreshed_at = now - 24 * 3_600;
}

/// A loan at the second market lifts its rate above the first one's.
fn borrow(model: &mut Model) {
    if let Curve::AaveV3(curve) = &mut model.state.strategies[1].curve {
        let loan = curve.virtual_balance / U256::from(2);
        curve.scaled_debt += loan;
        curve.virtual_balance -= loan;
    }
}

impl Desk {
    /// Two rebalances, with all kinds of holds and a refresh between them, and holds after them, the last of which go on.
    pub(super) async fn new() -> Self {
        let key = Arc::new(AgentKey::numbered(5));
        let (chain, mut world) = testing::world(&key);
        let lens = world.vaults[0].entry.lens;
        world.vaults[0].entry.code_hashes.lens = keccak256(lens);
        let journal = Arc::new(MemoryJournal::default());
        let reporter = Arc::new(Reporter::new(false, Box::new(std::io::sink())));
        let mut keeper = ChainLoop::new(world, journal.clone(), key, reporter);
        let mut step = async |change: fn(&mut Model), fault: Option<&'static str>| {
            chain.with(|model| {
                // A plan is mined in a block that nobody looks at.
                model.mine(BLOCK_SECONDS);
                revalue(model);
                change(model);
                let head = model.mine(BLOCK_SECONDS);
                model.finalize(head.block.number);
            });
            if let Some(fault) = fault {
                chain.fail_next(fault, Fault::Refused("it is broken".to_owned()));
            }
            keeper.round().await.expect("a round");
        };
        step(|_| {}, None).await;
        for fault in [None, None, Some("unseen"), None, None] {
            step(|_| {}, fault).await;
        }
        step(forget, None).await;
        step(|_| {}, None).await;
        step(borrow, Some("simulate_fails")).await;
        for _ in 0..6 {
            step(|_| {}, None).await;
        }
        Self { chain, journal }
    }

    async fn records(&self) -> Vec<StoredRecord> {
        self.journal.records(31_337, vault(), RecordQuery::default()).await.expect("reads")
    }

    /// Every decision as a file, the run that goes on as well.
    pub(super) async fn files(&self) -> Vec<RecordFile> {
        let mut files = Vec::new();
        for stored in self.records().await {
            files.push(file_of(&*self.journal, &stored).await.expect("a file"));
        }
        let run = self.journal.open_run(31_337, vault()).await.expect("reads").expect("a run");
        files.push(file_of_run(&*self.journal, &run).await.expect("a file"));
        for file in &mut files {
            let record = self.record(file);
            file.policy = policy_of(&*self.chain, &record).await;
            assert_eq!(file.policy.is_some(), record.header.policy_version > 0);
        }
        files
    }

    pub(super) fn record(&self, file: &RecordFile) -> DecisionRecord {
        file.filed().expect("filed").read().expect("read")
    }

    pub(super) async fn verdict(&self, file: &RecordFile) -> Verdict {
        examine(&*self.chain, file).await.verdict
    }

    /// The shortest file of a kind that the chain vouches for, with the record before.
    pub(super) async fn anchored(&self, is_hold: bool) -> RecordFile {
        self.anchored_with(|record| match record.body {
            Body::Hold { .. } => is_hold && record.blocks() > 1,
            Body::Rebalance { .. } => !is_hold,
            Body::Upkeep { .. } => false,
        })
        .await
    }

    /// The same, of a kind of record.
    pub(super) async fn anchored_with(&self, is: impl Fn(&DecisionRecord) -> bool) -> RecordFile {
        let is_fitting = |file: &RecordFile| {
            file.anchor.is_some() && is(&self.record(file)) && file.records[0].hash != file.decision
        };
        let files = self.files().await.into_iter().filter(is_fitting);
        files.min_by_key(|file| file.records.len()).expect("one")
    }
}

fn standing(trace: &Trace, subject: Subject) -> Standing {
    trace.findings.iter().find(|finding| finding.subject == subject).expect("there").standing
}

/// With another record in the place of the one that it is about, and the hashes that a forger would put right.
pub(super) fn forged(file: &RecordFile, record: serde_json::Value) -> RecordFile {
    let mut forged = file.clone();
    let hash = vagus_journal::canonical_hash(&record).unwrap_or_default();
    let place = file.records.iter().position(|filed| filed.hash == file.decision).expect("there");
    forged.records[place] = FiledRecord { hash, record };
    if let Some(anchor) = forged.anchor.as_mut().filter(|anchor| anchor.decision == file.decision) {
        anchor.decision = hash;
    }
    if let Some(outcome) = &mut forged.outcome {
        outcome.decision = hash;
    }
    forged.decision = hash;
    forged
}

#[tokio::test]
async fn every_decision_of_a_keeper_is_reproduced_from_its_file_and_the_chain() {
    let desk = Desk::new().await;
    let files = desk.files().await;
    let mut kinds = [0, 0, 0];
    let mut reasons = Vec::new();
    for file in &files {
        let text = file.to_text().expect("written");
        let file = RecordFile::parse(&text).expect("read");
        let trace = examine(&*desk.chain, &file).await;
        assert_eq!(trace.verdict, Verdict::Reproduced, "{:#?}", trace.findings);
        let record = desk.record(&file);
        reasons.push(format!("{:?}", record.reason()));
        match record.body {
            Body::Rebalance { .. } => {
                kinds[0] += 1;
                for subject in [Subject::Place, Subject::Rules, Subject::Event, Subject::Outcome] {
                    assert_eq!(standing(&trace, subject), Standing::Holds, "{:#?}", trace.findings);
                }
            }
            _ if file.anchor.is_some() => {
                kinds[1] += 1;
                assert_eq!(standing(&trace, Subject::Place), Standing::Holds);
                assert!(file.followers() > 0);
            }
            _ => {
                kinds[2] += 1;
                assert_eq!(standing(&trace, Subject::Place), Standing::Nothing);
            }
        }
        let page = render::trace::page(&trace);
        for part in ["What was seen", "What was considered", "Why this", "REPRODUCED"] {
            assert!(page.contains(part), "{part} is missing from\n{page}");
        }
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    assert!(kinds[0] >= 2, "{kinds:?}");
    for reason in ["Income", "Cooldown", "Optimal", "VaultUnread", "Checkpoint", "SimulationFailed"]
    {
        assert!(reasons.iter().any(|found| found == reason), "{reason}: {reasons:?}");
    }
}

#[tokio::test]
async fn what_a_person_asked_for_is_reproduced_carried_out_or_refused() {
    let desk = Desk::new().await;
    let file = desk.anchored(false).await;
    let record = desk.record(&file);
    let Body::Rebalance { observation, rebalance, .. } = &record.body else { panic!("no moves") };
    let policy = verify::filed_policy(&file);
    let Observation { snapshot, inputs, .. } = observation;
    let ask = |moves: &[Move]| crate::person::draft(policy.as_ref(), snapshot, inputs, moves);
    let carried_out = ask(&rebalance.moves);
    assert_eq!(carried_out.observation.decision.reason, Reason::Person);
    assert!(carried_out.plan.is_some());
    let mut too_much = rebalance.moves.clone();
    too_much.iter_mut().for_each(|leg| leg.assets = u128::MAX >> 1);
    let refused = ask(&too_much);
    assert_eq!(refused.observation.decision.reason, Reason::RuleRefuses);
    assert!(refused.plan.is_none());
    let given_up = carried_out.clone().into_hold(Reason::FeeBudgetSpent);
    for draft in [carried_out, refused, given_up] {
        let again = rerun::drafts(policy.as_ref(), &draft.observation);
        assert!(again.contains(&draft), "{:?}", draft.observation.decision);
        // Another request leads elsewhere.
        let mut other = draft.observation.clone();
        other.asked = Some(vec![Move { assets: 1, ..rebalance.moves[0] }]);
        assert!(
            rerun::drafts(policy.as_ref(), &other).iter().all(|made| made.observation != other)
        );
    }
}

#[tokio::test]
async fn a_record_that_was_tampered_with_is_found() {
    let desk = Desk::new().await;
    let file = desk.anchored(false).await;
    let text = file.to_text().expect("written");
    let changed = text.replacen("\"symbol\": \"USDC\"", "\"symbol\": \"USDT\"", 1);
    assert_ne!(changed, text);
    let error = RecordFile::parse(&changed).expect_err("changed");
    assert!(matches!(error, FileError::Changed(_)), "{error}");
    // With the hash of the file put right, that of the record is wrong.
    let mut file = file;
    let place = file.records.len() - 1;
    file.records[place].record["header"]["agent"] = format!("0x{}", "1".repeat(40)).into();
    assert_eq!(desk.verdict(&file).await, Verdict::Altered);
}

#[tokio::test]
async fn records_in_another_order_are_found() {
    let desk = Desk::new().await;
    let mut file = desk.anchored(true).await;
    assert!(file.records.len() >= 3);
    file.records.swap(0, 1);
    assert_eq!(desk.verdict(&file).await, Verdict::Altered);
}

#[tokio::test]
async fn a_record_that_was_dropped_is_found() {
    let desk = Desk::new().await;
    let file = desk.anchored(true).await;
    let place = file.records.iter().position(|filed| filed.hash == file.decision).expect("there");
    for dropped in place..file.records.len() {
        let mut without = file.clone();
        without.records.remove(dropped);
        assert_eq!(desk.verdict(&without).await, Verdict::Altered, "{dropped}");
    }
}

/// A decision that follows from its inputs, under its own hash, in the place of the one that was carried out.
#[tokio::test]
async fn a_forged_decision_is_found() {
    let desk = Desk::new().await;
    let file = desk.anchored(false).await;
    let record = desk.record(&file);
    let policy = vagus_policy::decode(file.policy.as_ref().expect("there")).expect("read");
    let seen = record.first();
    let mut inputs = seen.inputs.clone();
    inputs.smallest_move += 1;
    let draft = draft::draft(Some(&policy), &seen.snapshot, &inputs);
    let made = draft.record(record.header.clone(), record.previous).expect("hashed");
    let (made, hash, _) = made.expect("a rebalance");
    assert_ne!(hash, file.decision);
    let forged = forged(&file, FiledRecord::new(&made).expect("hashed").record);
    let trace = examine(&*desk.chain, &forged).await;
    assert_eq!(trace.verdict, Verdict::NotReproduced, "{:#?}", trace.findings);
    assert_eq!(standing(&trace, Subject::Decision), Standing::Holds, "it follows from its inputs");
    for subject in [Subject::Place, Subject::Event] {
        assert_eq!(standing(&trace, subject), Standing::Differs);
    }
}

#[tokio::test]
async fn another_version_of_the_algorithm_is_named_and_the_rest_is_looked_into() {
    let desk = Desk::new().await;
    let file = desk.files().await.pop().expect("a run that goes on");
    let mut value = file.filed().expect("filed").record.clone();
    value["header"]["algorithm_version"] = 1.into();
    for part in ["first", "last"] {
        if !value["body"][part].is_null() {
            value["body"][part]["decision"]["algorithm_version"] = 1.into();
        }
    }
    let mut other = forged(&file, value);
    let trace = examine(&*desk.chain, &other).await;
    assert_eq!(trace.verdict, Verdict::OtherAlgorithm, "{:#?}", trace.findings);
    assert!(trace.sentence().contains("algorithm 1"), "{}", trace.sentence());
    assert_eq!(standing(&trace, Subject::Snapshot), Standing::Holds);
    // What differs from the chain weighs more.
    other.records.last_mut().expect("one").record["body"]["first"]["snapshot"]["base_fee_wei"] =
        "7".into();
    let again = other.records.last().expect("one").record.clone();
    let other = forged(&other, again);
    assert_eq!(desk.verdict(&other).await, Verdict::NotReproduced);
}

/// A rebalance of an older version that the chain vouches for: all but the decision itself is looked into, and holds.
#[tokio::test]
async fn a_rebalance_of_an_older_version_is_verified_in_all_but_the_decision() {
    let desk = Desk::new().await;
    let file = desk.anchored(false).await;
    let mut value = file.filed().expect("filed").record.clone();
    value["header"]["algorithm_version"] = 4.into();
    value["body"]["observation"]["decision"]["algorithm_version"] = 4.into();
    // As if it had been recorded, sent and carried out by that version: the event names its hash.
    let older = forged(&file, value);
    let event_of = |answers: &mut Answers| {
        let mined = answers.about.as_mut().and_then(|about| about.mined.as_mut());
        let receipt = mined.and_then(|mined| mined.receipt.as_mut().ok()).and_then(Option::as_mut);
        let mut named = 0;
        for log in &mut receipt.expect("mined").logs {
            let mut data = log.data.to_vec();
            for place in 0..data.len().saturating_sub(31) {
                if data[place..place + 32] == file.decision[..] {
                    data[place..place + 32].copy_from_slice(&older.decision[..]);
                    named += 1;
                }
            }
            for topic in &mut log.topics {
                if *topic == file.decision {
                    *topic = older.decision;
                    named += 1;
                }
            }
            log.data = data.into();
        }
        assert_eq!(named, 1);
    };
    let mut answers = ask(&*desk.chain, &file, Some(&desk.record(&file))).await;
    event_of(&mut answers);
    let record = desk.record(&older);
    let findings = verify(&older, Ok(&record), &answers);
    let trace = Trace::new(&older, Some(record), findings, policy_in_force(&older, &answers));
    assert_eq!(trace.verdict, Verdict::OtherAlgorithm, "{:#?}", trace.findings);
    assert_eq!(trace.exit_code, 4);
    for finding in &trace.findings {
        let expected = match finding.subject {
            Subject::Decision => Standing::OtherVersion,
            _ => Standing::Holds,
        };
        assert_eq!(finding.standing, expected, "{finding:?}");
    }
    for subject in [
        Subject::Hashes,
        Subject::Place,
        Subject::Snapshot,
        Subject::Rules,
        Subject::Certificate,
        Subject::Event,
    ] {
        assert_eq!(standing(&trace, subject), Standing::Holds);
    }
    let commit = "468d4d37949214a8d7c14ac5183c98d1a4cac981";
    assert!(trace.sentence().contains(commit), "{}", trace.sentence());
    let page = render::trace::page(&trace);
    assert!(page.contains(commit) && page.contains("OTHER VERSION"), "{page}");
    // Of the version that this release has nothing of it is said.
    let own = render::trace::page(&examine(&*desk.chain, &file).await);
    assert!(!own.contains("commit"), "{own}");
}

#[tokio::test]
async fn what_the_endpoint_does_not_have_is_said_and_is_no_proof() {
    let desk = Desk::new().await;
    let file = desk.anchored(false).await;
    for method in ["snapshots", "header", "code_hash", "execution", "receipt", "chain_id"] {
        desk.chain.fail_next(method, Fault::Refused("missing trie node".to_owned()));
        let trace = examine(&*desk.chain, &file).await;
        assert_eq!(trace.verdict, Verdict::ChainUnavailable, "{method}: {:#?}", trace.findings);
        assert!(trace.sentence().contains("missing trie node"), "{}", trace.sentence());
        desk.chain.clear_faults();
    }
    // The document is in the file, and its hash in the snapshot.
    desk.chain.fail_next("policy", Fault::Refused("no logs".to_owned()));
    assert_eq!(desk.verdict(&file).await, Verdict::Reproduced);
    desk.chain.fail_next("policy", Fault::Refused("no logs".to_owned()));
    let without = RecordFile { policy: None, ..file.clone() };
    assert_eq!(desk.verdict(&without).await, Verdict::ChainUnavailable);
    assert_eq!(desk.verdict(&without).await, Verdict::Reproduced, "the chain has it");
    desk.chain.set_down(true);
    assert_eq!(desk.verdict(&file).await, Verdict::ChainUnavailable);
}

#[tokio::test]
async fn a_chain_that_says_something_else_is_found() {
    let desk = Desk::new().await;
    let file = desk.anchored(true).await;
    let truth = desk.chain.with(Model::falsify);
    let trace = examine(&*desk.chain, &file).await;
    assert_eq!(trace.verdict, Verdict::NotReproduced);
    assert!(trace.sentence().contains("snapshot: vault.idle"), "{}", trace.sentence());
    desk.chain.with(|model| model.restore(truth));
    assert_eq!(desk.verdict(&file).await, Verdict::Reproduced);
    // A block that another one has replaced.
    let depth = desk.chain.with(|model| model.headers().len() - 2);
    desk.chain.with(|model| {
        model.roll_back(depth);
        for _ in 0..depth {
            model.mine(BLOCK_SECONDS);
        }
    });
    assert_ne!(desk.verdict(&file).await, Verdict::Reproduced);
}

/// A record of a shape that this release does not read: what vouches for it is the chain alone.
#[test]
fn a_record_of_another_version_is_named_if_the_chain_vouches_for_it() {
    use vagus_journal::{Anchor, OutcomeState, RECORD_FILE_VERSION};
    let record = serde_json::json!({
        "schema_version": 1, "previous": B256::ZERO, "body": {},
        "header": { "chain_id": 1, "vault": vault(), "guard": testing::guard() },
    });
    let hash = vagus_journal::canonical_hash(&record).expect("hashed");
    let transaction = B256::repeat_byte(7);
    let mut file = RecordFile {
        file_version: RECORD_FILE_VERSION,
        decision: hash,
        records: vec![FiledRecord { hash, record }],
        anchor: Some(Anchor { decision: hash, block_number: 5, transaction }),
        policy: None,
        outcome: Some(Outcome::new(hash, "0.0.9", OutcomeState::Executed)),
    };
    let found = |file: &RecordFile, event| {
        let answers = Answers { chain_id: Ok(1), anchor: Some(Ok(event)), about: None };
        let findings = verify(file, Err("schema version 1, expected 2"), &answers);
        Trace::new(file, None, findings, None)
    };
    let vouched = found(&file, Some(transaction));
    assert_eq!(vouched.verdict, Verdict::OtherAlgorithm);
    assert!(vouched.sentence().contains("keeper 0.0.9"), "{}", vouched.sentence());
    assert!(render::trace::page(&vouched).contains("OTHER VERSION"));
    assert_eq!(found(&file, None).verdict, Verdict::NotReproduced);
    file.anchor = None;
    assert_eq!(found(&file, None).verdict, Verdict::Altered);
}
