//! Reading.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use vagus_policy::BlockRef;

use super::{Frozen, MemoryJournal};
use crate::{
    Adoption, Attempt, Breach, ChainReport, DecisionRecord, Intervention, JournalError, Outcome,
    ReadJournal, RecordQuery, Result, Standing, StoredRecord, StoredTransaction,
    intervention::Strike,
};

fn stored(hash: B256, frozen: &Frozen) -> Result<StoredRecord> {
    let record = frozen.record.as_deref().ok_or(JournalError::Dropped(hash))?.clone();
    Ok(StoredRecord { hash, sequence: frozen.sequence, record })
}

#[async_trait]
impl ReadJournal for MemoryJournal {
    async fn decided_blocks(&self, chain_id: u64) -> Result<HashMap<Address, BlockRef>> {
        self.read(|state| {
            let of_chain = state.lines.iter().filter(|((chain, _), _)| *chain == chain_id);
            Ok(of_chain.filter_map(|((_, vault), line)| Some((*vault, line.decided?))).collect())
        })
    }

    async fn head_hash(&self, chain_id: u64, vault: Address) -> Result<B256> {
        let place = (chain_id, vault);
        self.read(|state| match state.runs.get(&place) {
            Some(run) => Ok(run.record.hash()?),
            None => Ok(state.lines.get(&place).map_or(B256::ZERO, |line| line.head)),
        })
    }

    async fn open_run(&self, chain_id: u64, vault: Address) -> Result<Option<DecisionRecord>> {
        self.read(|state| Ok(state.runs.get(&(chain_id, vault)).map(|run| (*run.record).clone())))
    }

    async fn record(&self, hash: B256) -> Result<Option<StoredRecord>> {
        self.read(|state| state.records.get(&hash).map(|of| stored(hash, of)).transpose())
    }

    async fn records(
        &self,
        chain_id: u64,
        vault: Address,
        query: RecordQuery,
    ) -> Result<Vec<StoredRecord>> {
        self.read(|state| {
            let line = state.lines.get(&(chain_id, vault)).cloned().unwrap_or_default();
            let mut found = Vec::new();
            for hash in line.records {
                let Some(frozen) = state.records.get(&hash) else { continue };
                let Some(record) = &frozen.record else { continue };
                let is_asked = record.last().block().number >= query.from_block.unwrap_or(0)
                    && record.first().block().number <= query.to_block.unwrap_or(u64::MAX)
                    && !(query.rebalances_only && frozen.is_hold);
                if is_asked {
                    found.push(stored(hash, frozen)?);
                }
            }
            if query.newest_first {
                found.reverse();
            }
            found.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
            Ok(found)
        })
    }

    async fn vaults(&self) -> Result<Vec<(u64, Address)>> {
        self.read(|state| Ok(state.lines.keys().copied().collect()))
    }

    async fn outcome(&self, decision: B256) -> Result<Option<Outcome>> {
        Ok(self.outcomes(decision).await?.pop())
    }

    async fn outcomes(&self, decision: B256) -> Result<Vec<Outcome>> {
        self.read(|state| {
            let all = state.outcomes.get(&decision).into_iter().flatten();
            Ok(all.map(|outcome| (**outcome).clone()).collect())
        })
    }

    async fn transaction(&self, decision: B256) -> Result<Option<StoredTransaction>> {
        self.read(|state| Ok(state.transaction(decision).ok().cloned()))
    }

    async fn transactions_in_flight(&self, chain_id: u64) -> Result<Vec<StoredTransaction>> {
        self.read(|state| {
            let all = state.transactions.iter();
            let flying = all.filter(|of| of.chain_id == chain_id && !of.is_terminal);
            Ok(flying.map(|of| (**of).clone()).collect())
        })
    }

    async fn attempts(&self, decision: B256) -> Result<Vec<Attempt>> {
        self.read(|state| {
            let all = state.attempts.iter().filter(|of| of.decision == decision);
            Ok(all.map(|of| (**of).clone()).collect())
        })
    }

    async fn nonces_in_flight(&self, chain_id: u64, from: Address) -> Result<Vec<u64>> {
        let mut nonces: Vec<u64> = self
            .transactions_in_flight(chain_id)
            .await?
            .iter()
            .filter(|of| of.from == from)
            .filter_map(|of| of.nonce)
            .collect();
        nonces.sort_unstable();
        Ok(nonces)
    }

    async fn cursor(&self, chain_id: u64, agent: Address) -> Result<Option<serde_json::Value>> {
        self.read(|state| Ok(state.cursors.get(&(chain_id, agent)).map(|of| (**of).clone())))
    }

    async fn adoptions(&self, chain_id: u64, vault: Address) -> Result<Vec<Adoption>> {
        self.read(|state| {
            let all = state.adoptions.iter();
            let mut found: Vec<Adoption> =
                all.filter(|of| of.chain_id == chain_id && of.vault == vault).cloned().collect();
            found.sort_by_key(|of| of.agent);
            Ok(found)
        })
    }

    async fn highest_nonce(&self, chain_id: u64, from: Address) -> Result<Option<u64>> {
        self.read(|state| {
            let all = state.transactions.iter();
            let own = all.filter(|of| of.chain_id == chain_id && of.from == from);
            Ok(own.filter_map(|of| of.nonce).max())
        })
    }

    async fn interventions(&self, chain_id: u64, vault: Address) -> Result<Vec<Intervention>> {
        self.read(|state| {
            let all = state.interventions.iter();
            Ok(all
                .filter(|made| (made.chain_id, made.vault) == (chain_id, vault))
                .cloned()
                .collect())
        })
    }

    async fn standings(&self, chain_id: u64) -> Result<Vec<Standing>> {
        self.read(|state| {
            let mut standings: BTreeMap<Address, Standing> = BTreeMap::new();
            for made in state.interventions.iter().filter(|made| made.chain_id == chain_id) {
                let vault = made.vault;
                standings.entry(vault).or_insert_with(|| Standing::clear(vault)).last =
                    Some(made.clone());
            }
            for ((chain, vault), strike, is_cleared) in state.strikes.values() {
                if *chain != chain_id || *is_cleared {
                    continue;
                }
                let standing = standings.entry(*vault).or_insert_with(|| Standing::clear(*vault));
                match strike {
                    Strike::Reverted => standing.reverted += 1,
                    Strike::Unpredicted => standing.unpredicted += 1,
                }
            }
            Ok(standings.into_values().collect())
        })
    }

    async fn fees_paid(
        &self,
        chain_id: u64,
        from: Address,
        after: u64,
    ) -> Result<Vec<(B256, u128)>> {
        self.read(|state| {
            let all = state.fees.iter();
            let own = all.filter(|fee| (fee.chain_id, fee.from) == (chain_id, from));
            let mut late: Vec<_> = own.filter(|fee| fee.paid_at > after).collect();
            late.sort_by_key(|fee| fee.paid_at);
            Ok(late.into_iter().map(|fee| (fee.hash, fee.fee_wei)).collect())
        })
    }

    async fn verify_chain(&self, chain_id: u64, vault: Address) -> Result<ChainReport> {
        self.read(|state| {
            let mut report = ChainReport::default();
            let line = state.lines.get(&(chain_id, vault)).cloned().unwrap_or_default();
            for (sequence, hash) in (0..).zip(&line.records) {
                report.records += 1;
                match state.records.get(hash).map(|frozen| &frozen.record) {
                    None => report.breaches.push(Breach::Missing { sequence }),
                    Some(None) => report.dropped += 1,
                    Some(Some(record)) => {
                        let found = record.hash()?;
                        if found != *hash {
                            let expected = *hash;
                            report.breaches.push(Breach::Altered { sequence, found, expected });
                        }
                        if record.previous != report.head {
                            let (found, expected) = (record.previous, report.head);
                            report.breaches.push(Breach::Unlinked { sequence, found, expected });
                        }
                    }
                }
                report.head = *hash;
            }
            if line.head != report.head {
                let (found, expected) = (report.head, line.head);
                report.breaches.push(Breach::WrongHead { found, expected });
            }
            let run = state.runs.get(&(chain_id, vault));
            if run.is_some_and(|run| run.record.previous != report.head) {
                let message = "it does not follow the last record".to_owned();
                report.breaches.push(Breach::OpenRun { message });
            }
            Ok(report)
        })
    }
}
