//! `keeper backtest`: what would have been decided over a past, under any policy, and what would have come of it.
//!
//! [`compare`] is what other verbs call: a history, some candidates, a report of each. Deciding and stepping are
//! [`vagus_backtest`]'s; here are files, threads and words.

mod candidate;
mod export;
mod file;
mod generated;
mod keep;
mod progress;
mod report;

use std::{path::Path, thread};

use serde::Serialize;
use vagus_backtest::{Backtest, Compared, Followed};

use crate::{
    JSON_SCHEMA_VERSION,
    attribution::view::Report,
    cli::Backtesting,
    exit::{Exit, Failure},
    render,
};
pub use candidate::Candidate;
pub use export::history;
pub use file::HistoryFile;
use keep::Keep;
use progress::Progress;

/// What is exact in a backtest, one sentence each.
pub const EXACT: [&str; 4] = [
    "As long as the positions agree with the recorded ones, the past is taken as it was, and decided about again.",
    "Rates, prices and liquidity at Aave V3 and Morpho Blue follow from the venues' own formulas with our position replaced.",
    "Limits, budgets, cooldown, price references and every other rule of the guard are checked as the guard does.",
    "The parts of the result add up to it, to the unit.",
];

/// What is held fixed in a backtest, one sentence each.
pub const HELD_FIXED: [&str; 5] = [
    "Other users do not react: at each venue they supply, borrow, repay and withdraw what they did, whatever rate our position \
     leaves them.",
    "Depositors enter and leave the vault with the assets they did; what is pulled, trimmed or checkpointed is not repeated.",
    "Gas costs what it did, and a plan is carried out in the next block.",
    "How far NAV lags behind the live value, fee shares, and the seasoned part of supply are the recorded ones.",
    "A strategy without a known curve has the price that it had, whatever we do there.",
];

/// How a comparison is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Where to keep how far it is; nowhere if none.
    pub resume: Option<&'a Path>,
    /// Whether a person looks on.
    pub shows_progress: bool,
}

/// What a candidate came to.
#[derive(Clone, Debug, Serialize)]
pub struct Backtested {
    /// Its name.
    pub policy: String,
    /// Hash of its document; none of what was in force.
    pub policy_hash: Option<alloy::primitives::B256>,
    /// What was counted on the way.
    pub followed: Followed,
    /// Beside the record.
    pub compared: Compared,
    /// Hash of its last record: two runs that decided the same have the same.
    pub head: alloy::primitives::B256,
    /// Where the result came from.
    pub report: Report,
}

/// Goes through a history under each candidate, side by side, a thread for each. Reports are in the candidates' order.
///
/// # Errors
/// If a candidate does not fit the history, the history cannot be read again, or the folder cannot be written to.
pub fn compare(
    history: &HistoryFile,
    candidates: &[Candidate],
    options: Options<'_>,
) -> Result<Vec<Backtested>, Failure> {
    let summary = history.summary();
    for candidate in candidates {
        let rules = &candidate.rules;
        rules.fit(&summary.head, &summary.followed, history.first()).map_err(|error| {
            Failure::new(Exit::History, format_args!("{}: {error}.", candidate.name))
        })?;
    }
    if let Some(folder) = options.resume {
        std::fs::create_dir_all(folder).map_err(|error| keep::failure(folder, &error))?;
    }
    let progress = Progress::new(summary.lines, candidates.len(), options.shows_progress);
    thread::scope(|scope| {
        let running: Vec<_> = candidates
            .iter()
            .enumerate()
            .map(|(place, candidate)| {
                let (progress, resume) = (&progress, options.resume);
                scope.spawn(move || {
                    run(history, candidate, resume, |lines| progress.tell(place, lines))
                })
            })
            .collect();
        let ended = || running.iter().all(thread::ScopedJoinHandle::is_finished);
        progress.watch(ended);
        let died = |_| Failure::new(Exit::Internal, "A thread of the backtest died.");
        let results = running.into_iter().map(|one| one.join().map_err(died).flatten());
        results.collect()
    })
}

/// One candidate, from the beginning or from where it was.
fn run(
    history: &HistoryFile,
    candidate: &Candidate,
    resume: Option<&Path>,
    mut tell: impl FnMut(u64),
) -> Result<Backtested, Failure> {
    let summary = history.summary();
    let broken = |error| Failure::new(Exit::History, format_args!("{}: {error}.", candidate.name));
    let mut keep = resume.map(|folder| Keep::new(folder, summary, candidate));
    let mut blocks = history.read()?;
    let mut backtest = Backtest::new(summary, candidate.rules.clone());
    let kept = keep.as_ref().and_then(Keep::kept);
    if let Some(kept) = kept
        && let Some(resumed) =
            backtest.clone().resumed(&kept, |lines| blocks.skip_to(lines).ok().flatten())
    {
        backtest = resumed;
        tracing::info!("{}: goes on after line {}", candidate.name, backtest.lines());
    } else {
        blocks = history.read()?;
    }
    while backtest.lines() < summary.lines {
        let Some(block) = blocks.next()? else { break };
        backtest.step(block).map_err(broken)?;
        tell(backtest.lines());
        if let Some(keep) = &mut keep {
            keep.perhaps(&backtest)?;
        }
    }
    let outcome = backtest.finish().map_err(broken)?;
    let (followed, compared, head) = (outcome.followed, outcome.compared.clone(), outcome.head);
    let report =
        report::of(summary, outcome).map_err(|error| Failure::new(Exit::Internal, error))?;
    if let Some(keep) = keep {
        keep.done();
    }
    Ok(Backtested {
        policy: candidate.name.clone(),
        policy_hash: candidate.hash(),
        followed,
        compared,
        head,
        report,
    })
}

/// The document of a comparison.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: u32,
    history: Told<'a>,
    exact: [&'static str; EXACT.len()],
    held_fixed: [&'static str; HELD_FIXED.len()],
    backtests: &'a [Backtested],
}

/// The history of a comparison.
#[derive(Debug, Serialize)]
struct Told<'a> {
    vault: &'a str,
    address: alloy::primitives::Address,
    lines: u64,
    first_block: u64,
    last_block: u64,
    hash: alloy::primitives::B256,
}

/// The comparison that the command line asks for, as text for stdout.
///
/// # Errors
/// Those of [`compare`], of the history and of the policy files, each before anything is gone through; if a report cannot
/// be written.
pub fn backtest(wanted: &Backtesting) -> Result<String, Failure> {
    use std::io::IsTerminal as _;
    let mut candidates = Vec::new();
    if let Some(seed) = wanted.generate {
        let (strategies, lines) = (wanted.strategies.into(), wanted.lines as usize);
        candidates.push(generated::write(&wanted.history, seed, strategies, lines)?);
    }
    let history = HistoryFile::open(&wanted.history)?;
    let summary = history.summary();
    if wanted.recorded || (wanted.policy.is_empty() && candidates.is_empty()) {
        candidates.push(Candidate::recorded(&summary.head)?);
    }
    for file in &wanted.policy {
        candidates.push(Candidate::load(file, &summary.head, &wanted.name)?);
    }
    candidate::distinct(&candidates)?;
    let options = Options {
        resume: wanted.resume.as_deref(),
        shows_progress: std::io::stderr().is_terminal(),
    };
    let backtests = compare(&history, &candidates, options)?;
    if let Some(folder) = &wanted.out {
        report::write(folder, &backtests)?;
    }
    if !wanted.json {
        return Ok(render::backtest::text(summary, &backtests, wanted.out.as_deref()));
    }
    let document = Document {
        schema: JSON_SCHEMA_VERSION,
        history: Told {
            vault: &summary.head.name,
            address: summary.head.vault,
            lines: summary.lines,
            first_block: summary.range[0].0,
            last_block: summary.range[1].0,
            hash: summary.hash,
        },
        exact: EXACT,
        held_fixed: HELD_FIXED,
        backtests: &backtests,
    };
    serde_json::to_string_pretty(&document).map_err(|error| Failure::new(Exit::Internal, error))
}
