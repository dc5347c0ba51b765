//! `make demo`: the story told aloud, and the same world standing still for comparison.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::{
    figures::{amount, percent, percent_over},
    paths,
    story::{Ending, Story, Tenure},
    teller::{Teller, Tone},
    world::World,
};

/// Both endings of one world.
#[derive(Debug)]
pub struct Comparison {
    /// With the keeper to the end.
    pub kept: Ending,
    /// With the first allocation held unchanged.
    pub still: Ending,
    /// The world with the keeper, after its end.
    pub world: World,
    /// The world that stood still, after its end.
    pub still_world: World,
}

/// Plays both stories, each on a chain of its own.
///
/// # Errors
/// If one of them fails.
pub async fn play(kind: &str, teller: Teller) -> Result<Comparison> {
    let folder = paths::run_folder(kind)?;
    let kept = Story::open(&folder, Tenure::ToTheEnd, teller).await?;
    let (kept, world) = kept.tell().await?;
    teller.chapter("10  The same world, standing still");
    teller.line(
        Tone::Plain,
        "a second chain repeats every block; there the first allocation is held unchanged",
    );
    let folder = paths::run_folder(kind)?;
    let still = Story::open(&folder, Tenure::FirstAllocation, Teller::silent()).await?;
    let (still, still_world) = still.tell().await.context("standing still")?;
    ensure!(kept.first == still.first, "the two worlds differ before they should");
    Ok(Comparison { kept, still, world, still_world })
}

/// Plays, tells, and closes with the one line that says how it went.
///
/// # Errors
/// If a story fails.
pub async fn run() -> Result<()> {
    let started = Instant::now();
    let teller = Teller::aloud();
    let comparison = play("demo", teller).await?;
    let Comparison { kept, still, world, .. } = &comparison;
    let decimals = world.venues.asset.decimals;
    let symbol = &world.venues.asset.symbol;

    let (first, last) = (&kept.first, &kept.last);
    let mut rows = vec![vec![
        "idle".to_owned(),
        percent(first.idle, first.total()),
        percent(last.idle, last.total()),
    ]];
    for (place, (name, _, _)) in world.strategies.iter().enumerate() {
        let weight = |of: &crate::world::Holdings| {
            of.strategies.get(place).map_or_else(String::new, |value| percent(*value, of.total()))
        };
        rows.push(vec![name.clone(), weight(first), weight(last)]);
    }
    teller.chapter("What it came to");
    teller.table(&["weights", "after the first allocation", "before the exits"], &rows);
    let (income, standing) = (kept.income()?, still.income()?);
    teller.table(
        &["income", symbol],
        &[
            vec!["with the keeper".to_owned(), amount(income, decimals)],
            vec!["standing still".to_owned(), amount(standing, decimals)],
        ],
    );
    let rows: Vec<Vec<String>> = kept
        .rebalances
        .iter()
        .map(|fact| {
            vec![
                fact.block.to_string(),
                amount(fact.turnover, decimals),
                fact.gas.to_string(),
                fact.loss.to_string(),
                fact.decision.to_string()[..10].to_owned(),
            ]
        })
        .collect();
    teller.table(&["block", "moved", "gas", "loss (smallest unit)", "decision"], &rows);
    teller.line(
        Tone::Faint,
        &format!("kept in {}, {} s", world.folder.display(), started.elapsed().as_secs()),
    );
    anstream::println!(
        "demo: ok, {} rebalances, {} holds, {} refusals, income {} over standing still",
        kept.rebalances.len(),
        kept.held_blocks,
        kept.refusals,
        percent_over(income, standing),
    );
    Ok(())
}
