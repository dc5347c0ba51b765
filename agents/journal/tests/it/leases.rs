//! Leases: one holder at a time by the database's clock, and nothing written by whoever held it before.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, keccak256};
use async_trait::async_trait;
use serde_json::json;
use vagus_journal::{
    Attempt, ErrorKind, Journal, JournalError, Lease, LeaseKey, Leases as _, Outcome, OutcomeState,
    Patience, Pauses, ReadJournal as _, Scope, Service, Session, SqlJournal, TransactionIntent,
    TransactionUpdate, spread,
};

use crate::fixture::{AGENT, CHAIN, LONG, Place, VAULT, hold, keys, notes, rebalance};

const TIME: Duration = Duration::from_secs(30);
const VAULT_LEASE: LeaseKey = LeaseKey::vault(CHAIN, VAULT);

#[tokio::test]
async fn a_journal_of_one_process_grants_every_lease() {
    let place = Place::sqlite();
    let journal = place.unleased().await;
    let session = journal.join("alone").await.unwrap();
    let services = journal.beat(session, CHAIN, &keys(), TIME).await.unwrap();
    assert_eq!(spread(&services).len(), 3);
    assert!(spread(&services).values().all(|holder| *holder == session));
    let lease = journal.acquire(session, VAULT_LEASE, TIME).await.unwrap().unwrap();
    assert_eq!(journal.renew(&[lease], TIME).await.unwrap(), [lease]);
    journal.release(&[lease]).await.unwrap();
    journal.leave(session, CHAIN).await.unwrap();
    // There is nobody who could have taken it.
    journal.fenced(&[]).observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
}

#[tokio::test]
async fn a_lease_has_one_holder_and_every_holder_a_larger_token() {
    let Some(place) = Place::postgres_only().await else { return };
    let (one, two) = (place.unleased().await, place.unleased().await);
    place.set_clock(0).await;
    let (first, second) = (one.join("one").await.unwrap(), two.join("two").await.unwrap());
    assert!(second > first);
    let held = one.acquire(first, VAULT_LEASE, TIME).await.unwrap().unwrap();
    assert_eq!(one.acquire(first, VAULT_LEASE, TIME).await.unwrap(), Some(held));
    assert_eq!(two.acquire(second, VAULT_LEASE, TIME).await.unwrap(), None);
    // Of another kind, or on another chain, it is another lease.
    for key in [LeaseKey::key(CHAIN, VAULT), LeaseKey::vault(CHAIN + 1, VAULT)] {
        assert!(two.acquire(second, key, TIME).await.unwrap().is_some());
    }
    // At its last millisecond it is held, one later it is not.
    place.set_clock(29_999).await;
    assert_eq!(two.acquire(second, VAULT_LEASE, TIME).await.unwrap(), None);
    assert_eq!(one.renew(&[held], TIME).await.unwrap(), [held]);
    place.set_clock(59_998).await;
    assert_eq!(two.acquire(second, VAULT_LEASE, TIME).await.unwrap(), None);
    place.set_clock(59_999).await;
    let taken = two.acquire(second, VAULT_LEASE, TIME).await.unwrap().unwrap();
    assert_eq!((taken.session, taken.token), (second, held.token + 1));
    assert_eq!(one.renew(&[held], TIME).await.unwrap(), []);
    one.release(&[held]).await.unwrap();
    assert_eq!(one.acquire(first, VAULT_LEASE, TIME).await.unwrap(), None);
    // Given back, it is free at once, and its token is never used again.
    two.release(&[taken]).await.unwrap();
    let again = one.acquire(first, VAULT_LEASE, TIME).await.unwrap().unwrap();
    assert_eq!(again.token, taken.token + 1);
}

/// A vault with a rebalance in flight, written under the leases of one keeper.
async fn in_flight(journal: &SqlJournal) -> B256 {
    let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
    let decision = journal.append_decision(&rebalance(VAULT, head, 100)).await.unwrap();
    journal.put_transaction(&intent(decision)).await.unwrap();
    journal.update_transaction(decision, &update("claimed")).await.unwrap();
    decision
}

fn intent(decision: B256) -> TransactionIntent {
    TransactionIntent { decision, from: AGENT, state: json!("intended") }
}

fn update(state: &str) -> TransactionUpdate {
    TransactionUpdate { state: json!(state), nonce: Some(7), is_terminal: false }
}

/// Every kind of write, by name, each of which would go through for the holder.
async fn write(journal: &dyn Journal, what: &str, decision: B256) -> Result<(), JournalError> {
    let head = journal.head_hash(CHAIN, VAULT).await.unwrap();
    let record = rebalance(VAULT, head, 101);
    let outcome = |decision| Outcome::new(decision, "0.1.0", OutcomeState::Submitted);
    match what {
        "append_decision" => journal.append_decision(&record).await.map(drop),
        "append_rebalance" => {
            let hash = record.hash().unwrap();
            journal.append_rebalance(&record, &intent(hash), &outcome(hash)).await.map(drop)
        }
        "observe_hold" => journal.observe_hold(&hold(VAULT, 102), &notes()).await.map(drop),
        "store_attempt" => {
            let attempt = Attempt {
                hash: keccak256("attempt"),
                decision,
                nonce: 7,
                max_fee_wei: 2,
                priority_fee_wei: 1,
                is_cancel: false,
                raw: vec![1].into(),
            };
            journal.store_attempt(&attempt, &update("signed")).await
        }
        "update_transaction" => journal.update_transaction(decision, &update("pending")).await,
        "append_outcome" => journal.append_outcome(&outcome(decision)).await,
        "mark_orphaned" => journal.mark_orphaned(decision).await,
        other => panic!("{other}"),
    }
}

const WRITES: [(&str, Scope); 7] = [
    ("append_decision", Scope::Vault),
    ("append_rebalance", Scope::Vault),
    ("observe_hold", Scope::Vault),
    ("store_attempt", Scope::Key),
    ("update_transaction", Scope::Key),
    ("append_outcome", Scope::Key),
    ("mark_orphaned", Scope::Vault),
];

/// Takes over what is free.
async fn leases(journal: &SqlJournal, session: Session) -> Vec<Lease> {
    let mut held = Vec::new();
    for key in keys() {
        held.extend(journal.acquire(session, key, TIME).await.unwrap());
    }
    held
}

#[tokio::test]
async fn whoever_lost_a_lease_writes_nothing() {
    for (what, scope) in WRITES {
        let Some(place) = Place::postgres_only().await else { return };
        let (one, two) = (place.unleased().await, place.unleased().await);
        place.set_clock(0).await;
        let first = one.join("one").await.unwrap();
        let held = leases(&one, first).await;
        let paused = one.under(&held);
        let decision = in_flight(&paused).await;
        place.set_clock(30_000).await;
        let second = two.join("two").await.unwrap();
        let heir = two.under(&leases(&two, second).await);
        let before = contents(&place).await;
        let error = write(&paused, what, decision).await.unwrap_err();
        assert!(matches!(error, JournalError::LeaseLost { .. }), "{what}: {error}");
        assert_eq!(error.kind(), ErrorKind::Retry);
        // Not with the other lease alone, nor with none.
        let other: Vec<_> = held.iter().filter(|l| l.key.scope != scope).copied().collect();
        for unfit in [one.under(&other), one.clone()] {
            let error = write(&unfit, what, decision).await.unwrap_err();
            assert!(matches!(error, JournalError::LeaseLost { .. }), "{what}: {error}");
        }
        assert_eq!(contents(&place).await, before, "{what}");
        write(&heir, what, decision).await.unwrap();
    }
}

/// Everything but leases, in one text.
async fn contents(place: &Place) -> String {
    let tables = ["vaults", "records", "open_runs", "outcomes", "transactions", "attempts"];
    let mut all = String::new();
    for table in tables {
        let sql = format!("SELECT COALESCE(json_agg(t)::text, '') FROM {table} AS t");
        all += &place.ask(&sql).await;
    }
    all
}

#[tokio::test]
async fn closing_runs_leaves_those_of_others_open() {
    let Some(place) = Place::postgres_only().await else { return };
    let journal = place.open().await;
    let run = journal.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
    assert_eq!(place.unleased().await.close_runs().await.unwrap(), [] as [B256; 0]);
    assert!(journal.open_run(CHAIN, VAULT).await.unwrap().is_some());
    assert_eq!(journal.close_runs().await.unwrap(), [run.hash]);
}

/// Stands still before the n-th statement for good, once told to.
struct Hang {
    is_on: AtomicBool,
    statements: std::sync::atomic::AtomicUsize,
    hang_at: usize,
}

#[async_trait]
impl Pauses for Hang {
    async fn pause(&self) {
        if !self.is_on.load(Ordering::SeqCst) {
            return;
        }
        if self.statements.fetch_add(1, Ordering::SeqCst) == self.hang_at {
            std::future::pending().await
        }
    }
}

/// Between any two statements of a write, a keeper hangs, with its locks: the server takes them from it, the heir goes
/// on, and nothing of the write is there.
#[tokio::test]
async fn a_holder_that_hangs_inside_a_transaction_holds_nothing_up() {
    let patience =
        Patience { answer: Duration::from_secs(10), standing: Duration::from_millis(200) };
    for hang_at in 0.. {
        let Some(place) = Place::postgres_only().await else { return };
        let hang = Arc::new(Hang {
            is_on: AtomicBool::new(false),
            statements: Default::default(),
            hang_at,
        });
        let one = SqlJournal::connect_with(&place.url, patience).await.unwrap();
        let one = one.with_pauses(hang.clone());
        place.set_clock(0).await;
        let first = one.join("one").await.unwrap();
        let held = one.under(&leases(&one, first).await);
        hang.is_on.store(true, Ordering::SeqCst);
        let hanging = tokio::spawn(async move {
            held.observe_hold(&hold(VAULT, 100), &notes()).await.unwrap();
        });
        // Until it hangs or is done, however busy the machine is.
        while !hanging.is_finished() && hang.statements.load(Ordering::SeqCst) <= hang_at {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if hanging.is_finished() {
            assert!(hang_at > 4, "every statement was held once: {hang_at}");
            return;
        }
        place.set_clock(30_000).await;
        let two = place.unleased().await;
        let second = two.join("two").await.unwrap();
        let heir = two.under(&leases(&two, second).await);
        heir.observe_hold(&hold(VAULT, 101), &notes()).await.unwrap();
        let run = heir.open_run(CHAIN, VAULT).await.unwrap().unwrap();
        assert_eq!((run.first().block().number, run.blocks()), (101, 1), "held at {hang_at}");
        hanging.abort();
    }
}

fn vault(n: u8) -> LeaseKey {
    LeaseKey::vault(CHAIN, Address::repeat_byte(n))
}

/// A keeper of many vaults, as its loop does it.
struct Member {
    journal: SqlJournal,
    session: Session,
    serves: Vec<LeaseKey>,
    held: BTreeMap<LeaseKey, Lease>,
}

impl Member {
    async fn join(place: &Place, name: &str, serves: Vec<LeaseKey>) -> Self {
        let journal = place.unleased().await;
        let session = journal.join(name).await.unwrap();
        Self { journal, session, serves, held: BTreeMap::new() }
    }

    async fn beat(&mut self) {
        let held: Vec<_> = self.held.values().copied().collect();
        let held = self.journal.renew(&held, TIME).await.unwrap();
        self.held = held.into_iter().map(|lease| (lease.key, lease)).collect();
        let services = self.journal.beat(self.session, CHAIN, &self.serves, TIME).await.unwrap();
        let wanted = spread(&services);
        let is_mine = |key: &LeaseKey| wanted.get(key) == Some(&self.session);
        let (keep, give): (BTreeMap<_, _>, _) =
            std::mem::take(&mut self.held).into_iter().partition(|(key, _)| is_mine(key));
        self.held = keep;
        let give: Vec<_> = give.into_values().collect();
        self.journal.release(&give).await.unwrap();
        for key in self.serves.iter().filter(|key| is_mine(key)) {
            if let Some(lease) = self.journal.acquire(self.session, *key, TIME).await.unwrap() {
                self.held.insert(*key, lease);
            }
        }
    }
}

#[tokio::test]
async fn vaults_are_spread_evenly_over_those_who_live() {
    let Some(place) = Place::postgres_only().await else { return };
    let vaults: Vec<_> = (1..=10).map(vault).collect();
    let mut one = Member::join(&place, "one", vaults.clone()).await;
    place.set_clock(0).await;
    one.beat().await;
    assert_eq!(one.held.len(), 10);
    let mut two = Member::join(&place, "two", vaults.clone()).await;
    let mut three = Member::join(&place, "three", vaults.clone()).await;
    for _ in 0..3 {
        for member in [&mut one, &mut two, &mut three] {
            member.beat().await;
        }
    }
    let mut sizes = [one.held.len(), two.held.len(), three.held.len()];
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 3, 4]);
    let names: Vec<_> = one.journal.live_keepers().await.unwrap();
    let names: Vec<_> = names.iter().map(|k| (k.name.as_str(), k.leases)).collect();
    assert_eq!(names.iter().map(|(_, leases)| leases).sum::<u64>(), 10);
    assert_eq!(names.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["one", "two", "three"]);
    // Two says nothing any more; one has ended in order, and is not waited for.
    one.journal.leave(one.session, CHAIN).await.unwrap();
    let before = three.held.len();
    three.beat().await;
    assert!(three.held.len() > before, "what was given back is taken at once");
    for clock in [15_000, 30_000] {
        place.set_clock(clock).await;
        three.beat().await;
    }
    assert_eq!(three.held.len(), 10);
    // What two believes to hold, it does not.
    let believed: Vec<_> = two.held.values().copied().collect();
    assert_eq!(two.journal.renew(&believed, LONG).await.unwrap(), []);
    // Only two could hold this one.
    two.serves = vec![vault(11)];
    two.held.clear();
    two.beat().await;
    assert_eq!(two.held.keys().collect::<Vec<_>>(), [&vault(11)]);
    let services = three.journal.beat(three.session, CHAIN, &vaults, TIME).await.unwrap();
    let served: BTreeSet<_> = services.iter().map(|service: &Service| service.key).collect();
    assert_eq!(served.len(), 11);
}
