//! `keeper report`: where a vault's result came from, decision by decision, from chain and journal.

pub(crate) mod alone;
pub(crate) mod book;
pub(crate) mod gather;
pub(crate) mod join;
pub(crate) mod ledger;
mod points;
mod range;
mod scan;
mod standing;
pub mod view;

use std::{fs, path::Path};

use vagus_chain::{ChainError, ChainReader as _, ChainResult, Deployment, Header, Tag};

use crate::{
    cli::{ReportFormat, Reporting},
    config::Config,
    exit::{Exit, Failure},
    render, status,
    world::{self, ChainWorld, VaultWorld},
};
use book::Book;
pub use range::Bound;
pub(crate) use scan::logs_of;
use view::Report;

/// A failed question about the past. What an endpoint lacks is then most often old state.
fn failure(error: &ChainError) -> Failure {
    let ChainError::Late { endpoint, block } = error else { return world::chain_failure(error) };
    Failure::new(
        Exit::Unreachable,
        format_args!(
            "{endpoint} has no state of block {block}; expected an endpoint that keeps old state (an archive node), or a \
             later --from."
        ),
    )
}

fn unfit(what: &str) -> Failure {
    Failure::new(Exit::Usage, what)
}

/// The report that the command line asks for: the text for stdout, or a line that says where it was written.
///
/// # Errors
/// Those of configuration, chain and journal; if the range is none; if the file cannot be written.
pub async fn report(wanted: &Reporting) -> Result<String, Failure> {
    let config = Config::load(&wanted.config)?;
    let chosen = config.select(wanted.vault.as_deref())?;
    if chosen.len() != 1 {
        let names: Vec<_> = chosen.iter().map(|vault| vault.name.as_str()).collect();
        let names = names.join(", ");
        return Err(unfit(&format!(
            "--vault is missing: a report is of one vault; expected one of {names}."
        )));
    }
    let worlds = world::open(&config, wanted.vault.as_deref()).await?;
    let one = worlds.first().and_then(|world| world.vaults.first().map(|vault| (world, vault)));
    let Some((world, vault)) = one else {
        return Err(Failure::new(Exit::Internal, "A vault without a chain."));
    };
    let report = make(&config, world, vault, wanted).await?;
    let text = written(&report, wanted.format())?;
    let Some(file) = &wanted.out else { return Ok(text) };
    save(file, &text)?;
    Ok(format!("report of {} written to {}, {} bytes", report.vault, file.display(), text.len()))
}

fn save(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| {
        let file = file.display();
        unfit(&format!("{file}: the report cannot be written into it: {error}; expected a file in a folder that exists."))
    })
}

fn written(report: &Report, format: ReportFormat) -> Result<String, Failure> {
    Ok(match format {
        ReportFormat::Table => render::attribution::text(report),
        ReportFormat::Csv => render::attribution::csv(report),
        ReportFormat::Html => render::attribution::html(report),
        ReportFormat::Json => serde_json::to_string_pretty(report)
            .map_err(|error| Failure::new(Exit::Internal, error))?,
    })
}

async fn make(
    config: &Config,
    world: &ChainWorld,
    vault: &VaultWorld,
    wanted: &Reporting,
) -> Result<Report, Failure> {
    let failed = |error| failure(&error);
    let head = world.endpoints.head(Tag::Latest).await.map_err(failed)?;
    let deployed = Deployment::load(&vault.config.deployment)
        .map_err(|error| Failure::new(Exit::Deployment, error))?;
    let range = range_of(world, deployed.deploy_block, wanted, &head).await.map_err(failed)?;
    let (first, last) = (range.0.block.number, range.1.block.number);
    if first >= last {
        return Err(unfit(&format!(
            "The report would begin at block {first} and end at block {last}; expected an end after the beginning."
        )));
    }
    let journal = status::open(&config.journal).await?;
    let book = match &journal {
        None => Book::default(),
        Some(journal) => {
            let (chain_id, vault) = (world.config.chain_id, vault.entry.vault);
            let book = Book::read(journal, chain_id, vault, (first, last)).await;
            book.map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))?
        }
    };
    let gathered = gather::gather(world, vault, range, &book).await.map_err(failed)?;
    let finalized = world.finalized(&head).await.map_err(failed)?;
    let facts = view::Facts {
        vault: &vault.config.name,
        treasury: vault.treasury(),
        chain: &world.config.name,
        chain_id: world.config.chain_id,
        address: vault.entry.vault,
        holds: book.holds,
        has_journal: journal.is_some(),
        is_final: last <= finalized.block.number,
    };
    view::report(facts, &gathered).map_err(|error| Failure::new(Exit::Internal, error))
}

/// Opening and end. Left to itself it is the vault's whole life: the block before its deployment began, to the newest one.
async fn range_of(
    world: &ChainWorld,
    deploy_block: u64,
    wanted: &Reporting,
    head: &Header,
) -> ChainResult<(Header, Header)> {
    let (chain, floor) = (&world.endpoints, deploy_block.saturating_sub(1));
    let opening = range::opening(chain, wanted.from, floor, head).await?;
    Ok((opening, range::closing(chain, wanted.to, floor, head).await?))
}
