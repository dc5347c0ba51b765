//! From an outcome to the report that `keeper report` makes, and reports as files.

use std::{fs, path::Path};

use vagus_attribution::AttributionError;
use vagus_backtest::{Decided, Outcome, history::Summary};
use vagus_chain::Header;
use vagus_journal::OutcomeState;

use super::{Backtested, HELD_FIXED, keep};
use crate::{
    attribution::{
        book::Known,
        gather::{Gathered, Venue},
        join::Source,
        view::{self, Facts, Report},
    },
    exit::{Exit, Failure},
    render,
};

fn source(decided: Option<Decided>) -> Source {
    let Some(of) = decided else { return Source::default() };
    let state = if of.is_executed { OutcomeState::Executed } else { OutcomeState::Reverted };
    let known = Known {
        decision: of.decision,
        agent: of.agent,
        reason: of.reason,
        native_price: of.native_price,
        policy_version: of.policy_version,
        is_upkeep: false,
        state: Some(state),
        mined: None,
        fills: Vec::new(),
    };
    Source {
        transaction: None,
        decision: Some(of.decision),
        known: Some(known),
        fee_wei: Some(of.fee_wei),
    }
}

/// The report of an outcome.
///
/// # Errors
/// Those of the attribution.
pub(super) fn of(summary: &Summary, outcome: Outcome) -> Result<Report, AttributionError> {
    let head = &summary.head;
    let venue = |one: &vagus_backtest::history::Named| Venue {
        strategy: one.strategy,
        name: one.name.clone(),
    };
    let [opening, closing] = outcome.ends.map(|block| Header { block, base_fee_wei: 0 });
    let gathered = Gathered {
        asset: head.asset.clone(),
        venues: head.strategies.iter().map(venue).collect(),
        opening,
        closing,
        history: outcome.history,
        sources: outcome.sources.iter().map(|one| source(one.decided)).collect(),
        standings: outcome.standings,
        fees: Vec::new(),
        live_assets: None,
    };
    let facts = Facts {
        vault: &head.name,
        treasury: &head.name,
        chain: &head.chain,
        chain_id: head.chain_id,
        address: head.vault,
        holds: outcome.holds,
        has_journal: true,
        is_final: true,
    };
    let mut report = view::report(facts, &gathered)?;
    if let Some(block) = outcome.compared.own_from {
        report.notes.push(format!("A backtest: from block {block} on the positions are its own."));
        report.notes.extend(HELD_FIXED.map(str::to_owned));
    } else {
        report.notes.push(
            "A backtest: every position is the recorded one, and so is what came of it.".to_owned(),
        );
    }
    Ok(report)
}

/// Writes each report into a folder, in three forms.
///
/// # Errors
/// If the folder cannot be written to.
pub(super) fn write(folder: &Path, backtests: &[Backtested]) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| keep::failure(folder, &error))?;
    for one in backtests {
        let json = serde_json::to_string_pretty(&one.report)
            .map_err(|error| Failure::new(Exit::Internal, error))?;
        let forms = [
            ("json", json),
            ("csv", render::attribution::csv(&one.report)),
            ("html", render::attribution::html(&one.report)),
        ];
        for (ending, text) in forms {
            let file = folder.join(format!("{}.{ending}", one.policy));
            fs::write(&file, text).map_err(|error| keep::failure(&file, &error))?;
        }
    }
    Ok(())
}
