//! The figures as tables for people, in the files that carry them.

use std::fmt::Write;

use anyhow::{Context, Result};

use crate::{
    contenders::Contender,
    figures::{Figure, Figures},
    history::HISTORIES,
};

/// Before and after what is written into a file.
const BEGIN: &str = "<!-- income: written by `make bench-income` -->\n";
const END: &str = "<!-- end of income -->\n";

/// Income and how often it was rebalanced.
fn cell(figure: &Figure) -> String {
    format!("{} % ({})", figure.income_percent.replace('-', "−"), figure.rebalances)
}

/// All figures.
///
/// # Errors
/// If one is missing.
pub fn all(figures: &Figures) -> Result<String> {
    let names = Contender::ALL.map(Contender::name).join(" | ");
    let mut text = format!("| history | what happens | {names} |\n| --- | --- |");
    text += &" ---: |".repeat(Contender::ALL.len());
    text.push('\n');
    for history in &HISTORIES {
        let best = figures.best(history)?;
        write!(text, "| {} | {} |", history.name, history.about)?;
        for contender in Contender::ALL {
            let cell = cell(figures.figure(history, contender)?);
            let mark = if best.contains(&contender) { "**" } else { "" };
            write!(text, " {mark}{cell}{mark} |")?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// The rows in which somebody earned more than this repository's decision code.
///
/// # Errors
/// If a figure is missing.
pub fn lost(figures: &Figures) -> Result<String> {
    let mut rows = String::new();
    let mut count = 0u32;
    for history in &HISTORIES {
        let best = figures.best(history)?;
        let Some(other) = best.first().filter(|_| !best.contains(&Contender::Vagus)) else {
            continue;
        };
        let ours = cell(figures.figure(history, Contender::Vagus)?);
        let theirs = cell(figures.figure(history, *other)?);
        let names: Vec<&str> = best.iter().map(|contender| contender.name()).collect();
        writeln!(
            rows,
            "| {} | {} | {ours} | {}: {theirs} |",
            history.name,
            history.about,
            names.join(", ")
        )?;
        count += 1;
    }
    let all = HISTORIES.len();
    if count == 0 {
        return Ok(format!("Of {all} histories it lost none.\n"));
    }
    Ok(format!(
        "Of {all} histories it lost {count}:\n\n\
         | history | what happens | Vagus (rebalances) | best (rebalances) |\n| --- | --- | ---: | ---: |\n{rows}"
    ))
}

/// A file with its table written anew.
///
/// # Errors
/// If the file has no place for it.
pub fn placed(file: &str, table: &str) -> Result<String> {
    let (before, rest) = file.split_once(BEGIN).context("the file has no place for the table")?;
    let (_, after) = rest.split_once(END).context("the place for the table has no end")?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}
