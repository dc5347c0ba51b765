//! `keeper journal history`: the past of a vault out of the journal, as a history.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use alloy::primitives::{Address, B256};
use serde_json::json;
use vagus_allocator::Reason;
use vagus_backtest::history::{Block, HISTORY_VERSION, Head, Named, Recorded, Wei, Writer, units};
use vagus_journal::{
    Body, DecisionRecord, JournalReader, Observation, ReadJournal as _, RecordQuery, StoredRecord,
};

use crate::{
    JSON_SCHEMA_VERSION,
    cli::WritingHistory,
    config::Config,
    exit::{Exit, Failure},
    journal::policy_of,
    status,
    world::{self, ChainWorld, VaultWorld},
};

/// Records that are asked for at once.
const PAGE: u32 = 500;
/// Blocks that a later record may lie below an earlier one, after a reorganisation.
const REORGANISED_BLOCKS: usize = 256;

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Journal, format_args!("The {error}."))
}

fn unwritten(file: &Path, error: impl std::fmt::Display) -> Failure {
    let place = file.display();
    Failure::new(Exit::Usage, format_args!("{place}: the history cannot be written: {error}."))
}

/// Blocks in order: a reorganisation takes back those that it replaced.
#[derive(Default)]
struct Line {
    waiting: VecDeque<Block>,
}

impl Line {
    /// Adds a block. Gives back what is far enough behind to stay.
    fn push(&mut self, block: Block) -> Option<Block> {
        let at = block.snapshot.block;
        let is_replaced = |one: &Block| {
            let before = one.snapshot.block;
            before.number >= at.number || before.timestamp >= at.timestamp
        };
        while self.waiting.back().is_some_and(is_replaced) {
            self.waiting.pop_back();
        }
        self.waiting.push_back(block);
        if self.waiting.len() > REORGANISED_BLOCKS { self.waiting.pop_front() } else { None }
    }
}

/// Blocks of a record: one, or the first and the last of a run. A vault that was not seen has none.
fn blocks(stored: &StoredRecord, fee: Option<Wei>) -> Vec<Block> {
    let record = &stored.record;
    if record.reason() == Reason::VaultUnread {
        return Vec::new();
    }
    let moves = match &record.body {
        Body::Rebalance { rebalance, .. } => rebalance.moves.clone(),
        Body::Upkeep { .. } | Body::Hold { .. } => Vec::new(),
    };
    let recorded = Recorded {
        decision: stored.hash,
        previous: record.previous,
        algorithm_version: record.header.algorithm_version,
        reason: record.reason(),
        moves,
        fee,
    };
    let block = |seen: &Observation, blocks| Block {
        snapshot: seen.snapshot.clone(),
        inputs: seen.inputs.clone(),
        blocks,
        recorded: Some(recorded.clone()),
    };
    match &record.body {
        Body::Rebalance { observation, .. } | Body::Upkeep { observation, .. } => {
            vec![block(observation, 1)]
        }
        Body::Hold { first, last: None, .. } => vec![block(first, 1)],
        Body::Hold { first, last: Some(last), count } => {
            vec![block(first, 1), block(last, count.saturating_sub(1).max(1))]
        }
    }
}

/// Every record in the range, oldest first, the run that goes on at the end; each is handed on.
async fn records(
    journal: &JournalReader,
    (chain_id, vault): (u64, Address),
    wanted: &WritingHistory,
    mut take: impl FnMut(&StoredRecord, Option<Wei>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let query = RecordQuery {
        from_block: wanted.from,
        to_block: wanted.to,
        limit: Some(PAGE),
        newest_first: true,
        ..RecordQuery::default()
    };
    // Pages are told from the newest on: their beginnings first, then each from the oldest on.
    let mut begins = vec![None];
    loop {
        let before_sequence = begins.last().copied().flatten();
        let page = journal
            .records(chain_id, vault, RecordQuery { before_sequence, ..query })
            .await
            .map_err(failure)?;
        let Some(oldest) = page.last() else { break };
        begins.push(Some(oldest.sequence));
    }
    begins.pop();
    for before_sequence in begins.into_iter().rev() {
        let mut page = journal
            .records(chain_id, vault, RecordQuery { before_sequence, ..query })
            .await
            .map_err(failure)?;
        page.reverse();
        for stored in &page {
            let outcome = journal.outcome(stored.hash).await.map_err(failure)?;
            // What filled nonces before its own is a cost of what was carried out, and no price of what was not.
            let mined = outcome.filter(|outcome| outcome.receipt.is_some());
            take(stored, mined.and_then(|outcome| outcome.fee_wei()).map(Wei))?;
        }
    }
    if let Some(record) = journal.open_run(chain_id, vault).await.map_err(failure)? {
        let is_inside = wanted.from.is_none_or(|from| record.last().block().number >= from)
            && wanted.to.is_none_or(|to| record.first().block().number <= to);
        if is_inside {
            let hash = record.hash().map_err(failure)?;
            take(&StoredRecord { hash, sequence: u64::MAX, record }, None)?;
        }
    }
    Ok(())
}

/// What is gathered on the first way through the records, for the head.
#[derive(Default)]
struct Known {
    header: Option<DecisionRecord>,
    strategies: Vec<Named>,
    /// One record under each document.
    documents: BTreeMap<B256, DecisionRecord>,
    seen: BTreeSet<Address>,
}

impl Known {
    fn take(&mut self, vault: &VaultWorld, record: &DecisionRecord) {
        if record.reason() == Reason::VaultUnread {
            return;
        }
        self.header.get_or_insert_with(|| record.clone());
        for seen in [record.first(), record.last()] {
            let guard = &seen.snapshot.vault.guard_state;
            if guard.policy_version > 0 && !guard.policy_hash.is_zero() {
                self.documents.entry(guard.policy_hash).or_insert_with(|| record.clone());
            }
            for state in &seen.snapshot.vault.strategies {
                if self.seen.insert(state.strategy) {
                    let name = vault.config.strategies.get(&state.strategy);
                    self.strategies.push(Named {
                        strategy: state.strategy,
                        name: name.unwrap_or(&state.symbol).clone(),
                        symbol: state.symbol.clone(),
                        decimals: state.decimals,
                    });
                }
            }
        }
    }

    /// The head; the chain is asked for the documents.
    async fn head(self, world: &ChainWorld, vault: &VaultWorld) -> Result<Head, Failure> {
        let Some(record) = self.header else {
            return Err(Failure::new(
                Exit::Journal,
                format_args!(
                    "The journal holds no decision about {} in this range; expected some.",
                    vault.config.name
                ),
            ));
        };
        let mut policies = BTreeMap::new();
        for (hash, record) in &self.documents {
            if let Some(policy) = policy_of(&world.endpoints, record).await {
                policies.insert(*hash, policy);
            }
        }
        let (header, snapshot) = (&record.header, &record.first().snapshot);
        let accounts = ["keeper", "agent"].map(|name| (name.to_owned(), header.agent));
        Ok(Head {
            vagus_history: HISTORY_VERSION,
            name: vault.config.name.clone(),
            chain: world.config.name.clone(),
            chain_id: header.chain_id,
            vault: header.vault,
            guard: header.guard,
            asset: snapshot.vault.asset.clone(),
            lens_version: snapshot.lens_version,
            lens: header.lens,
            lens_code_hash: header.lens_code_hash,
            agent: header.agent,
            strategies: self.strategies,
            accounts: BTreeMap::from(accounts),
            policies,
            units: units(),
        })
    }
}

/// A history on its way into a file.
struct Out {
    file: BufWriter<File>,
    writer: Writer,
    blocks: u64,
    bytes: u64,
}

impl Out {
    fn line(&mut self, text: &str) -> std::io::Result<()> {
        self.bytes = self.bytes.saturating_add(text.len() as u64).saturating_add(1);
        self.file.write_all(text.as_bytes())?;
        self.file.write_all(b"\n")
    }
}

/// Writes the past of a vault into a new file, whole or not at all.
///
/// # Errors
/// Those of configuration, journal and chain; if the file is there already or cannot be written.
pub async fn history(wanted: &WritingHistory) -> Result<String, Failure> {
    let config = Config::load(&wanted.config)?;
    let chosen = config.select(wanted.vault.as_deref())?;
    if chosen.len() != 1 {
        let names: Vec<_> = chosen.iter().map(|vault| vault.name.as_str()).collect();
        return Err(Failure::new(
            Exit::Usage,
            format_args!(
                "--vault is missing: a history is of one vault; expected one of {}.",
                names.join(", ")
            ),
        ));
    }
    let path = &wanted.file;
    if path.exists() {
        return Err(unwritten(path, "it is there already; expected a new file"));
    }
    let worlds = world::open(&config, wanted.vault.as_deref()).await?;
    let one = worlds.first().and_then(|world| world.vaults.first().map(|vault| (world, vault)));
    let Some((world, vault)) = one else {
        return Err(Failure::new(Exit::Internal, "A vault without a chain."));
    };
    let Some(journal) = status::open(&config.journal).await? else {
        return Err(Failure::new(
            Exit::Journal,
            "There is no journal yet; expected one that a keeper has written.",
        ));
    };
    let place = (world.config.chain_id, vault.entry.vault);
    let mut known = Known::default();
    records(&journal, place, wanted, |stored, _| {
        known.take(vault, &stored.record);
        Ok(())
    })
    .await?;
    let head = known.head(world, vault).await?;
    let unfinished = path.with_extension("unfinished");
    let file = File::create(&unfinished).map_err(|error| unwritten(path, error))?;
    let mut out =
        Out { file: BufWriter::new(file), writer: Writer::new(head), blocks: 0, bytes: 0 };
    let first = out.writer.head().map_err(|error| unwritten(path, error))?;
    out.line(&first).map_err(|error| unwritten(path, error))?;
    let mut put = |block: &Block| {
        let text = out.writer.block(block).map_err(|error| unwritten(path, error))?;
        out.blocks = out.blocks.saturating_add(1);
        out.line(&text).map_err(|error| unwritten(path, error))
    };
    let mut line = Line::default();
    records(&journal, place, wanted, |stored, fee| {
        blocks(stored, fee)
            .into_iter()
            .filter_map(|block| line.push(block))
            .try_for_each(|block| put(&block))
    })
    .await?;
    line.waiting.iter().try_for_each(&mut put)?;
    let Out { mut file, writer, blocks, mut bytes } = out;
    let end = writer.end();
    bytes = bytes.saturating_add(end.len() as u64).saturating_add(1);
    file.write_all(format!("{end}\n").as_bytes())
        .and_then(|()| file.flush())
        .and_then(|()| file.get_ref().sync_all())
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|error| unwritten(path, error))?;
    if wanted.json {
        let document = json!({
            "schema": JSON_SCHEMA_VERSION, "file": path, "vault": vault.config.name,
            "lines": blocks, "bytes": bytes,
        });
        return Ok(document.to_string());
    }
    Ok(format!(
        "history of {} written to {}: {blocks} blocks, {bytes} bytes",
        vault.config.name,
        path.display()
    ))
}
