use std::collections::BTreeSet;

use vagus_allocator::Reason;
use vagus_journal::RevertCause;
use vagus_keeper::exit::{Exit, Verdict};

const PAGE: &str = include_str!("../../../../docs/codes.md");

/// A column of all table rows of a section, without back ticks.
fn cells(from: &str, to: Option<&str>, column: usize) -> Vec<String> {
    let (_, rest) = PAGE.split_once(from).expect("the section is there");
    let section = to.map_or(rest, |to| rest.split_once(to).expect("the next section is there").0);
    section
        .lines()
        .filter(|line| {
            let cell = line.strip_prefix("| ");
            cell.is_some_and(|cell| cell.starts_with(|c: char| c == '`' || c.is_ascii_digit()))
        })
        .map(|line| {
            line.split('|').nth(column).unwrap_or_default().trim().trim_matches('`').to_owned()
        })
        .collect()
}

#[test]
fn every_reason_is_documented_once_in_its_section() {
    let rebalances = cells("### Rebalances", Some("### Upkeep"), 1);
    let upkeep = cells("### Upkeep", Some("### Holds"), 1);
    let holds = cells("### Holds", Some("## Causes of a revert"), 1);
    let code = |kind: (bool, bool)| {
        let is_kind = |reason: &Reason| (reason.is_rebalance(), reason.is_upkeep()) == kind;
        let chosen = Reason::ALL.into_iter().filter(is_kind);
        chosen.map(|reason| format!("{reason:?}")).collect::<Vec<_>>()
    };
    assert_eq!(rebalances, code((true, false)));
    assert_eq!(upkeep, code((false, true)));
    assert_eq!(holds, code((false, false)));
    let written: BTreeSet<String> = Reason::ALL
        .iter()
        .map(|reason| serde_json::to_string(reason).expect("json").trim_matches('"').to_owned())
        .collect();
    assert_eq!(
        written,
        rebalances.into_iter().chain(upkeep).chain(holds).collect(),
        "as they stand in records"
    );
}

#[test]
fn every_cause_of_a_revert_is_documented_once() {
    let documented = cells("## Causes of a revert", Some("## Exit codes"), 1);
    let code: Vec<_> = RevertCause::ALL.iter().map(|cause| format!("{cause:?}")).collect();
    assert_eq!(documented, code);
    let written = RevertCause::ALL.iter().map(|cause| serde_json::to_string(cause).expect("json"));
    let written: Vec<_> = written.map(|text| text.trim_matches('"').to_owned()).collect();
    assert_eq!(written, documented, "as they stand in outcomes");
}

#[test]
fn every_exit_code_is_documented_with_its_number() {
    let numbers = cells("## Exit codes", Some("## Verdicts"), 1);
    let names = cells("## Exit codes", Some("## Verdicts"), 2);
    let code: Vec<(String, String)> = Exit::ALL
        .into_iter()
        .map(|exit| (exit.number().to_string(), format!("{exit:?}")))
        .collect();
    assert_eq!(numbers.into_iter().zip(names).collect::<Vec<_>>(), code);
}

#[test]
fn every_verdict_is_documented_with_its_number() {
    let numbers = cells("## Verdicts of", None, 1);
    let names = cells("## Verdicts of", None, 2);
    let code: Vec<(String, String)> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict.number().to_string(), format!("{verdict:?}")))
        .collect();
    assert_eq!(numbers.into_iter().zip(names).collect::<Vec<_>>(), code);
}

/// Every command that the help names stands on the page of commands, with known codes.
#[test]
fn every_command_is_documented() {
    use clap::CommandFactory as _;
    let page = include_str!("../../../../docs/operations/commands.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `keeper ")).collect();
    let mut known = Vec::new();
    for command in vagus_keeper::cli::Cli::command().get_subcommands() {
        let name = command.get_name();
        let inner: Vec<_> = command.get_subcommands().map(|sub| sub.get_name()).collect();
        match inner.as_slice() {
            [] => known.push(format!("keeper {name}")),
            inner => known.extend(inner.iter().map(|sub| format!("keeper {name} {sub}"))),
        }
    }
    let mut documented: Vec<String> = rows
        .iter()
        .map(|row| row.split('|').nth(1).unwrap_or_default().trim().trim_matches('`').to_owned())
        .collect();
    for row in &rows {
        for code in row.split('|').nth(4).unwrap_or_default().split(',').map(str::trim) {
            let is_known = Exit::ALL.iter().any(|exit| exit.number().to_string() == code);
            assert!(code.is_empty() || is_known, "{code} in {row}");
        }
    }
    known.sort();
    documented.sort();
    assert_eq!(documented, known);
}
