//! `keeper policy verify`: whether the chain is what the declared files say, point by point. Declared are the deployment's
//! record, the policy file, the build's code and, where a strategy is not of this build, its code too. Sends nothing.
//!
//! [`read`] asks the chain, [`compare`] is pure, and [`Check`]s are what comes of it: one row each.

mod code;
mod compare;
mod declared;
mod facts;
mod interfaces;
mod owner;
mod read;
mod roles;
mod terms;

use serde::Serialize;
use vagus_policy::BlockRef;

pub use code::{CodeList, Known};
pub use declared::{Declared, DeclaredVault, Pin};
pub use facts::{OwnerFacts, Seen, StrategyFacts, VaultFacts};

use crate::{
    JSON_SCHEMA_VERSION,
    cli::Verifying,
    exit::{Exit, Failure},
    page::Page,
    render,
};

/// One thing that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it belongs to: "chain", "owner", "deployer", "vault main".
    pub area: String,
    /// What was compared.
    pub subject: String,
    /// Whether it is as it is declared.
    pub ok: bool,
    /// What is declared.
    pub expected: String,
    /// What the chain says.
    pub found: String,
}

/// Everything that was compared at one block.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Treasury of the record.
    pub treasury: String,
    /// EIP-155 id of the record.
    pub chain_id: u64,
    /// The block.
    pub block: BlockRef,
    /// In the order of the page.
    pub checks: Vec<Check>,
}

impl Report {
    /// Rows that are not as they are declared.
    #[must_use]
    pub fn deviations(&self) -> usize {
        self.checks.iter().filter(|check| !check.ok).count()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    ok: bool,
    deviations: usize,
    reports: &'a [Report],
}

/// Compares, and gives back the page with the end that it means.
///
/// # Errors
/// If a declared file cannot be read, or the chain cannot be asked.
pub async fn verify(wanted: &Verifying) -> Result<Page, Failure> {
    let mut reports = Vec::new();
    for (declared, chain) in declared::gather(wanted).await? {
        let seen = read::read(&declared, &chain).await?;
        reports.push(Report {
            treasury: declared.deployment.treasury.clone(),
            chain_id: declared.deployment.chain_id,
            block: seen.block,
            checks: compare::compare(&declared, &seen),
        });
    }
    let deviations = reports.iter().map(Report::deviations).sum();
    let text = if wanted.json {
        let document = Document {
            schema: JSON_SCHEMA_VERSION,
            ok: deviations == 0,
            deviations,
            reports: &reports,
        };
        serde_json::to_string_pretty(&document)
            .map_err(|error| Failure::new(Exit::Internal, error))?
    } else {
        let pages: Vec<_> = reports.iter().map(render::verify::text).collect();
        pages.join("\n\n")
    };
    Ok(Page { text, missing: ended(&reports) })
}

/// The end that a report means; none if everything is as it is declared.
fn ended(reports: &[Report]) -> Option<Failure> {
    let mut deviating = reports.iter().flat_map(|report| &report.checks).filter(|check| !check.ok);
    let first = deviating.next()?;
    let others = match deviating.count() {
        0 => String::new(),
        1 => " One more is not as it is declared.".to_owned(),
        count => format!(" {count} more are not as they are declared."),
    };
    let Check { area, subject, expected, found, .. } = first;
    Some(Failure::new(
        Exit::Deviates,
        format_args!("{area}, {subject}: expected {expected}, found {found}.{others}"),
    ))
}
