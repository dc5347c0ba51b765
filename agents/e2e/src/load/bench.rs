//! How long the keeper itself takes for a block, by number of vaults: `bench/keeper.json`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    Load,
    block::{Taken, milliseconds, percentile},
    tide::Tide,
};
use crate::many::{Many, STRATEGIES};

/// Fewest blocks of each kind behind a percentile.
pub const LEAST_SAMPLES: usize = 300;
/// Seconds between two turns of the tide: the policy lets each vault move once a day.
const DAY: u64 = 86_400;
/// Turns after which something is wrong if there are not enough blocks yet.
const MOST_TURNS: usize = 1_000;
/// Most blocks of holds that are looked at after each turn.
const HOLDS_OF_A_TURN: usize = 12;
/// Blocks that the keeper warms up on.
const WARM_UP: usize = 3;

/// Measures keepers of so many vaults, one after the other on one chain.
///
/// # Errors
/// If the world or a keeper fails.
pub async fn run(folder: &Path, counts: &[usize], samples: usize) -> Result<Value> {
    let most = counts.iter().max().copied().context("no number of vaults")?;
    anstream::eprintln!("building {most} vaults over {STRATEGIES} strategies each");
    let world = Many::build(folder, most).await?;
    let mut tide = Tide::default();
    let mut rows = BTreeMap::new();
    for count in counts {
        anstream::eprintln!("{count} vaults");
        rows.insert(*count, measure(folder, &world, &mut tide, *count, samples).await?);
    }
    Ok(json!({ "schema": 1, "strategies": STRATEGIES, "vaults": rows }))
}

async fn measure(
    folder: &Path,
    world: &Many,
    tide: &mut Tide,
    count: usize,
    samples: usize,
) -> Result<Value> {
    let mut load = Load::start(folder, &format!("bench-{count}"), &[world], count, 30).await?;
    for _ in 0..WARM_UP {
        load.block(12).await?;
    }
    let (mut acted, mut held): (Vec<Taken>, Vec<Taken>) = (Vec::new(), Vec::new());
    let mut turns = 0;
    while acted.len() < samples || held.len() < samples {
        turns += 1;
        ensure!(
            turns <= MOST_TURNS,
            "after {MOST_TURNS} days there are {} blocks with moves and {} without; expected {samples} of each",
            acted.len(),
            held.len()
        );
        tide.turn(world).await?;
        let mut taken = load.block(DAY).await?;
        // As many blocks as it takes until all have moved, and as many again in which nothing is to be done.
        loop {
            let one = *taken.first().context("one chain")?;
            if one.is_quiet {
                break;
            }
            if one.sent > 0 {
                acted.push(one);
            }
            taken = load.block(12).await?;
        }
        for _ in 0..samples.saturating_sub(held.len()).min(HOLDS_OF_A_TURN) {
            let one = *load.block(12).await?.first().context("one chain")?;
            ensure!(one.is_quiet, "a vault moved twice on a day");
            held.push(one);
        }
    }
    let (rss, peak) = (load.kilobytes("VmRSS")?, load.kilobytes("VmHWM")?);
    load.stop()?;
    let of = |taken: &[Taken], field: fn(&Taken) -> Duration, percent| {
        let values: Vec<Duration> = taken.iter().map(field).collect();
        percentile(&values, percent).and_then(milliseconds)
    };
    let sent: usize = acted.iter().map(|one| one.sent).sum();
    let calls = held.iter().map(|one| one.calls).max();
    Ok(json!({
        "own_p50_ms": of(&acted, |one| one.own, 50),
        "own_p99_ms": of(&acted, |one| one.own, 99),
        "hold_p99_ms": of(&held, |one| one.own, 99),
        "total_p99_ms": of(&acted, |one| one.total, 99),
        "rss_mb": rss.div_ceil(1_024),
        "peak_rss_mb": peak.div_ceil(1_024),
        "rpc_calls_per_block": calls,
        "blocks_with_moves": acted.len(),
        "rebalances": sent,
        "blocks_of_holds": held.len(),
    }))
}
