//! Backtests for people: one with its whole report, several side by side.

use std::path::Path;

use alloy::primitives::I256;
use vagus_backtest::history::Summary;

use super::{
    attribution,
    number::{short, time},
    table::table,
};
use crate::backtest::{Backtested, EXACT, HELD_FIXED};

fn how_it_compares(one: &Backtested) -> String {
    let compared = &one.compared;
    if compared.decisions == 0 && compared.taken_over == 0 {
        return "none of the recorded decisions was under this policy".to_owned();
    }
    let mut text = format!(
        "{} of {} recorded decisions came out with the recorded hash, {} were taken over",
        compared.same, compared.decisions, compared.taken_over
    );
    if compared.executions > 0 {
        text.push_str(&format!(
            "; of {} executions the formulas were off by at most {} units in a leg",
            compared.executions, compared.largest_gap
        ));
    }
    if let Some(difference) = &compared.first_difference {
        let found = difference.found.map_or("a hold".to_owned(), short);
        text.push_str(&format!(
            "; the first to differ is {} at block {}, which came out as {found}",
            short(difference.recorded),
            difference.block
        ));
    }
    text
}

fn whose(one: &Backtested) -> String {
    match one.compared.own_from {
        None => "recorded to the end".to_owned(),
        Some(block) => format!("own from block {block}"),
    }
}

fn list(heading: &str, sentences: &[&str]) -> String {
    let lines = sentences.iter().map(|sentence| format!("  - {sentence}"));
    format!("{heading}\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// The whole page. `out` is where the reports were written, if they were.
#[must_use]
pub fn text(summary: &Summary, backtests: &[Backtested], out: Option<&Path>) -> String {
    let [first, last] = summary.range;
    let mut page = vec![format!(
        "Backtest of {} on {}: {} lines, from block {} ({}) to block {} ({}), history {}",
        summary.head.name,
        summary.head.chain,
        summary.lines,
        first.0,
        time(first.1),
        last.0,
        time(last.1),
        short(summary.hash)
    )];
    if let [one] = backtests {
        page.push(attribution::text(&one.report));
    }
    page.push(side_by_side(backtests));
    let told = backtests.iter().map(|one| format!("{}: {}.", one.policy, how_it_compares(one)));
    page.push(told.collect::<Vec<_>>().join("\n"));
    page.push(list("Exact:", &EXACT));
    page.push(list("Held fixed:", &HELD_FIXED));
    if let Some(folder) = out {
        page.push(format!("Reports written to {}, as JSON, CSV and HTML.", folder.display()));
    }
    page.join("\n\n")
}

fn side_by_side(backtests: &[Backtested]) -> String {
    let mut heading = vec![""];
    heading.extend(backtests.iter().map(|one| one.policy.as_str()));
    let row = |name: &str, of: &dyn Fn(&Backtested) -> String| {
        std::iter::once(name.to_owned()).chain(backtests.iter().map(of)).collect::<Vec<_>>()
    };
    let amount = |one: &Backtested, of: I256| attribution::signed(of, &one.report.asset);
    let rows = [
        row("Result", &|one| amount(one, one.report.result.result.0)),
        row("  opening portfolio, held unchanged", &|one| amount(one, one.report.result.held.0)),
        row("  decisions, since their execution", &|one| amount(one, one.report.result.decided.0)),
        row("  flows, held unchanged since", &|one| amount(one, one.report.result.gained_flows.0)),
        row("Decisions less gas", &|one| amount(one, one.report.result.decided_net.0)),
        row("Value at the end", &|one| amount(one, one.report.closing.assets.0)),
        row("Decided", &|one| one.followed.decided.to_string()),
        row("  with a plan", &|one| one.followed.plans.to_string()),
        row("  carried out", &|one| match one.compared.own_from {
            None => one.report.decisions.len().to_string(),
            Some(_) => one.followed.executed.to_string(),
        }),
        row("  reverted", &|one| one.followed.reverted.to_string()),
        row("Positions", &|one| whose(one)),
        row("Last record", &|one| short(one.head)),
    ];
    table(&heading, &rows)
}
