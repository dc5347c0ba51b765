//! What has to hold at the end of every schedule, read off the chain and the journal.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use alloy::primitives::{B256, U256};
use vagus_chain::{Account, TransactionReceipt, guard};
use vagus_journal::{
    Body, Journal as _, OutcomeState, ReadJournal as _, RecordQuery, StoredRecord,
};
use vagus_keeper::testing;

use crate::run::World;

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding(pub String);

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What does not hold, as it is found.
#[derive(Clone, Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Notes one.
    pub fn find(&mut self, what: impl fmt::Display) {
        self.0.push(Finding(what.to_string()));
    }

    /// Notes one unless it holds.
    pub fn demand(&mut self, holds: bool, what: impl fmt::Display) {
        if !holds {
            self.find(what);
        }
    }
}

/// What was seen on the way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Whether blocks that were final were replaced.
    pub(crate) has_rewritten: bool,
    /// Whether any block was replaced.
    pub(crate) has_reorganised: bool,
    /// Whether somebody else used the key.
    pub(crate) has_foreign: bool,
    /// Whether somebody else changed what the vault holds.
    pub(crate) has_others: bool,
    /// Rebalances that waited beyond their deadline as if they were still wanted.
    pub(crate) late: BTreeSet<B256>,
    /// Rebalances that were taken back when they were mined already.
    pub(crate) cancelled_late: BTreeSet<B256>,
    /// Rounds that did not end in time.
    pub(crate) stuck: u64,
    /// Why the keeper stopped by itself.
    pub(crate) stops: BTreeSet<String>,
}

const CHAIN: u64 = 31_337;

/// Everything that does not hold, and how many rebalances the chain executed.
pub(crate) async fn all(world: &World, account: Option<Account>) -> (Vec<Finding>, u64) {
    let mut check = Check { world, found: Findings::default() };
    check.ended();
    let executed = check.executions();
    check.journal(&executed).await;
    check.limits();
    check.account(account);
    (check.found.0, executed.len() as u64)
}

struct Check<'a> {
    world: &'a World,
    found: Findings,
}

impl Check<'_> {
    fn ended(&mut self) {
        self.found.demand(self.world.seen.stuck == 0, "a round did not end");
        for decision in self.world.seen.late.clone() {
            self.found.find(format_args!("decision {decision} waited beyond its deadline"));
        }
        for decision in self.world.seen.cancelled_late.clone() {
            self.found.find(format_args!("decision {decision} was taken back after it was mined"));
        }
        for stop in self.world.seen.stops.clone() {
            self.found.find(format_args!("the keeper stopped: {stop}"));
        }
    }

    /// Decisions that the chain executed, each at most once.
    fn executions(&mut self) -> HashMap<B256, TransactionReceipt> {
        let mut executed = HashMap::new();
        for receipt in self.world.chain.with(|model| model.receipts()) {
            let Some(event) = guard::find_rebalanced(testing::guard(), &receipt.logs) else {
                continue;
            };
            if executed.insert(event.decision, receipt).is_some() {
                self.found.find(format_args!("decision {} was executed twice", event.decision));
            }
        }
        executed
    }

    /// Every decision has ended, and as the chain says.
    async fn journal(&mut self, executed: &HashMap<B256, TransactionReceipt>) {
        let journal = self.world.journal.clone();
        for decision in executed.keys() {
            let record = journal.record(*decision).await.ok().flatten();
            let has_reason = record.is_some_and(|stored| !stored.record.is_hold());
            self.found
                .demand(has_reason, format_args!("no record of executed decision {decision}"));
        }
        let query = RecordQuery { rebalances_only: true, ..RecordQuery::default() };
        let records = journal.records(CHAIN, testing::vault(), query).await.unwrap_or_default();
        for stored in &records {
            self.ended_as_the_chain_says(stored, executed.get(&stored.hash)).await;
        }
        if let Err(error) = journal.close_runs().await {
            self.found.find(format_args!("runs cannot be closed: {error}"));
        }
        match journal.verify_chain(CHAIN, testing::vault()).await {
            Ok(report) if report.is_intact() => {}
            other => self.found.find(format_args!("the chain of records: {other:?}")),
        }
    }

    async fn ended_as_the_chain_says(
        &mut self,
        stored: &StoredRecord,
        of: Option<&TransactionReceipt>,
    ) {
        let decision = stored.hash;
        let journal = self.world.journal.clone();
        let transaction = journal.transaction(decision).await.ok().flatten();
        let outcome = journal.outcome(decision).await.ok().flatten();
        let (Some(transaction), Some(outcome)) = (transaction, outcome) else {
            return self
                .found
                .find(format_args!("decision {decision} has no transaction or no outcome"));
        };
        let state = outcome.state;
        self.found.demand(
            transaction.is_terminal && state.is_terminal(),
            format_args!("decision {decision} has not ended: {state:?}, {}", transaction.state),
        );
        if self.world.seen.has_rewritten {
            // What was final and is not any more cannot be told by what stands now.
            return;
        }
        let attempts = journal.attempts(decision).await.unwrap_or_default();
        let receipts = self.world.chain.with(|model| model.receipts());
        let mined = receipts.iter().find(|one| attempts.iter().any(|of| of.hash == one.hash));
        let is_cancel = mined.is_some_and(|mined| {
            attempts.iter().any(|attempt| attempt.hash == mined.hash && attempt.is_cancel)
        });
        if let Some(mined) = mined {
            let fees = &testing::config().chains[0].fees;
            let cap = if is_cancel { &fees.cancel_max_fee_gwei } else { &fees.max_fee_gwei };
            self.found.demand(
                mined.gas_price_wei <= cap.wei,
                format_args!("decision {decision} paid {} wei for gas", mined.gas_price_wei),
            );
        }
        let expected = match (of, mined) {
            (Some(_), _) => vec![OutcomeState::Executed],
            (None, Some(_)) if is_cancel => vec![OutcomeState::Cancelled],
            (None, Some(_)) => vec![OutcomeState::Reverted],
            (None, None) => vec![OutcomeState::Expired, OutcomeState::Foreign],
        };
        self.found.demand(
            expected.contains(&state),
            format_args!(
                "decision {decision} is {state:?} in the journal, {expected:?} on the chain"
            ),
        );
        let noted = outcome.receipt.map(|receipt| (receipt.transaction_hash, receipt.block_hash));
        let real = mined.map(|mined| (mined.hash, mined.block_hash));
        self.found.demand(
            noted == real,
            format_args!(
                "decision {decision}: receipt {noted:?} in the journal, {real:?} on chain"
            ),
        );
        self.found.demand(
            state != OutcomeState::Foreign || self.world.seen.has_foreign,
            format_args!("decision {decision}: nobody else used the key"),
        );
        self.found.demand(
            state != OutcomeState::Reverted || self.has_cause(stored, mined),
            format_args!("decision {decision} reverted, and nobody else was there"),
        );
    }

    /// Whether something other than the keeper made a rebalance revert: it was mined after its deadline, or on another
    /// state than it was made for.
    fn has_cause(&self, stored: &StoredRecord, mined: Option<&TransactionReceipt>) -> bool {
        let Body::Rebalance { rebalance, .. } = &stored.record.body else { return false };
        let headers = self.world.chain.with(|model| model.headers());
        let block = mined
            .and_then(|mined| headers.iter().find(|header| header.block.hash == mined.block_hash));
        let is_late = block.is_some_and(|header| header.block.timestamp > rebalance.deadline);
        is_late || self.world.seen.has_others || self.world.seen.has_reorganised
    }

    /// Weights and idle as they stand now, and the time between two rebalances.
    fn limits(&mut self) {
        let times: Vec<u64> = self.world.chain.with(|model| {
            let headers = model.headers();
            let receipts = model.receipts();
            let done = receipts.iter().filter(|receipt| !receipt.logs.is_empty());
            done.filter_map(|receipt| {
                let at = |header: &&vagus_chain::Header| header.block.hash == receipt.block_hash;
                headers.iter().find(at).map(|header| header.block.timestamp)
            })
            .collect()
        });
        for pair in times.windows(2) {
            let between = pair[1].saturating_sub(pair[0]);
            self.found.demand(between >= 36, format_args!("{between} s between two rebalances"));
        }
        if self.world.seen.has_others {
            return;
        }
        let state = self.world.chain.with(|model| model.latest_state().clone());
        let invested: U256 = state.strategies.iter().map(|strategy| strategy.redeem_assets).sum();
        let nav = invested + state.idle;
        for strategy in &state.strategies {
            let limit = nav * U256::from(60) / U256::from(100);
            let held = strategy.redeem_assets;
            self.found.demand(held <= limit, format_args!("{held} in one strategy of {nav}"));
        }
        let is_placed = !invested.is_zero();
        self.found.demand(
            !is_placed || state.idle >= nav * U256::from(5) / U256::from(100),
            format_args!("{} of {nav} idle", state.idle),
        );
    }

    /// Every block was decided, or is counted as passed over.
    fn account(&mut self, account: Option<Account>) {
        let Some(account) = account else { return };
        let sum = account.decided.saturating_add(account.passed_over);
        self.found.demand(
            account.followed >= sum && account.followed - sum <= 1,
            format_args!("blocks unaccounted for: {account:?}"),
        );
    }
}
