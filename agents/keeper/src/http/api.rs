//! The read-only API: what the board shows, and what the journal holds.

use std::{sync::Arc, time::Duration};

use alloy::primitives::{Address, B256};
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, Semaphore},
    time::timeout,
};
use vagus_allocator::Reason;
use vagus_journal::{JournalReader, JournalSize, ReadJournal as _, RecordQuery};

use super::routes::{Answer, no_such};
use crate::{
    JSON_SCHEMA_VERSION,
    board::{ChainView, VaultView},
    config::JournalUrl,
    journal::{Known, Shown, listed},
    render::number::plain,
};

/// Decisions of one answer.
const USUAL_LIMIT: u32 = 20;
const LARGEST_LIMIT: u32 = 100;
/// Questions to the journal at a time; further ones wait.
const MOST_QUESTIONS: usize = 4;
/// How long metrics wait for the journal; without its answer they are told without it.
const SIZE_WITHIN: Duration = Duration::from_secs(1);

pub(super) fn chains(views: &[Arc<ChainView>]) -> Value {
    let chains: Vec<Value> = views
        .iter()
        .map(|view| {
            json!({
                "chain": view.name,
                "chain_id": view.chain_id,
                "agent": view.agent,
                "head": view.head,
                "head_age_seconds": view.head_age().as_secs(),
                "stale_after_seconds": view.stale_after.as_secs(),
                "blocks_behind": view.blocks_behind(),
                "finalized_number": view.finalized_number,
                "base_fee_wei": view.base_fee_wei.to_string(),
                "decided_blocks": view.account.decided,
                "passed_over_blocks": view.account.passed_over,
                "failed_rounds": view.trouble.map_or(0, |trouble| trouble.failures),
                "trouble": view.trouble.map(|trouble| trouble.kind),
                "is_reconciled": view.is_reconciled,
                "sends": view.sends,
                "vaults": view.vaults.iter().map(|vault| &vault.name).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "schema": JSON_SCHEMA_VERSION, "chains": chains })
}

fn of_vault(chain: &ChainView, view: &VaultView) -> Value {
    json!({
        "vault": view.name,
        "address": view.vault,
        "chain": chain.name,
        "chain_id": chain.chain_id,
        "decides": view.decides,
        "is_in_flight": view.is_in_flight,
        "latest": view.latest,
        "decisions": view.decisions,
        "transactions": view.transactions,
        "fees_paid_native": plain(view.fees_wei, 18),
        "seen": view.seen,
    })
}

pub(super) fn vaults(views: &[Arc<ChainView>]) -> Value {
    let vaults: Vec<Value> = views
        .iter()
        .flat_map(|chain| chain.vaults.iter().map(|vault| of_vault(chain, vault)))
        .collect();
    json!({ "schema": JSON_SCHEMA_VERSION, "vaults": vaults })
}

/// A vault by its name in the configuration, or its address.
pub(super) fn find_vault(views: &[Arc<ChainView>], name: &str) -> Option<(u64, Arc<VaultView>)> {
    let (chain, vault) = find(views, name)?;
    Some((chain.chain_id, vault.clone()))
}

fn find<'a>(
    views: &'a [Arc<ChainView>],
    name: &str,
) -> Option<(&'a ChainView, &'a Arc<VaultView>)> {
    let address: Option<Address> = name.parse().ok();
    let all = || views.iter().flat_map(|chain| chain.vaults.iter().map(move |v| (&**chain, v)));
    all()
        .find(|(_, vault)| vault.name == name)
        .or_else(|| all().find(|(_, vault)| Some(vault.vault) == address))
}

pub(super) fn vault(views: &[Arc<ChainView>], name: &str) -> Option<Value> {
    let (chain, vault) = find(views, name)?;
    let mut document = of_vault(chain, vault);
    document["schema"] = JSON_SCHEMA_VERSION.into();
    Some(document)
}

/// The journal, read by a connection of its own that is made when it is first needed.
pub(crate) struct Books {
    url: JournalUrl,
    reader: Mutex<Option<Arc<JournalReader>>>,
    questions: Semaphore,
}

impl Books {
    pub(super) fn new(url: JournalUrl) -> Self {
        Self { url, reader: Mutex::new(None), questions: Semaphore::new(MOST_QUESTIONS) }
    }

    async fn reader(&self) -> vagus_journal::Result<Arc<JournalReader>> {
        let mut reader = self.reader.lock().await;
        if let Some(reader) = &*reader {
            return Ok(reader.clone());
        }
        let new = Arc::new(JournalReader::connect(self.url.expose()).await?);
        *reader = Some(new.clone());
        Ok(new)
    }

    /// How much it holds; none if it does not say so at once.
    pub(super) async fn size(&self) -> Option<JournalSize> {
        let asked = async {
            let _place = self.questions.acquire().await.ok()?;
            let size = match self.reader().await {
                Ok(reader) => reader.size().await,
                Err(error) => Err(error),
            };
            // Whoever reads the figures sees that they are missing.
            size.inspect_err(|error| tracing::debug!("http: the {error}")).ok()
        };
        timeout(SIZE_WITHIN, asked).await.ok().flatten()
    }

    pub(super) async fn decisions(
        &self,
        chain_id: u64,
        name: &str,
        vault: Address,
        query: &str,
    ) -> Answer {
        let query = match wanted(query) {
            Ok(query) => query,
            Err(what) => return Answer::problem(StatusCode::BAD_REQUEST, &what),
        };
        let Ok(_place) = self.questions.acquire().await else { return closed() };
        let known = Known { name: name.to_owned(), chain_id, vault };
        match self.list(&known, query).await {
            Ok(document) => Answer::json(StatusCode::OK, &document),
            Err(error) => unread(&error),
        }
    }

    async fn list(&self, vault: &Known, query: RecordQuery) -> vagus_journal::Result<Value> {
        let reader = self.reader().await?;
        let mut decisions = Vec::new();
        for stored in reader.records(vault.chain_id, vault.vault, query).await? {
            let outcome = reader.outcome(stored.hash).await?;
            let sequence = Some(stored.sequence);
            decisions.push(listed(vault, stored.hash, sequence, &stored.record, outcome.as_ref()));
        }
        let open = match (query.before_sequence, query.rebalances_only, query.reason) {
            (None, false, None) => reader.open_run(vault.chain_id, vault.vault).await?,
            _ => None,
        };
        let open = open.map(|run| Ok(listed(vault, run.hash()?, None, &run, None)));
        let open = open.transpose().map_err(|error: vagus_journal::RecordError| {
            vagus_journal::JournalError::from(error)
        })?;
        let is_full = decisions.len() >= usize::try_from(query.limit.unwrap_or(0)).unwrap_or(0);
        let next_before =
            decisions.last().filter(|_| is_full).and_then(|last| last.sequence).filter(|s| *s > 0);
        Ok(json!({
            "schema": JSON_SCHEMA_VERSION,
            "open": open,
            "decisions": decisions,
            "next_before": next_before,
        }))
    }

    pub(super) async fn decision(&self, hash: &str) -> Answer {
        let Ok(hash) = hash.parse::<B256>() else {
            return Answer::problem(StatusCode::BAD_REQUEST, "expected the hash of a decision");
        };
        let Ok(_place) = self.questions.acquire().await else { return closed() };
        match self.show(hash).await {
            Ok(Some(shown)) => Answer::json(StatusCode::OK, &shown),
            Ok(None) => no_such("decision"),
            Err(error) => unread(&error),
        }
    }

    async fn show(&self, hash: B256) -> vagus_journal::Result<Option<Shown>> {
        let reader = self.reader().await?;
        // One that retention has dropped has left its hash alone.
        let digits = format!("{hash:x}");
        if !reader.find(&digits, 1).await?.iter().any(|(_, is_there)| *is_there) {
            return Ok(None);
        }
        let Some(stored) = reader.record(hash).await? else { return Ok(None) };
        let outcomes = reader.outcomes(hash).await?;
        Ok(Some(Shown {
            schema: JSON_SCHEMA_VERSION,
            decision: hash,
            sequence: stored.sequence,
            record: stored.record,
            outcomes,
        }))
    }
}

/// What a database says may name its place and its user: that is for the log.
fn unread(error: &vagus_journal::JournalError) -> Answer {
    tracing::warn!("http: the {error}");
    Answer::problem(StatusCode::SERVICE_UNAVAILABLE, "the journal cannot be read; the log says why")
}

fn closed() -> Answer {
    Answer::problem(StatusCode::SERVICE_UNAVAILABLE, "the keeper is ending")
}

fn wanted(query: &str) -> Result<RecordQuery, String> {
    let mut wanted =
        RecordQuery { limit: Some(USUAL_LIMIT), newest_first: true, ..RecordQuery::default() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = || value.parse::<u64>().map_err(|_| format!("{key}: expected a number"));
        match key {
            "limit" => match value.parse() {
                Ok(limit) if (1..=LARGEST_LIMIT).contains(&limit) => wanted.limit = Some(limit),
                _ => return Err(format!("limit: expected from 1 to {LARGEST_LIMIT}")),
            },
            "before" => wanted.before_sequence = Some(number()?),
            "from_block" => wanted.from_block = Some(number()?),
            "to_block" => wanted.to_block = Some(number()?),
            "rebalances" if matches!(value, "true" | "false") => {
                wanted.rebalances_only = value == "true";
            }
            "rebalances" => return Err("rebalances: expected true or false".to_owned()),
            "reason" => wanted.reason = Some(value.parse::<Reason>()?),
            _ => {
                return Err(
                    "expected limit, before, from_block, to_block, rebalances or reason".to_owned()
                );
            }
        }
    }
    Ok(wanted)
}
