//! A keeper over thousands of blocks of several chains: what it remembers must not grow with them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sqlx::Row as _;

use super::{Load, tide::Tide};
use crate::{anvil::Anvil, ask, many::Many};

/// Seconds between two blocks: in ten thousand of them there is a week.
const BLOCK_SECONDS: u64 = 60;
/// Blocks after which another market is short of money: about half a day.
const TURN: u64 = 700;
/// Every so often several blocks come at once: while the first is worked off, all but the last of the others are passed over.
const EVERY: u64 = 97;
/// So many.
const BURST: u64 = 5;
/// Days for which bodies of holds are kept.
const KEEP_HOLDS_DAYS: u32 = 1;
/// How much the memory may grow from the first fifth to the end, per cent.
const MOST_GROWTH_PERCENT: u64 = 110;
/// Most questions for a block in which nothing is done: its header, the lens, one to spare.
const MOST_CALLS: usize = 3;
/// How much bodies of holds may grow from the second fifth, when the first of them are dropped, to the end, per cent.
const MOST_HOLDS_PERCENT: u64 = 120;
/// Most of the file that nothing stands in, per cent, when everything is written back.
const MOST_FREE_PERCENT: u64 = 10;
/// Old states that a chain keeps: a week of them would fill the machine.
const STATES: u32 = 64;

/// What a soak is made of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Blocks of each chain.
    pub blocks: u64,
    /// Chains.
    pub chains: u64,
    /// Vaults of each chain.
    pub vaults: usize,
}

/// What was seen on the way.
#[derive(Debug, Default)]
struct Seen {
    samples: Vec<Sample>,
    /// Blocks of which nothing came but holds.
    quiet: u64,
    /// Most questions for one of them.
    most_calls: usize,
    /// Blocks that came together with the next.
    together: u64,
    /// By chain.
    decided: Vec<u64>,
    passed_over: Vec<u64>,
}

/// A moment of the soak.
#[derive(Clone, Copy, Debug)]
struct Sample {
    block: u64,
    rss_kb: u64,
    journal_bytes: u64,
    /// Of these, bodies of holds, open runs included.
    hold_bytes: u64,
    /// Bodies of what was sent, which stay.
    sent_bytes: u64,
}

/// Runs it.
///
/// # Errors
/// If memory, journal, calls or blocks are not as they have to be.
pub async fn run(folder: &Path, plan: Plan) -> Result<Value> {
    let mut worlds = Vec::new();
    for number in 0..plan.chains {
        anstream::eprintln!("building {} vaults on chain {}", plan.vaults, number + 1);
        let place = folder.join(format!("chain-{number}"));
        std::fs::create_dir_all(&place)?;
        let chain = Anvil::start_as(&place, 31_337 + number, STATES).await?;
        worlds.push(Many::build_on(chain, &place, plan.vaults).await?);
    }
    let of_chains: Vec<&Many> = worlds.iter().collect();
    let mut load = Load::start(folder, "soak", &of_chains, plan.vaults, KEEP_HOLDS_DAYS).await?;
    let mut first_blocks = Vec::new();
    for world in &worlds {
        first_blocks.push(world.chain.head().await?.number + 1);
    }
    let (mut tides, mut seen) = (Vec::new(), Seen::default());
    tides.resize_with(worlds.len(), Tide::default);
    let mut mined = 0;
    while mined < plan.blocks {
        let before = mined;
        if mined % TURN == 0 {
            for (tide, world) in tides.iter_mut().zip(&worlds) {
                tide.turn(world).await?;
            }
        }
        let is_burst = mined % EVERY == EVERY - BURST && mined + BURST < plan.blocks;
        if is_burst {
            for _ in 1..BURST {
                for world in &worlds {
                    let head = world.chain.head().await?;
                    world.chain.mine_at(head.timestamp + BLOCK_SECONDS).await?;
                }
                (mined, seen.together) = (mined + 1, seen.together + 1);
            }
        }
        for taken in load.block(BLOCK_SECONDS).await? {
            // Headers of a burst are asked for by their hashes.
            if taken.is_quiet && !is_burst {
                seen.most_calls = seen.most_calls.max(taken.calls);
                seen.quiet += 1;
            }
        }
        mined += 1;
        if mined * 20 / plan.blocks != before * 20 / plan.blocks {
            let (hold_bytes, sent_bytes) = bodies(&load.journal).await?;
            let sample = Sample {
                block: mined,
                rss_kb: load.kilobytes("VmRSS")?,
                journal_bytes: size(&load.journal)?,
                hold_bytes,
                sent_bytes,
            };
            anstream::eprintln!(
                "{mined} of {} blocks: {} KB of memory, {} KB of journal, {} of them holds and {} what was sent",
                plan.blocks,
                sample.rss_kb,
                sample.journal_bytes / 1_024,
                hold_bytes / 1_024,
                sent_bytes / 1_024
            );
            seen.samples.push(sample);
        }
    }
    let metrics = ask::get(&load.http, "/metrics").await?.1;
    for world in &worlds {
        let of = |result: &str| -> Result<u64> {
            let id = world.chain.chain_id;
            let start = format!("vagus_blocks_total{{chain=\"local-{id}\",result=\"{result}\"}}");
            let text = ask::sample(&metrics, &start).with_context(|| start.clone())?;
            text.parse().with_context(|| start)
        };
        seen.decided.push(of("decided")?);
        seen.passed_over.push(of("passed-over")?);
    }
    let journal = load.stop()?;
    for (place, world) in worlds.iter().enumerate() {
        let head = world.chain.head().await?.number;
        let first = first_blocks[place];
        ensure!(head + 1 - first == mined, "the chain has {head} blocks");
        accounted(&journal, world, first, head, seen.passed_over[place]).await?;
        // A head that the keeper found at its start counts as well.
        let followed = seen.decided[place] + seen.passed_over[place];
        ensure!(
            followed >= mined && followed <= mined + 1,
            "{followed} blocks of chain {} are counted, {mined} were mined",
            world.chain.chain_id
        );
    }
    verdict(plan, &seen, &journal).await
}

/// Bytes of bodies of holds, open runs included, and of what was sent, as a reader beside the keeper sees them.
async fn bodies(journal: &Path) -> Result<(u64, u64)> {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}?mode=ro", journal.display())).await?;
    let of = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool);
    let holds = "SELECT COALESCE(SUM(LENGTH(body)), 0) FROM \
                 (SELECT body FROM records WHERE kind = 'hold' UNION ALL SELECT body FROM open_runs)";
    let sent = "SELECT COALESCE(SUM(LENGTH(body)), 0) FROM records WHERE kind <> 'hold'";
    let found = (u64::try_from(of(holds).await?)?, u64::try_from(of(sent).await?)?);
    pool.close().await;
    Ok(found)
}

/// Size of the journal with what SQLite has not written back yet.
fn size(journal: &Path) -> Result<u64> {
    let wal = journal.with_extension("db-wal");
    let of = |path: &Path| std::fs::metadata(path).map(|data| data.len());
    Ok(of(journal)? + of(&wal).unwrap_or(0))
}

/// The records of every vault, read from the file itself, lie end to end over all blocks of the run; what they leave out
/// was passed over.
async fn accounted(journal: &Path, world: &Many, first: u64, head: u64, passed: u64) -> Result<()> {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}?mode=ro", journal.display())).await?;
    let id = i64::try_from(world.chain.chain_id)?;
    for vault in &world.vaults {
        let rows = sqlx::query(
            "SELECT first_block, last_block FROM records WHERE chain_id = ? AND vault = ? ORDER BY sequence",
        )
        .bind(id)
        .bind(format!("{vault:#x}"))
        .fetch_all(&pool)
        .await?;
        let decided: i64 =
            sqlx::query("SELECT decided_number FROM vaults WHERE chain_id = ? AND vault = ?")
                .bind(id)
                .bind(format!("{vault:#x}"))
                .fetch_one(&pool)
                .await?
                .get(0);
        ensure!(u64::try_from(decided)? == head, "vault {vault} was decided up to {decided}");
        let (mut next, mut missing) = (first, 0);
        for row in rows {
            let from = u64::try_from(row.get::<i64, _>(0))?;
            let to = u64::try_from(row.get::<i64, _>(1))?;
            if to < first {
                continue;
            }
            let from = from.max(first);
            ensure!(from >= next && to >= from, "vault {vault}: {from} to {to} after {next}");
            missing += from - next;
            next = to + 1;
        }
        // The run that is open reaches to the head.
        ensure!(missing <= passed, "vault {vault}: {missing} blocks nobody accounts for");
    }
    Ok(())
}

async fn verdict(plan: Plan, seen: &Seen, journal: &Path) -> Result<Value> {
    let samples = &seen.samples;
    let at = |part: u64| samples.iter().find(|sample| sample.block >= plan.blocks * part / 20);
    let (fifth, end) = at(4).zip(samples.last()).context("no samples")?;
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}?mode=ro", journal.display())).await?;
    let sent: i64 = sqlx::query("SELECT count(*) FROM transactions").fetch_one(&pool).await?.get(0);
    let open: i64 = sqlx::query("SELECT count(*) FROM transactions WHERE is_terminal = 0")
        .fetch_one(&pool)
        .await?
        .get(0);
    let growth = end.rss_kb * 100 / fifth.rss_kb.max(1);
    // Held for less than is kept, nothing is dropped yet.
    let has_dropped = plan.blocks * 2 / 5 * BLOCK_SECONDS > u64::from(KEEP_HOLDS_DAYS) * 86_400;
    let kept = at(8).context("no samples")?;
    let holds = end.hold_bytes * 100 / kept.hold_bytes.max(1);
    let of = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool);
    let pages = (of("PRAGMA freelist_count").await?, of("PRAGMA page_count").await?);
    let free = u64::try_from(pages.0 * 100 / pages.1.max(1))?;
    let passed: u64 = seen.passed_over.iter().sum();
    let figures = json!({
        "schema": 1,
        "blocks": plan.blocks,
        "chains": plan.chains,
        "vaults": plan.chains * plan.vaults as u64,
        "rebalances": sent,
        "still_in_flight": open,
        "decided": seen.decided,
        "passed_over": seen.passed_over,
        "blocks_together_with_the_next": seen.together,
        "quiet_blocks": seen.quiet,
        "most_rpc_calls_per_quiet_block": seen.most_calls,
        "rss_mb_at_one_fifth": fifth.rss_kb / 1_024,
        "rss_mb_at_the_end": end.rss_kb / 1_024,
        "rss_growth_percent": growth,
        "hold_bodies_growth_percent": holds,
        "hold_bodies_mb": samples.iter().map(|one| one.hold_bytes >> 20).collect::<Vec<_>>(),
        "sent_bodies_mb": samples.iter().map(|one| one.sent_bytes >> 20).collect::<Vec<_>>(),
        "journal_free_percent": free,
        "journal_mb": samples.iter().map(|one| one.journal_bytes >> 20).collect::<Vec<_>>(),
    });
    ensure!(growth <= MOST_GROWTH_PERCENT, "memory grew to {growth} %: {figures}");
    ensure!(
        seen.most_calls <= MOST_CALLS,
        "a quiet block took {} calls: {figures}",
        seen.most_calls
    );
    ensure!(!has_dropped || holds <= MOST_HOLDS_PERCENT, "holds grew to {holds} %: {figures}");
    ensure!(free <= MOST_FREE_PERCENT, "{free} % of the file are free pages: {figures}");
    ensure!(seen.together == 0 || passed > 0, "no block was passed over: {figures}");
    Ok(figures)
}
