//! What has to hold at the end of every schedule, read off the chain itself and the journal's database.

use std::collections::{BTreeMap, HashMap};

use alloy::{
    primitives::{B256, U256},
    rpc::types::Log,
    sol_types::SolEvent as _,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use vagus_e2e::{
    anvil::CHAIN_ID,
    checker::{gather, judge},
    treasury::GuardActs,
    venues::Token,
};
use vagus_journal::{
    Body, DecisionRecord, JournalReader, OutcomeState, ReadJournal as _, RecordQuery, RevertCause,
    StoredRecord,
};
use vagus_schedules::{Finding, Findings};

use crate::{
    keeper,
    run::Seen,
    schedule::Schedule,
    stage::{Stage, nonce, transactions},
};

/// A transaction of the agent in the chain that stands at the end.
#[derive(Clone, Copy, Debug)]
struct Mined {
    hash: B256,
    block_hash: B256,
    block: u64,
    is_success: bool,
}

/// What a schedule came to.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// What does not hold.
    pub(crate) findings: Vec<Finding>,
    /// Rebalances executed in the chain that stands.
    pub(crate) executed: u64,
    /// Why vaults were held and how rebalances ended, by the journal.
    pub(crate) told: BTreeMap<String, u64>,
}

/// Everything that does not hold, and what there was.
pub(crate) async fn all(
    stage: &Stage,
    schedule: &Schedule,
    journal: &JournalReader,
    seen: &Seen,
) -> Result<Checked> {
    let head = stage.chain().head().await?;
    let (last, found, told) = (head.number, Findings::default(), BTreeMap::new());
    let mut check = Check { stage, schedule, journal, last, found, told };
    check.ended(seen);
    let mined = check.mined().await?;
    let executed = check.executions().await?;
    check.journal(&executed, &mined).await?;
    check.limits(&mined).await?;
    check.account().await?;
    Ok(Checked { findings: check.found.0, executed: executed.len() as u64, told: check.told })
}

struct Check<'a> {
    stage: &'a Stage,
    schedule: &'a Schedule,
    journal: &'a JournalReader,
    last: u64,
    found: Findings,
    told: BTreeMap<String, u64>,
}

impl Check<'_> {
    fn tell(&mut self, what: String) {
        let count = self.told.entry(what).or_default();
        *count = count.saturating_add(1);
    }

    fn ended(&mut self, seen: &Seen) {
        for stop in &seen.stops {
            self.found.find(format_args!("the keeper stopped: {stop}"));
        }
        self.found.demand(
            seen.stuck.is_empty(),
            format_args!("not done in time with blocks {:?}, when all went well", seen.stuck),
        );
        self.found.demand(seen.is_over, "something is still in flight at the end");
    }

    /// The agent's transactions since the start, each with a nonce of its own.
    async fn mined(&mut self) -> Result<Vec<Mined>> {
        let (chain, agent) = (self.stage.chain(), keeper::agent()?);
        let mut mined = Vec::new();
        for number in self.stage.lowest()..=self.last {
            for (hash, from) in transactions(chain, number).await? {
                if from == agent {
                    let receipt = chain.receipt(hash).await?;
                    let block_hash = receipt.block_hash.context("a receipt without a block")?;
                    mined.push(Mined {
                        hash,
                        block_hash,
                        block: number,
                        is_success: receipt.status(),
                    });
                }
            }
        }
        let used = nonce(chain).await?.saturating_sub(self.stage.first_nonce);
        self.found.demand(
            used == mined.len() as u64,
            format_args!("{used} nonces used, {} transactions mined", mined.len()),
        );
        Ok(mined)
    }

    /// Decisions that the guard says it executed, each at most once.
    async fn executions(&mut self) -> Result<HashMap<B256, B256>> {
        let filter = json!([{
            "fromBlock": "0x0",
            "address": self.stage.world.treasury.guard,
            "topics": [GuardActs::Rebalanced::SIGNATURE_HASH],
        }]);
        let logs: Vec<Log> = self.stage.chain().rpc("eth_getLogs", filter).await?;
        let (agent, mut executed) = (keeper::agent()?, HashMap::new());
        for (place, log) in logs.iter().enumerate() {
            let event = GuardActs::Rebalanced::decode_log(&log.inner)?;
            let transaction = log.transaction_hash.context("a log without a transaction")?;
            self.found.demand(event.agent == agent, format_args!("{} rebalanced", event.agent));
            self.found.demand(
                event.nonce == place as u64,
                format_args!("rebalance {place} has nonce {}", event.nonce),
            );
            if executed.insert(event.decision, transaction).is_some() {
                self.found.find(format_args!("decision {} was executed twice", event.decision));
            }
        }
        Ok(executed)
    }

    /// Every decision has ended, as the chain says; every transaction is one that the journal knows.
    async fn journal(&mut self, executed: &HashMap<B256, B256>, mined: &[Mined]) -> Result<()> {
        let (journal, vault) = (self.journal, self.stage.world.treasury.vault);
        let records = journal.records(CHAIN_ID, vault, RecordQuery::default()).await?;
        let mut attempts = HashMap::new();
        for stored in records.iter().filter(|stored| !stored.record.is_hold()) {
            for attempt in journal.attempts(stored.hash).await? {
                attempts.insert(attempt.hash, (stored.hash, attempt.is_cancel));
            }
        }
        for one in mined {
            let is_known = attempts.contains_key(&one.hash);
            self.found.demand(is_known, format_args!("the journal does not know {}", one.hash));
        }
        for (decision, transaction) in executed {
            let of = attempts.get(transaction);
            let is_its = of.is_some_and(|(known, is_cancel)| known == decision && !is_cancel);
            self.found
                .demand(is_its, format_args!("executed decision {decision} is not in the journal"));
        }
        for stored in &records {
            self.has_reason(stored).await?;
            if stored.record.is_hold() {
                self.tell(format!("held {:?}", stored.record.reason()));
            }
            if !stored.record.is_hold() {
                let of = |one: &&Mined| {
                    attempts.get(&one.hash).is_some_and(|(known, _)| *known == stored.hash)
                };
                let all: Vec<Mined> = mined.iter().filter(of).copied().collect();
                let is_cancel = all.first().is_some_and(|one| attempts[&one.hash].1);
                let is_executed = executed.contains_key(&stored.hash);
                self.ended_as_the_chain_says(stored, &all, is_cancel, is_executed).await?;
                self.saw_what_was_there(stored).await?;
            }
        }
        let report = journal.verify_chain(CHAIN_ID, vault).await?;
        self.found.demand(report.is_intact(), format_args!("the chain of records: {report:?}"));
        let flying = journal.transactions_in_flight(CHAIN_ID).await?.len();
        self.found.demand(flying == 0, format_args!("{flying} in flight at the end"));
        Ok(())
    }

    async fn has_reason(&mut self, stored: &StoredRecord) -> Result<()> {
        let outcome = self.journal.outcome(stored.hash).await?;
        let decision = stored.hash;
        self.found.demand(outcome.is_some(), format_args!("no outcome of decision {decision}"));
        let Some(outcome) = outcome else { return Ok(()) };
        if outcome.state != OutcomeState::Reverted {
            return Ok(());
        }
        let cause = outcome.revert.map(|revert| revert.cause);
        self.tell(format!("reverted {cause:?}"));
        self.found
            .demand(cause.is_some(), format_args!("{decision} reverted, and it is not said why"));
        // In a world where nobody else moves the vault, what reverts on the branch that it was made for is its own fault.
        self.found.demand(
            cause != Some(RevertCause::Ours) || self.schedule.has_reorganised(),
            format_args!("{decision} reverted, and nobody else was there"),
        );
        Ok(())
    }

    async fn ended_as_the_chain_says(
        &mut self,
        stored: &StoredRecord,
        mined: &[Mined],
        is_cancel: bool,
        is_executed: bool,
    ) -> Result<()> {
        let decision = stored.hash;
        let transaction = self.journal.transaction(decision).await?;
        let outcome = self.journal.outcome(decision).await?;
        let Some(outcome) = outcome else { return Ok(()) };
        self.found
            .demand(mined.len() <= 1, format_args!("decision {decision} was mined as {mined:?}"));
        let is_ended = transaction.as_ref().is_none_or(|transaction| transaction.is_terminal);
        self.found.demand(
            is_ended && outcome.state.is_terminal(),
            format_args!("decision {decision} has not ended: {:?}", outcome.state),
        );
        self.tell(format!("ended {:?}", outcome.state));
        // What was final and is not any more cannot be told by what stands now.
        if self.schedule.has_rewritten() {
            return Ok(());
        }
        let expected = match mined.first() {
            Some(_) if is_executed => OutcomeState::Executed,
            Some(_) if is_cancel => OutcomeState::Cancelled,
            Some(_) => OutcomeState::Reverted,
            None => OutcomeState::Expired,
        };
        self.found.demand(
            outcome.state == expected,
            format_args!("{decision} is {:?} in the journal, {expected:?} on chain", outcome.state),
        );
        let noted = outcome
            .receipt
            .map(|one| (one.transaction_hash, one.block_number, one.block_hash, one.is_success));
        let real = mined.first().map(|one| (one.hash, one.block, one.block_hash, one.is_success));
        self.found.demand(
            noted == real,
            format_args!("{decision}: receipt {noted:?} in the journal, {real:?} on chain"),
        );
        Ok(())
    }

    /// What was acted on is what stood on the chain, by the asset's own word.
    async fn saw_what_was_there(&mut self, stored: &StoredRecord) -> Result<()> {
        let Body::Rebalance { .. } = &stored.record.body else { return Ok(()) };
        let snapshot = &DecisionRecord::first(&stored.record).snapshot;
        let chain = self.stage.chain();
        let at = json!(format!("0x{:x}", snapshot.block.number));
        // Of a block that was replaced nothing can be asked any more.
        if chain.block(at.clone()).await?.hash != snapshot.block.hash {
            return Ok(());
        }
        let call = Token::balanceOfCall { account: self.stage.world.treasury.vault };
        let idle: U256 = chain.call_at(self.stage.world.venues.asset.address, call, at).await?;
        self.found.demand(
            snapshot.vault.idle == idle,
            format_args!("{} acted on {} idle of {idle}", stored.hash, snapshot.vault.idle),
        );
        Ok(())
    }

    /// Of every block in which something was mined and the one before it, by a checker that knows neither guard nor keeper.
    async fn limits(&mut self, mined: &[Mined]) -> Result<()> {
        let mut wanted: BTreeMap<u64, ()> = BTreeMap::new();
        wanted.insert(self.stage.lowest() - 1, ());
        for one in mined {
            wanted.insert(one.block - 1, ());
            wanted.insert(one.block, ());
        }
        wanted.insert(self.last, ());
        let mut facts = self.stage.facts.clone();
        for number in wanted.into_keys() {
            facts.extend(gather(self.stage.chain(), &self.stage.watched, number, number).await?);
        }
        for breach in judge(&self.stage.watched, &facts, &self.stage.eras) {
            self.found.find(breach);
        }
        Ok(())
    }

    /// Every block was decided, or is counted as passed over.
    async fn account(&mut self) -> Result<()> {
        let cursor = self.journal.cursor(CHAIN_ID, keeper::agent()?).await?;
        let Some(cursor) = cursor else {
            self.found.find("the journal does not say where the keeper stands");
            return Ok(());
        };
        let number = |key: &str| cursor["account"][key].as_u64().unwrap_or_default();
        let (followed, decided, passed) =
            (number("followed"), number("decided"), number("passed_over"));
        let account: &Value = &cursor["account"];
        self.found.demand(
            followed > 0 && followed >= decided + passed && followed - decided - passed <= 1,
            format_args!("blocks unaccounted for: {account}"),
        );
        Ok(())
    }
}
